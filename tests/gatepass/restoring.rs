//! `gatepass restore`: its refusals, and the restored server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::support::database::{execute, file, one, reader};
use crate::support::process::gatepass;
use crate::support::served::{Served, complaint, run, serve};
use crate::support::{Host, Process};

/// A server that has stopped, and the directory of the test.
struct World {
    dir: tempfile::TempDir,
    data: PathBuf,
}

impl World {
    /// A server that ran once.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        assert!(Served::start(serve(&data)).stop().success());
        Self { dir, data }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Backs up the stopped server, without keys.
    fn backed_up(&self) -> PathBuf {
        let to = self.path("backup.db");
        let output = run(gatepass().arg("backup").arg(&to).arg("--data-dir").arg(&self.data));
        assert!(output.status.success(), "{}", complaint(&output));
        to
    }

    /// Restores `file` into `data`.
    fn restore(&self, file: &Path, data: &Path, more: &[&str]) -> Output {
        run(gatepass().arg("restore").arg(file).arg("--data-dir").arg(data).args(more))
    }

    fn in_place(&self) -> Output {
        run(gatepass().args(["restore", "--in-place", "--yes", "-o", "json", "--data-dir"]).arg(&self.data))
    }
}

/// The message of a restore that changed nothing in `data`.
fn refused(output: &Output, data: &Path) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!data.join("gatepass.db").exists(), "nothing is in place");
    complaint(output)
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", complaint(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_place_begins_again() {
    let world = World::new();
    let older = fs::read(file(&world.data)).unwrap();
    let emergency = fs::read_to_string(world.data.join("emergency.token")).unwrap();
    let server = Process::start(&world.data, &[]).await;
    server.told(&["token", "create", "--role", "proxy"]);
    server.stop().await;
    fs::write(file(&world.data), older).unwrap();
    let told = run(&mut serve(&world.data));
    assert!(complaint(&told).contains("restore --in-place"), "{}", complaint(&told));

    let report = json(&world.in_place());
    assert_eq!(report["tokens_suspended"], 1, "{report}");
    assert_eq!(report["users_disabled"][0], "admin");
    let server = Process::start(&world.data, &[]).await;
    let again = fs::read_to_string(world.data.join("emergency.token")).unwrap();
    assert_ne!(again, emergency, "the file has another token");
    assert!(!world.data.join("emergency.token.due").exists());
    let states = server.json(&["token", "list"]);
    let kinds = states.as_array().unwrap().iter().map(|token| (&token["emergency"], &token["state"]));
    let kinds = kinds.map(|(kind, state)| (kind.as_bool().unwrap_or(false), state.as_str().unwrap()));
    let kinds = kinds.collect::<Vec<_>>();
    assert!(kinds.contains(&(false, "suspended")), "{states}");
    server.told(&["ledger", "verify"]);
    let ledger = server.json(&["ledger", "list", "--action", "restored"]);
    assert_eq!(ledger[0]["detail"]["tokens"], 1, "{ledger}");
    server.stop().await;
    assert!(world.in_place().status.success(), "it may be done again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_servers_database_is_not_restored() {
    let world = World::new();
    let server = Process::start(&world.data, &[]).await;
    let output = world.in_place();
    assert!(complaint(&output).contains("lock"), "{}", complaint(&output));
    assert!(!output.status.success());
    server.stop().await;
}

#[test]
fn files_are_replaced_only_on_request() {
    let world = World::new();
    let backup = world.backed_up();
    let output = world.restore(&backup, &world.data, &["--yes"]);
    assert!(!output.status.success() && complaint(&output).contains("--replace"), "{}", complaint(&output));
    let report = json(&world.restore(&backup, &world.data, &["--replace", "--yes", "-o", "json"]));
    let former = PathBuf::from(report["former_files"].as_str().unwrap());
    assert!(former.join("gatepass.db").is_file() && !former.join("keys").exists(), "its keys stay");
    assert!(Served::start(serve(&world.data)).stop().success());
    let left = fs::read_dir(&world.data).unwrap().flatten().map(|entry| entry.file_name());
    assert!(left.into_iter().all(|name| name != ".restoring"));
}

#[test]
fn changed_backups_are_refused() {
    let world = World::new();
    let backup = world.backed_up();
    let fresh = world.path("fresh");
    let mut bytes = fs::read(&backup).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let changed = world.path("changed.db");
    fs::write(&changed, &bytes).unwrap();
    let keys = world.data.join("keys").display().to_string();
    let said = refused(&world.restore(&changed, &fresh, &["--keys-dir", &keys]), &fresh);
    assert!(said.contains("was changed"), "{said}");
    bytes.truncate(bytes.len() - 4096);
    fs::write(&changed, &bytes).unwrap();
    refused(&world.restore(&changed, &fresh, &["--keys-dir", &keys]), &fresh);
    fs::copy(file(&world.data), &changed).unwrap();
    let said = refused(&world.restore(&changed, &fresh, &["--keys-dir", &keys]), &fresh);
    assert!(said.contains("was not made by `gatepass backup`"), "{said}");
    assert!(world.restore(&backup, &fresh, &["--keys-dir", &keys]).status.success());
}

#[test]
fn a_database_without_its_keys_is_refused() {
    let world = World::new();
    let (backup, fresh) = (world.backed_up(), world.path("fresh"));
    let said = refused(&world.restore(&backup, &fresh, &[]), &fresh);
    assert!(said.contains("--keys-dir"), "{said}");
    let other = World::new();
    other.backed_up();
    let keys = other.data.join("keys").display().to_string();
    let said = refused(&world.restore(&backup, &fresh, &["--keys-dir", &keys]), &fresh);
    assert!(said.contains("of the authority with these keys"), "{said}");
    copy_dir(&world.data.join("keys"), &world.path("keys"));
    assert!(world.restore(&backup, &fresh, &[]).status.success(), "keys beside the file");
    assert!(Served::start(serve(&fresh)).stop().success());
}

fn copy_dir(from: &Path, to: &Path) {
    let output = run(std::process::Command::new("cp").arg("-a").arg(from).arg(to));
    assert!(output.status.success());
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let world = World::new();
    execute(&world.data, "PRAGMA user_version = 9999");
    let before = fs::read(file(&world.data)).unwrap();
    let output = world.in_place();
    assert!(complaint(&output).contains("9999"), "{}", complaint(&output));
    assert_eq!(fs::read(file(&world.data)).unwrap(), before);
}

#[test]
fn a_damaged_ledger_is_not_restored() {
    let world = World::new();
    execute(&world.data, "UPDATE ledger SET actor = 'user:nobody' WHERE seq = 2");
    let output = world.in_place();
    assert!(complaint(&output).contains("entry 2 was altered"), "{}", complaint(&output));
    assert_eq!(one(&reader(&world.data), "SELECT count(*) FROM ledger WHERE action = 'restored'"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_host_stays_out_without_a_crl() {
    let world = World::new();
    let server = Process::start(&world.data, &[]).await;
    let token = server.json(&["token", "create", "--role", "proxy", "--max-uses", "2"])["token"].clone();
    let token = token.as_str().unwrap();
    let (out, stays) = (Host::new(), Host::new());
    let enroll = async |host: &Host| {
        let body = serde_json::json!({ "csr": host.csr(), "token": token });
        let enrolled = server.stranger().post("/api/v1/bootstrap", &body).await;
        assert_eq!(enrolled.status, 200, "{}", enrolled.text);
        enrolled.json
    };
    let (out, stays) = (enroll(&out).await, enroll(&stays).await);
    let ids = [&out, &stays].map(|host| host["host_id"].as_str().unwrap().to_owned());
    server.told(&["host", "revoke", &ids[0], "--yes"]);
    server.stop().await;
    let backup = world.backed_up();
    for entry in fs::read_dir(&world.data).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("crl-") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let report = json(&world.restore(&backup, &world.data, &["--replace", "--yes", "-o", "json"]));
    assert_eq!(report["hosts"], 1, "{report}");
    let server = Process::start(&world.data, &[]).await;
    let [out, stays] = ids.map(|id| server.json(&["host", "show", &id]));
    assert!(out["revoked_at"].is_string() && stays["revoked_at"].is_null(), "{out} {stays}");
    server.stop().await;
}
