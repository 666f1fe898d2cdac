//! A data directory that somebody else can write to, and files in it that gatepass did not write: nothing of it is used.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gatepass::service::vault::write_private;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::listing::listing;
use crate::support::served::{Served, gatepass, serve};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A data directory on which a server has run.
fn used_directory(within: &Path) -> PathBuf {
    let data = within.join("data");
    assert!(Served::start(serve(&data)).stop().success());
    data
}

/// Runs a server that has to refuse.
fn refused(command: Command) -> String {
    let said = fails(command);
    assert!(said.contains("nothing was changed"), "{said}");
    said
}

/// Runs a command that has to fail soon: opening a FIFO would wait for ever.
fn fails(mut command: Command) -> String {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    let ended = loop {
        match child.try_wait().unwrap() {
            Some(ended) => break ended,
            None if Instant::now() > deadline => {
                child.kill().unwrap();
                panic!("it neither started nor refused");
            }
            None => std::thread::yield_now(),
        }
    };
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert_eq!(ended.code(), Some(2), "{said}");
    said
}

#[test]
fn a_volume_that_a_group_writes_needs_a_subdirectory() {
    let dir = tempfile::tempdir().unwrap();
    let volume = dir.path().join("volume");
    fs::create_dir(&volume).unwrap();
    for mode in [0o777, 0o1777, 0o2775, 0o770] {
        set_mode(&volume, mode);
        let said = refused(serve(&volume));
        assert!(said.contains(&format!("such as {}/gatepass", volume.display())), "{mode:o}: {said}");
        assert_eq!(fs::read_dir(&volume).unwrap().count(), 0, "{mode:o}");
    }
    let inside = volume.join("gatepass");
    assert!(Served::start(serve(&inside)).stop().success());
    assert_eq!(fs::metadata(&inside).unwrap().permissions().mode() & 0o777, 0o700);
    set_mode(&inside, 0o775);
    assert!(refused(serve(&inside)).contains("chmod go-w"));
}

#[test]
fn a_linked_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path());
    let (database, kept) = (data.join("gatepass.db"), dir.path().join("kept.db"));
    fs::rename(&database, &kept).unwrap();
    symlink(&kept, &database).unwrap();
    let before = listing(dir.path());
    assert!(refused(serve(&data)).contains("gatepass.db is a link"));
    fs::remove_file(&database).unwrap();
    fs::hard_link(&kept, &database).unwrap();
    assert!(refused(serve(&data)).contains("gatepass.db has 2 names"));
    assert_eq!(listing(dir.path()), before);
    fs::remove_file(&kept).unwrap();
    assert!(Served::start(serve(&data)).stop().success());
}

#[test]
fn planted_files_stop_the_start_and_are_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path());
    let token = fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap().path());
    let token =
        token.into_iter().find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("token-"));
    for file in [data.join("keys/ca.json"), data.join("keys/owner"), data.join("gatepass.db"), token.unwrap()]
    {
        let kept = dir.path().join("kept");
        fs::rename(&file, &kept).unwrap();
        mknodat(CWD, &file, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let said = refused(serve(&data));
        assert!(said.contains(&format!("{} is a FIFO", file.display())), "{said}");
        fs::remove_file(&file).unwrap();
        symlink(&kept, &file).unwrap();
        let said = refused(serve(&data));
        assert!(said.contains(&format!("{} is a link", file.display())), "{said}");
        fs::remove_file(&file).unwrap();
        fs::rename(&kept, &file).unwrap();
    }
    set_mode(&data.join("gatepass.db"), 0o666);
    assert!(refused(serve(&data)).contains("other users can change"));
}

/// Every command that opens a stopped server's directories.
fn offline_commands(data: &Path, password: &Path) -> Vec<Command> {
    let command = |arguments: &[&str], directory: &Path| {
        let mut command = gatepass();
        command.args(arguments).arg(directory);
        command
    };
    let mut reset = command(&["user", "reset-password", "--password-file"], password);
    reset.arg("--data-dir").arg(data);
    vec![
        reset,
        command(&["issuer", "set-trust-domain", "other.example.org", "--yes", "--data-dir"], data),
        command(&["ledger", "verify", "--offline"], data),
        command(&["doctor", "--integrity", "--data-dir"], data),
    ]
}

#[test]
fn offline_commands_refuse_planted_files() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path());
    let (password, victim) = (dir.path().join("password"), dir.path().join("victim"));
    write_private(&password, b"another long password\n").unwrap();
    fs::write(&victim, "of somebody else").unwrap();
    let lock = data.join("gatepass.db.lock");
    fs::remove_file(&lock).unwrap();
    let refuse = |named: &str| {
        for command in offline_commands(&data, &password) {
            let shown = format!("{command:?}");
            let said = fails(command);
            assert!(said.contains(named), "{shown}: {said}");
            assert_eq!(fs::read(&victim).unwrap(), b"of somebody else", "{shown}");
        }
    };
    symlink(&victim, &lock).unwrap();
    refuse("gatepass.db.lock is a link");
    fs::remove_file(&lock).unwrap();
    mknodat(CWD, &lock, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    refuse("gatepass.db.lock is a FIFO");
    fs::remove_file(&lock).unwrap();
    set_mode(&data, 0o777);
    refuse("other users can write to");
    set_mode(&data, 0o700);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&data, Some(65_533), None).unwrap();
        refuse("run the command as");
        std::os::unix::fs::chown(&data, Some(0), None).unwrap();
    }
    set_mode(&data.join("keys"), 0o777);
    let mut export = gatepass();
    export
        .args(["ca", "export-root", "--key-to"])
        .arg(dir.path().join("copy"))
        .arg("--keys-dir")
        .arg(data.join("keys"));
    assert!(fails(export).contains("other users can write to"));
    set_mode(&data.join("keys"), 0o700);
    for mut command in offline_commands(&data, &password) {
        let done = command.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

#[test]
fn paths_from_outside_may_be_links() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path());
    let link = dir.path().join("link");
    symlink(&data, &link).unwrap();
    // As Kubernetes shows a secret: a link to a link.
    let made = rcgen::generate_simple_self_signed(vec!["gate.example.org".to_owned()]).unwrap();
    let secret = dir.path().join("..data");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("tls.crt"), made.cert.pem()).unwrap();
    fs::write(secret.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    set_mode(&secret.join("tls.key"), 0o600);
    for name in ["tls.crt", "tls.key"] {
        symlink(secret.join(name), dir.path().join(name)).unwrap();
    }
    let mut command = serve(&link);
    command
        .arg("--tls-cert")
        .arg(dir.path().join("tls.crt"))
        .arg("--tls-key")
        .arg(dir.path().join("tls.key"));
    assert!(Served::start(command).stop().success());
}
