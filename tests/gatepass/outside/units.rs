//! The units of `gatepass service`, as systemd reads and judges them (systemd-analyze), and the server's system calls.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::tool::{Said, run};
use crate::support::served::{Served, serve};

/// The highest exposure of the server's unit, times ten.
const EXPOSURE: &str = "--threshold=20";

/// Writes the units of a service to a directory of its own.
fn units(words: &[&str]) -> (TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepass"));
    command.args(["service", "install"]).args(words).arg("--unit-dir").arg(dir.path());
    run(&mut command, "").expect_good();
    let files = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    (dir, files)
}

fn analyze(words: &[&str], files: &[PathBuf], log: &str) -> Said {
    let mut command = Command::new("systemd-analyze");
    run(command.args(words).args(files).env("SYSTEMD_LOG_LEVEL", log), "")
}

#[test]
fn systemd_reads_every_unit() {
    for words in [
        &["serve", "--listen", "0.0.0.0:443", "--external-url", "https://gate.example.org"][..],
        &["serve", "--data-dir", "/srv/a b%c", "--keys-dir", "/srv/keys"],
        &["renew"],
        &["renew", "--timer"],
        &["renew", "--cert-dir", "/home/web/tls", "--user", "web", "--reload-unit", "proxy"],
        &["renew", "--signal", "HUP", "--pid-file", "/run/proxy.pid"],
    ] {
        let (_dir, files) = units(words);
        let said = analyze(&["verify", "--man=no"], &files, "warning");
        // A library of system calls that is older than systemd is no fault of the unit.
        let complaints = said.err.lines().filter(|line| line.contains("gatepass"));
        let complaints = complaints.filter(|line| !line.contains("parse system call")).collect::<Vec<_>>();
        assert_eq!(complaints, Vec::<&str>::new(), "{words:?}");
        said.expect_good();
    }
}

#[test]
fn systemd_reads_the_words_of_a_command() {
    let hook = "cat \"$DIR/a\" '%s' \\ ; true";
    let (_dir, files) = units(&["renew", "--on-renew", hook]);
    let said = analyze(&["verify", "--man=no"], &files, "debug");
    let line = said.out.lines().find_map(|line| line.trim().strip_prefix("Command Line: ")).unwrap();
    // The line of a dump is quoted as a shell quotes it.
    let script = format!("set -- {line}; for last; do :; done; printf %s \"$last\"");
    let read = run(Command::new("sh").arg("-c").arg(script), "").expect_good();
    // Variables are replaced only when the service starts.
    assert_eq!(read.replace("$$", "$"), hook);
}

#[test]
fn the_servers_unit_is_hardened() {
    let judge = ["security", "--offline=true", "--no-pager", EXPOSURE];
    let url = ["--external-url", "https://gate.example.org"];
    for listen in ["0.0.0.0:8443", "0.0.0.0:443"] {
        let (_dir, files) = units(&[&["serve", "--listen", listen][..], &url].concat());
        analyze(&judge, &files, "info").expect_good();
    }
    let (_dir, open) = units(&["renew", "--on-renew", "true"]);
    analyze(&judge, &open, "info").expect_bad();
}

/// System calls of the set, as systemd knows them.
fn calls_of(set: &str) -> BTreeSet<String> {
    let said = run(Command::new("systemd-analyze").args(["syscall-filter", "--no-pager", set]), "");
    let mut calls = BTreeSet::new();
    for line in said.expect_good().lines().skip(1).map(str::trim) {
        match line {
            comment if comment.is_empty() || comment.starts_with('#') => {}
            set if set.starts_with('@') => calls.extend(calls_of(set)),
            call => drop(calls.insert(call.to_owned())),
        }
    }
    calls
}

/// The calls that the unit allows.
fn allowed(unit: &Path) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    let text = fs::read_to_string(unit).unwrap();
    for filter in text.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (refuses, sets) = filter.strip_prefix('~').map_or((false, filter), |sets| (true, sets));
        for call in sets.split(' ').flat_map(calls_of) {
            match refuses {
                true => allowed.remove(&call),
                false => allowed.insert(call),
            };
        }
    }
    allowed
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_makes_only_calls_of_its_unit() {
    let (dir, files) = units(&["serve"]);
    let allowed = allowed(&files[0]);
    assert!(allowed.contains("fsync") && !allowed.contains("chroot"), "{allowed:?}");
    let trace = dir.path().join("trace");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-o"]).arg(&trace);
    let serve = serve(&dir.path().join("data"));
    traced
        .arg(serve.get_program())
        .args(serve.get_args())
        .envs(serve.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let at = Served::start(traced);
    let minted = at.admin().post("/api/v1/enrollment-tokens", &json!({ "persistent": true })).await;
    assert_eq!(minted.status, 201);
    assert_eq!(at.admin().post("/api/v1/signing-keys/rotate", &json!({})).await.status, 200);
    let server = rustix::process::Pid::from_raw(first_process(&trace)).unwrap();
    rustix::process::kill_process(server, rustix::process::Signal::TERM).unwrap();
    assert!(at.ended().success());
    let text = fs::read_to_string(&trace).unwrap();
    let calls = text.lines().filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('));
    let calls = calls.map(|(call, _)| call.to_owned()).filter(|call| !call.starts_with(['<', '+', '-']));
    let refused = calls.collect::<BTreeSet<_>>();
    assert!(refused.contains("fsync"), "{refused:?}");
    // SQLite calls it as root alone, and the unit has another user.
    let refused = refused.difference(&allowed).filter(|call| *call != "fchown").collect::<Vec<_>>();
    assert_eq!(refused, Vec::<&String>::new());
}

fn first_process(trace: &Path) -> i32 {
    let text = fs::read_to_string(trace).unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}
