//! A server whose log or standard output is full, closed or never read: it serves, and it ends when it is asked to.

use std::fs;
use std::io::{PipeReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use serde_json::json;

use crate::support::authority::PASSWORD;
use crate::support::eventually;
use crate::support::pty;
use crate::support::served::{complaint, run, serve};
use crate::support::unheard::{Unheard, closed_pipe, full};

const TOKENS: &str = "/api/v1/enrollment-tokens";
const DROPPED: &str = "gatepass_log_lines_dropped_total";

/// Mints over both protocols, and ends the server.
async fn works_and_ends(at: Unheard) {
    let minted = at.admin().post(TOKENS, &json!({})).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    assert_eq!(at.mint_over_http2().await, 201);
    let data_dir = at.data_dir.clone();
    let ended = at.stop().await;
    assert_eq!(ended.code(), Some(0), "{ended}");
    assert!(!data_dir.join("keys/local.json").exists(), "the credential of this machine is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_stops_no_request() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let at = Unheard::start(serve(&data), &data, Stdio::null(), full()).await;
    assert_eq!(at.admin().post(TOKENS, &json!({})).await.status, 201);
    eventually("the lost lines are counted", async || (at.measured(DROPPED).await > 0).then_some(())).await;
    works_and_ends(at).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_pipe_without_a_reader_stops_no_request() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    works_and_ends(Unheard::start(serve(&data), &data, Stdio::null(), closed_pipe()).await).await;
}

/// The number of bytes that wait in a pipe.
fn waiting(pipe: &PipeReader) -> u64 {
    rustix::io::ioctl_fionread(pipe).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unread_log_pipe_stops_no_request() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (mut unread, log) = std::io::pipe().unwrap();
    let mut serve = serve(&data);
    serve.args(["--set", "log.level=trace"]);
    let at = Unheard::start(serve, &data, Stdio::null(), log.into()).await;
    let client = at.stranger();
    eventually("the pipe is full", async || {
        assert_eq!(client.get("/livez").await.status, 200);
        (waiting(&unread) > 60 * 1024).then_some(())
    })
    .await;
    for _ in 0..100 {
        assert_eq!(client.get("/livez").await.status, 200);
    }
    let began = Instant::now();
    works_and_ends(at).await;
    assert!(began.elapsed() < Duration::from_secs(30), "it waited for the pipe");
    let mut log = Vec::new();
    unread.read_to_end(&mut log).unwrap();
    assert!(log.len() > 60 * 1024);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pipe_for_all_output_stops_no_start() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (_unread, full) = std::io::pipe().unwrap();
    let mut filling = fs::File::from(OwnedFd::from(full.try_clone().unwrap()));
    rustix::io::ioctl_fionbio(&filling, true).unwrap();
    while filling.write(&[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&filling, false).unwrap();
    let out = full.try_clone().unwrap();
    works_and_ends(Unheard::start(serve(&data), &data, out.into(), full.into()).await).await;
}

/// A pipe with a name, and its reading end.
fn fifo(path: &Path) -> fs::File {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
    reader(path)
}

/// The reading end of a pipe with a name. It does not wait for a writer.
fn reader(path: &Path) -> fs::File {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_recovers_tells_its_losses() {
    let dir = tempfile::tempdir().unwrap();
    let (data, pipe) = (dir.path().join("data"), dir.path().join("log"));
    let first = fifo(&pipe);
    let log = fs::File::options().write(true).open(&pipe).unwrap();
    let at = Unheard::start(serve(&data), &data, Stdio::null(), log.into()).await;
    drop(first);
    assert_eq!(at.admin().post(TOKENS, &json!({})).await.status, 201);
    eventually("a line is lost", async || (at.measured(DROPPED).await > 0).then_some(())).await;
    let mut second = reader(&pipe);
    let mut read = Vec::new();
    eventually("the loss is logged", async || {
        assert_eq!(at.admin().post(TOKENS, &json!({})).await.status, 201);
        // It has nothing to read yet.
        let _ = second.read_to_end(&mut read);
        String::from_utf8_lossy(&read).contains("log lines were lost").then_some(())
    })
    .await;
    works_and_ends(at).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_output_keeps_the_first_secrets() {
    for out in [full as fn() -> Stdio, closed_pipe] {
        let dir = tempfile::tempdir().unwrap();
        let (data, log) = (dir.path().join("data"), dir.path().join("log"));
        let mut serve = serve(&data);
        serve.env_remove("GATEPASS_ADMIN_PASSWORD");
        let at = Unheard::start(serve, &data, out(), fs::File::create(&log).unwrap().into()).await;
        let password = fs::read_to_string(data.join("admin.password")).unwrap();
        let admin = at.stranger().basic("admin", password.trim());
        assert_eq!(admin.post(TOKENS, &json!({})).await.status, 201);
        let log = fs::read_to_string(&log).unwrap();
        for name in ["admin.password", "first-roles.token", "emergency.token"] {
            let file = data.join(name);
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
            assert!(log.contains(&file.display().to_string()), "{name} is not in the log: {log}");
            assert!(!log.contains(fs::read_to_string(&file).unwrap().trim()), "{name} is in the log");
        }
        let ended = at.stop().await;
        assert_eq!(ended.code(), Some(0), "{ended}");
        assert!(!data.join("keys/local.json").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_outlives_a_full_log() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let at = Unheard::start(serve(&data), &data, Stdio::null(), full()).await;
    let database = rusqlite::Connection::open(data.join("gatepass.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let failed = "gatepass_timer_runs_total{timer=\"store probe\",outcome=\"failed\"}";
    eventually("a timer fails", async || (at.measured(failed).await > 0).then_some(())).await;
    assert_eq!(at.stranger().get("/readyz").await.status, 503);
    database.execute_batch("ROLLBACK").unwrap();
    eventually("it is ready again", async || {
        (at.stranger().get("/readyz").await.status == 200).then_some(())
    })
    .await;
    works_and_ends(at).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_stay_off_a_recorded_terminal() {
    for (flags, on_terminal) in [(&[][..], true), (&["--secrets", "files"], false)] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let (mut shown, out) = pty::open(80);
        let mut serve = serve(&data);
        serve.args(flags).env_remove("GATEPASS_ADMIN_PASSWORD");
        let at = Unheard::start(serve, &data, out.into(), Stdio::null()).await;
        let recorded = std::thread::spawn(move || {
            let mut text = Vec::new();
            // A terminal whose other end is closed ends with EIO.
            let _ = shown.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        assert_eq!(at.stop().await.code(), Some(0));
        let recorded = recorded.join().unwrap();
        assert!(recorded.contains("gatepass listens on"), "{recorded}");
        assert_eq!(recorded.contains("eyJ"), on_terminal, "a token is recorded: {recorded}");
        let password = fs::read_to_string(data.join("admin.password"));
        assert_eq!(password.is_err(), on_terminal);
        assert!(password.is_err() || !recorded.contains(password.unwrap().trim()), "{recorded}");
    }
}

#[test]
fn secrets_are_not_shown_without_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let ended = run(serve(&data).args(["--secrets", "terminal"]));
    assert_eq!(ended.status.code(), Some(2));
    assert!(complaint(&ended).contains("--secrets files"), "{}", complaint(&ended));
    assert!(!data.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_leaves_no_credential() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut serve = serve(&data);
    // The secrets of the first start cannot be written: their names are directories.
    fs::create_dir_all(data.join("emergency.token")).unwrap();
    for path in [&data, &data.join("emergency.token")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let ended = serve.env("GATEPASS_ADMIN_PASSWORD", PASSWORD).output().unwrap();
    assert_ne!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(data.join("gatepass.db").exists(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(!data.join("keys/local.json").exists());
}
