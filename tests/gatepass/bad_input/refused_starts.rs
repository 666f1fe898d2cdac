//! A server that cannot start says why on one screen, names everything that is wrong, and changes nothing.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::condition::eventually;
use crate::support::listing::listing;
use crate::support::served::{Served, complaint, gatepass, run, serve};

/// Starts a server that has to refuse: exit code 2, one screen, each of `named` in it, nothing changed in `watched`.
fn refuses(mut command: Command, watched: &Path, named: &[&str]) {
    let before = listing(watched);
    let output = run(&mut command);
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.lines().count() < 24, "more than a screen: {said}");
    for name in named {
        assert!(said.contains(name), "{name} is not in: {said}");
    }
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(listing(watched), before);
}

/// A data directory on which a server has run.
fn used_directory(within: &Path) -> PathBuf {
    let data = within.join("data");
    assert!(Served::start(serve(&data)).stop().success());
    data
}

#[test]
fn a_readable_key_file_is_named_with_its_cure() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path());
    let keys = fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap().path());
    let is_secret = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.ends_with(".key") || name.starts_with("token-")
    };
    let keys = keys.filter(is_secret).collect::<Vec<_>>();
    assert!(keys.len() >= 4, "{keys:?}");
    for key in &keys {
        fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let named = keys.iter().map(|key| format!("chmod 600 {}", key.display())).collect::<Vec<_>>();
    refuses(serve(&data), dir.path(), &named.iter().map(String::as_str).collect::<Vec<_>>());
    fs::set_permissions(data.join("keys"), fs::Permissions::from_mode(0o755)).unwrap();
    refuses(serve(&data), dir.path(), &["chmod 700"]);
}

#[test]
fn a_config_with_three_mistakes_names_all_three() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("gatepass.toml");
    let text = "[tokens]\ndefault_ttl = \"soon\"\n[server]\nlisten = \"nowhere\"\ncolour = \"red\"\n";
    fs::write(&config, text).unwrap();
    let serve = || {
        let mut command = gatepass();
        command.args(["serve", "--config"]).arg(&config).arg("--data-dir").arg(dir.path().join("data"));
        command
    };
    refuses(serve(), dir.path(), &["default_ttl", "listen", "colour"]);
    let mut check = gatepass();
    check.args(["check-config", "--config"]).arg(&config);
    refuses(check, dir.path(), &["default_ttl", "listen", "colour"]);
}

#[test]
fn a_port_in_use_creates_no_directory() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = gatepass();
    command.args(["serve", "--listen", &address, "--data-dir"]).arg(dir.path().join("data"));
    refuses(command, dir.path(), &[&address, "--listen"]);
}

#[test]
fn two_reasons_are_named_together() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path());
    let mut keys = fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap().path());
    let key = keys.find(|path| path.extension().is_some_and(|extension| extension == "key")).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = gatepass();
    command.args(["serve", "--listen", &address, "--data-dir"]).arg(&data);
    refuses(command, dir.path(), &[&address, &key.to_string_lossy()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Served::start(serve(&data));
    // The CRLs are signed soon after the start. Only the database may be written to at any later moment.
    eventually("the server to be ready", async || {
        (server.stranger().get("/readyz").await.status == 200).then_some(())
    })
    .await;
    refuses(serve(&data), &data.join("keys"), &["another gatepass server", "stop it first"]);
    let minted = server.admin().post("/api/v1/enrollment-tokens", &serde_json::json!({})).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    assert!(server.stop().success());
}

#[test]
fn a_deleted_lock_file_lets_no_second_server_in() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path());
    // A server whose lock file was deleted still holds the directory.
    let held = fs::File::open(&data).unwrap();
    held.try_lock().unwrap();
    fs::remove_file(data.join("gatepass.db.lock")).unwrap();
    refuses(serve(&data), dir.path(), &["another gatepass server", "stop it first"]);
    let password = dir.path().join("password");
    gatepass::service::vault::write_private(&password, b"another long password\n").unwrap();
    let mut reset = gatepass();
    reset.args(["user", "reset-password", "admin", "--password-file"]).arg(&password);
    reset.arg("--data-dir").arg(&data);
    refuses(reset, dir.path(), &["another gatepass server"]);
    drop(held);
    assert!(Served::start(serve(&data)).stop().success());
}

#[test]
fn a_newer_schema_is_refused_and_left_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path());
    let database = rusqlite::Connection::open(data.join("gatepass.db")).unwrap();
    database.pragma_update(None, "user_version", 9_999).unwrap();
    drop(database);
    refuses(serve(&data), dir.path(), &["9999", "newer gatepass"]);
}

#[test]
fn a_foreign_file_is_refused_and_left_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path());
    fs::write(data.join("gatepass.db"), "not a database").unwrap();
    refuses(serve(&data), dir.path(), &["gatepass.db", "not a database"]);
}

#[test]
fn a_missing_key_is_named_and_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path());
    for name in fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap().path()) {
        if name.file_name().unwrap().to_string_lossy().starts_with("token-") {
            fs::remove_file(name).unwrap();
        }
    }
    refuses(serve(&data), dir.path(), &["token-", "is missing"]);
}
