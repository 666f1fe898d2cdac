//! Files with secrets, as editors and other systems write them: the server and every command read them alike.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::support::served::{Served, complaint, gatepass, run, serve};

const PASSWORD: &str = "correct horse battery staple";

/// `gatepass serve` with this file of the first admin's password.
fn serve_with(data: &Path, password: &Path) -> Command {
    let mut serve = serve(data);
    serve.env_remove("GATEPASS_ADMIN_PASSWORD").arg("--admin-password-file").arg(password);
    serve
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passwords_file_can_have_a_mark() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data"), dir.path().join("password"));
    fs::write(&file, format!("\u{feff}{PASSWORD}\r\n")).unwrap();
    let at = Served::start(serve_with(&data, &file));
    let typed = at.stranger().basic("admin", PASSWORD).get("/api/v1/roles").await;
    assert_eq!(typed.status, 200, "{}", typed.text);
    let mut login = gatepass();
    login.args(["login", "--server", &at.url, "--ca-fingerprint", &at.root.to_string(), "--password-file"]);
    let signed_in = run(login.arg(&file).env("HOME", dir.path()).env_remove("XDG_CONFIG_HOME"));
    assert!(signed_in.status.success(), "{}", complaint(&signed_in));
    assert!(at.stop().success());

    fs::remove_file(&file).unwrap();
    assert!(Served::start(serve_with(&data, &file)).stop().success(), "a later start does not read it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_can_hold_the_first_password() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data"), dir.path().join("gatepass.admin-password"));
    let with_credentials = || {
        let mut serve = serve(&data);
        serve.env_remove("GATEPASS_ADMIN_PASSWORD").env("CREDENTIALS_DIRECTORY", dir.path());
        serve
    };
    fs::write(&file, "short\n").unwrap();
    let refused = run(&mut with_credentials());
    let why = complaint(&refused);
    assert_eq!(refused.status.code(), Some(2), "{why}");
    assert!(why.contains("CREDENTIALS_DIRECTORY") && why.contains("gatepass.admin-password"), "{why}");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let at = Served::start(with_credentials());
    let signed_in = at.stranger().basic("admin", PASSWORD).get("/api/v1/roles").await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    assert!(at.stop().success());
    fs::remove_file(&file).unwrap();
    assert!(Served::start(with_credentials()).stop().success(), "a later start needs no credential");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passwords_file_can_be_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let (given, mut giving) = std::io::pipe().unwrap();
    giving.write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    drop(giving);
    let mut serve = serve_with(&dir.path().join("data"), Path::new("/dev/stdin"));
    serve.stdin(given);
    let at = Served::start(serve);
    assert_eq!(at.stranger().basic("admin", PASSWORD).get("/api/v1/roles").await.status, 200);
    assert!(at.stop().success());
}

#[test]
fn a_first_start_refuses_an_invisible_end() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data"), dir.path().join("password"));
    for (text, why) in [
        (format!("{PASSWORD}\u{a0}\n"), "character 29 is U+00A0"),
        (format!(" {PASSWORD}\n"), "character 1 is U+0020"),
        (String::new(), "empty"),
    ] {
        fs::write(&file, text).unwrap();
        let refused = run(&mut serve_with(&data, &file));
        let said = complaint(&refused);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(why) && said.contains("--admin-password-file"), "{said}");
        assert!(!said.contains("correct horse"), "{said}");
        assert!(!data.exists(), "{said}");
    }
}

#[test]
fn commands_refuse_an_invisible_end() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    fs::write(&file, "secret\t\n").unwrap();
    let mut login = gatepass();
    login.args(["login", "--server", "https://127.0.0.1:1", "--outside-tls", "--password-file"]);
    let refused = run(login.arg(&file).env("HOME", dir.path()));
    let said = complaint(&refused);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("character 7 is U+0009"), "{said}");
}
