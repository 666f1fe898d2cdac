//! `--out`: standard output, devices, pipes and plain files. Links are refused.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::process::Command;

use crate::support::Process;
use crate::support::authority::PASSWORD;
use crate::support::process::gatepass;

#[tokio::test(flavor = "multi_thread")]
async fn a_dash_is_standard_output() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let here = dir.path().join("here");
    fs::create_dir(&here).unwrap();
    for out in ["-", "/dev/stdout", "/dev/fd/1"] {
        let output = server.command(&["token", "create", "--out", out]).current_dir(&here).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.starts_with("eyJ") && told.lines().count() == 1, "{out}: {told}");
        let output =
            server.command(&["ca", "export-root", "--out", out]).current_dir(&here).output().unwrap();
        assert!(output.stdout.starts_with(b"-----BEGIN CERTIFICATE-----"), "{out}");
    }
    let made = server.json(&["api-key", "create", "--scope", "tokens:read", "--out", "-"]);
    assert!(made["api_key"].as_str().unwrap().starts_with("gpk_"), "{made}");
    assert_eq!(fs::read_dir(&here).unwrap().count(), 0, "no file of this name is made");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_and_pipes_are_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (args, begin) in [
        (["token", "create"].as_slice(), "eyJ"),
        (&["api-key", "create", "--scope", "tokens:read"], "gpk_"),
        (&["ca", "export-root"], "-----BEGIN"),
    ] {
        let reader = Command::new("cat").arg(&pipe).stdout(std::process::Stdio::piped()).spawn().unwrap();
        server.told(&[args, &["--out", pipe.to_str().unwrap()]].concat());
        let read = String::from_utf8(reader.wait_with_output().unwrap().stdout).unwrap();
        assert!(read.starts_with(begin), "{args:?}: {read}");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo(), "{args:?} replaced the pipe");
        let told = server.told(&[args, &["--out", "/dev/null"]].concat());
        assert!(!told.contains("rm /dev/null"), "{told}");
    }
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    // A descriptor that the shell has opened, as in `--out >(vault write -)`.
    let kept = dir.path().join("kept");
    let script = "exec \"$0\" token create --data-dir \"$1\" --out /dev/fd/7 7>\"$2\"";
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_gatepass"))
        .arg(&server.data_dir)
        .arg(&kept)
        .env_clear();
    assert!(shell.output().unwrap().status.success());
    assert!(fs::read_to_string(&kept).unwrap().starts_with("eyJ"));
    let (code, error) = server.fails(&["token", "create", "--out", "/dev/full"]);
    assert!(code == 1 && error.contains("is lost") && error.contains("gatepass token revoke"), "{error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (target, link) = (dir.path().join("target"), dir.path().join("link"));
    fs::write(&target, "kept").unwrap();
    symlink(&target, &link).unwrap();
    let before = server.json(&["token", "list"]);
    for args in [
        ["token", "create", "--out"].as_slice(),
        &["token", "create", "--force", "--out"],
        &["api-key", "create", "--scope", "tokens:read", "--out"],
        &["ca", "export-root", "--out"],
    ] {
        let (code, error) = server.fails(&[args, &[link.to_str().unwrap()]].concat());
        assert!(
            code == 2 && error.contains("is a link to") && error.contains("nothing was done"),
            "{args:?}: {error}"
        );
        assert!(fs::read_link(&link).is_ok() && fs::read_to_string(&target).unwrap() == "kept", "{args:?}");
    }
    assert_eq!(server.json(&["token", "list"]), before);
    assert_eq!(server.json(&["api-key", "list"]), serde_json::json!([]));

    let home = dir.path().join("home/gatepass");
    fs::create_dir_all(&home).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&target, format!("server = \"{}\"\nuser = \"admin\"\n", server.url)).unwrap();
    symlink(&target, home.join("profile.toml")).unwrap();
    let mut login = gatepass();
    login.args(["login", "--ca-fingerprint", &server.root.to_string()]).env("GATEPASS_PASSWORD", PASSWORD);
    let output = login.env("XDG_CONFIG_HOME", dir.path().join("home")).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && error.contains("is a link to"), "{error}");
    assert!(fs::read_link(home.join("profile.toml")).is_ok());
    assert!(!error.contains("verified by"), "the server was not reached, so no password was sent: {error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dash_is_standard_input_of_a_login() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let key = server.told(&["api-key", "create", "--scope", "tokens:read", "--quiet"]);
    for (flag, secret) in [("--password-file", format!("{PASSWORD}\n")), ("--api-key-file", key)] {
        let file = dir.path().join("secret");
        fs::write(&file, secret).unwrap();
        let mut login = gatepass();
        login.args([
            "login",
            "--server",
            &server.url,
            "--ca-fingerprint",
            &server.root.to_string(),
            flag,
            "-",
        ]);
        login.env("XDG_CONFIG_HOME", dir.path()).stdin(fs::File::open(&file).unwrap());
        let output = login.output().unwrap();
        assert!(output.status.success(), "{flag}: {}", String::from_utf8_lossy(&output.stderr));
    }
    server.stop().await;
}
