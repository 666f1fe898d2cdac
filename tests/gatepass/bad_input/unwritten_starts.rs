//! A start that is refused has changed nothing: no file, no mode, no row.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gatepass::service::vault::write_private;
use gatepass::token::KeyUse;
use serde_json::json;

use crate::support::listing::listing;
use crate::support::served::{Served, complaint, run, serve};
use crate::support::{Host, Running, inside};

/// Starts a server that has to refuse. Each of `named` is in its message, and the whole directory is as it was.
fn refuses(mut command: Command, data: &Path, named: &[&str]) {
    // A stopped server leaves the whole database in one file, so its bytes are its rows.
    let before = listing(data.parent().unwrap());
    let output = run(&mut command);
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("nothing was changed"), "{said}");
    for name in named {
        assert!(said.contains(name), "{name} is not in: {said}");
    }
    assert_eq!(listing(data.parent().unwrap()), before, "{said}");
}

/// A data directory on which a server has run.
fn used_directory(within: &Path, more: &[&str]) -> PathBuf {
    let data = within.join("data");
    let mut command = serve(&data);
    command.args(more);
    assert!(Served::start(command).stop().success());
    data
}

/// The files of the keys directory whose names begin with `start` and end with `end`.
fn keys(data: &Path, start: &str, end: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        name.starts_with(start) && name.ends_with(end)
    };
    all.filter(named).collect()
}

#[test]
fn a_known_database_gets_no_second_ca() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path(), &[]);
    let manifest = data.join("keys/ca.json");
    fs::rename(&manifest, dir.path().join("kept")).unwrap();
    let named = [manifest.to_str().unwrap(), "is missing", "backup"];
    refuses(serve(&data), &data, &named);
    // The names of hosts are not taken over either, and another URL is not recorded.
    let mut other = serve(&data);
    other.args(["--external-url", "https://other.example.org", "--take-names"]);
    refuses(other, &data, &named);
    fs::rename(dir.path().join("kept"), &manifest).unwrap();
    assert!(Served::start(serve(&data)).stop().success());
}

#[test]
fn a_known_database_gets_no_new_keys_directory() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path(), &[]);
    fs::rename(data.join("keys"), dir.path().join("kept")).unwrap();
    let manifest = data.join("keys/ca.json");
    refuses(serve(&data), &data, &[manifest.to_str().unwrap(), "token-"]);
    assert!(!data.join("keys").exists());
}

#[test]
fn each_missing_file_of_the_ca_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path(), &[]);
    for (start, end) in [("ca-issuing-", ".key"), ("ca-issuing-", ".pem"), ("ca-root-", ".pem")] {
        let file = keys(&data, start, end).remove(0);
        fs::rename(&file, dir.path().join("kept")).unwrap();
        refuses(serve(&data), &data, &[file.to_str().unwrap(), "is missing"]);
        fs::rename(dir.path().join("kept"), &file).unwrap();
    }
    let mut files = keys(&data, "token-", ".pem");
    files.iter().for_each(|file| fs::rename(file, file.with_extension("kept")).unwrap());
    refuses(serve(&data), &data, &["token-", "is missing"]);
    files.drain(..).for_each(|file| fs::rename(file.with_extension("kept"), file).unwrap());
    assert!(Served::start(serve(&data)).stop().success());
}

#[test]
fn a_keys_directory_elsewhere_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = dir.path().join("elsewhere");
    let elsewhere = elsewhere.to_str().unwrap();
    let data = used_directory(dir.path(), &["--keys-dir", elsewhere]);
    refuses(serve(&data), &data, &["keys.path", &format!("give --keys-dir {elsewhere}")]);
    // Neither does a start with the keys of another authority record anything.
    let other = used_directory(&dir.path().join("another"), &[]);
    let mut mixed = serve(&data);
    mixed.arg("--keys-dir").arg(other.join("keys"));
    refuses(mixed, &data, &["keys of another authority", &format!("give --keys-dir {elsewhere}")]);
}

#[test]
fn a_refused_identity_leaves_no_owner() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path(), &[]);
    // A keys directory of version 0.1.0 names no owner.
    fs::remove_file(data.join("keys/owner")).unwrap();
    let mut other = serve(&data);
    other.args(["--trust-domain", "other.example.org"]);
    refuses(other, &data, &["issuer set-trust-domain"]);
    assert!(Served::start(serve(&data)).stop().success());
    assert!(data.join("keys/owner").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_not_taken_over_by_a_refused_start() {
    let at = Running::start().await;
    let token = inside::mint(&at.authority, json!({ "dns_names": ["gate.example.org"] })).await.unwrap();
    let csr = Host::new().csr();
    let name = Some("gate.example.org");
    inside::redeem(&at.authority, token.text().expose(), &csr, name).await.unwrap();
    let current = at.authority.trust.ring().current(KeyUse::Enrollment).key_id();
    let (data, _, _own) = at.stop().await;
    let key = data.join(format!("keys/token-{current}.pem"));
    fs::remove_file(&key).unwrap();
    let mut taking = serve(&data);
    taking.args(["--external-url", "https://gate.example.org", "--take-names"]);
    refuses(taking, &data, &[key.to_str().unwrap(), "is missing"]);
}

#[test]
fn a_new_authority_with_wrong_files_is_not_begun() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let make = || rcgen::generate_simple_self_signed(vec!["gate.example.org".to_owned()]).unwrap();
    let (one, other) = (make(), make());
    let file = |name: &str, text: &str| {
        write_private(&dir.path().join(name), text.as_bytes()).unwrap();
        dir.path().join(name).display().to_string()
    };
    let (certificate, key) =
        (file("tls.pem", &one.cert.pem()), file("tls.key", &other.signing_key.serialize_pem()));
    let mut mixed = serve(&data);
    mixed.args(["--tls-cert", &certificate, "--tls-key", &key]);
    refuses(mixed, &data, &["cannot be used together"]);

    let mut imported = serve(&data);
    let set = |name: &str, value: &str| ["--set".to_owned(), format!("ca.{name}={value}")];
    imported.args(set("root", &certificate)).args(set("issuing_certificate", &certificate));
    imported.args(set("issuing_key", &key));
    refuses(imported, &data, &[]);

    // Keys whose database is gone, of a version that named no owner.
    let used = used_directory(&dir.path().join("used"), &[]);
    fs::remove_file(used.join("keys/owner")).unwrap();
    let mut foreign = serve(&data);
    foreign.arg("--keys-dir").arg(used.join("keys"));
    refuses(foreign, &data, &["keys of another authority"]);
    assert!(!data.exists());
}

#[test]
fn a_start_that_fails_late_admits_its_changes() {
    let dir = tempfile::tempdir().unwrap();
    let data = used_directory(dir.path(), &[]);
    fs::remove_file(data.join("root.pem")).unwrap();
    fs::create_dir(data.join("root.pem")).unwrap();
    let output = run(&mut serve(&data));
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("some files were written already") && said.contains("root.pem"), "{said}");
    assert!(!said.contains("nothing was changed"), "{said}");
    fs::remove_dir(data.join("root.pem")).unwrap();
    assert!(Served::start(serve(&data)).stop().success(), "the next start completes it");
}
