//! Paths that are not UTF-8 name the same file from the argument to the file system.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::support::served::{Served, complaint, gatepass, run, serve};
use crate::support::site::{good, host};

/// `däta` in Latin-1.
const ODD: &[u8] = b"d\xe4ta";

fn names(directory: &Path) -> BTreeSet<OsString> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

fn odd() -> OsString {
    OsStr::from_bytes(ODD).to_owned()
}

#[test]
fn the_server_uses_the_directory_that_a_flag_names() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join(odd());
    let server = Served::start(serve(&data_dir));
    good(gatepass().args(["token", "list", "--data-dir"]).arg(&data_dir));
    assert!(server.stop().success());
    assert!(data_dir.join("gatepass.db").exists() && data_dir.join("keys/owner").exists());
    assert_eq!(names(dir.path()), BTreeSet::from([odd()]), "no other directory was made");
}

#[test]
fn the_server_uses_the_directory_that_a_variable_names() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = gatepass();
    command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(&dir);
    command.env("GATEPASS_SERVER__DATA_DIR", odd());
    assert!(Served::start(command).stop().success());
    assert!(dir.path().join(odd()).join("gatepass.db").exists());
    assert_eq!(names(dir.path()), BTreeSet::from([odd()]), "no other directory was made");
}

#[test]
fn paths_in_a_file_are_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let etc = dir.path().join(odd());
    fs::create_dir(&etc).unwrap();
    fs::write(etc.join("gatepass.toml"), "[server]\ndata_dir = \"data\"\n").unwrap();
    let mut command = gatepass();
    command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(etc.join("gatepass.toml"));
    assert!(Served::start(command).stop().success());
    assert!(etc.join("data/gatepass.db").exists());
    assert_eq!(names(dir.path()), BTreeSet::from([odd()]), "no other directory was made");
}

#[test]
fn a_value_that_is_no_path_must_be_utf8() {
    let mut command = gatepass();
    let output = run(command.arg("check-config").env("GATEPASS_LOG__LEVEL", odd()));
    assert_eq!(output.status.code(), Some(2), "{}", complaint(&output));
    assert!(
        complaint(&output).contains("GATEPASS_LOG__LEVEL: its value is not UTF-8"),
        "{}",
        complaint(&output)
    );
}

#[test]
fn a_host_keeps_its_identity_in_the_named_directory() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let server = Served::start(serve(&data_dir));
    let mut create = gatepass();
    let minted =
        good(create.args(["token", "create", "--role", "proxy", "-o", "json", "--data-dir"]).arg(&data_dir));
    let minted: serde_json::Value = serde_json::from_slice(&minted.stdout).unwrap();
    let (token, hosts) = (dir.path().join("token"), dir.path().join("hosts"));
    fs::write(&token, minted["token"].as_str().unwrap()).unwrap();
    fs::create_dir(&hosts).unwrap();
    let certs = hosts.join(odd());
    let enroll = ["enroll", "--token-file", token.to_str().unwrap()];
    let refused = run(host(&enroll, &certs).arg("--install-service"));
    assert_eq!(refused.status.code(), Some(2), "{}", complaint(&refused));
    assert!(complaint(&refused).contains("a service takes only UTF-8"), "{}", complaint(&refused));
    assert_eq!(names(&hosts), BTreeSet::new(), "the token is not used");
    good(&mut host(&enroll, &certs));
    good(&mut host(&["renew"], &certs));
    good(&mut host(&["status"], &certs));
    assert_eq!(names(&hosts), BTreeSet::from([odd()]), "no other directory was made");
    assert!(server.stop().success());
}
