//! The host's commands on an identity that is damaged or closed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use gatepass::clock::{ManualClock, SystemClock};

use crate::support::Running;
use crate::support::process::{as_another_user, gatepass};

fn run(dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output: Output = gatepass().args(args).arg("--cert-dir").arg(dir).output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

async fn enrolled(dir: &Path) -> Running {
    let clock = Arc::new(ManualClock::at(SystemClock::now().whole_second()));
    let at = Running::open(&dir.join("data"), clock, &[]).await.unwrap();
    let token = at.mint_once().await;
    let (code, text) = run(&dir.join("host"), &["enroll", "--token", &token]);
    assert_eq!(code, Some(0), "{text}");
    at
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_identity_can_be_left_and_replaced() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("host");
    let at = enrolled(temp.path()).await;
    fs::write(dir.join("host.json"), "{\"server\":").unwrap();
    let (code, text) = run(&dir, &["leave", "--yes"]);
    assert!(code == Some(1) && text.contains("gatepass leave --force"), "{code:?} {text}");
    let token = at.mint_once().await;
    let (code, text) = run(&dir, &["enroll", "--token", &token]);
    assert!(code == Some(1) && text.contains("gatepass enroll --replace"), "{code:?} {text}");
    let (code, text) = run(&dir, &["enroll", "--replace", "--token", &token]);
    assert_eq!(code, Some(0), "{text}");

    fs::write(dir.join("host.json"), "").unwrap();
    let (code, text) = run(&dir, &["leave", "--force", "--yes"]);
    assert!(code == Some(0) && text.contains("gatepass host list"), "{code:?} {text}");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_gives_2_for_an_unusable_identity() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("host");
    let at = enrolled(temp.path()).await;
    assert_eq!(run(&dir, &["status"]).0, Some(0));
    let key = dir.join("host.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, text) = run(&dir, &["status"]);
    assert!(code == Some(2) && text.contains("chmod 600"), "{code:?} {text}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(dir.join("host.pem"), "damaged").unwrap();
    let (code, text) = run(&dir, &["status"]);
    assert!(code == Some(2) && text.contains("does not hold the certificate of a host"), "{code:?} {text}");
    fs::remove_file(dir.join("host.json")).unwrap();
    fs::create_dir(dir.join("host.json")).unwrap();
    assert_eq!(run(&dir, &["status"]).0, Some(2), "a file that cannot be read");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_learns_whose_identity_it_is() {
    let temp = tempfile::tempdir().unwrap();
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let dir = temp.path().join("host");
    let at = enrolled(temp.path()).await;
    let mut command = as_another_user(temp.path(), &dir);
    let output = command.args(["status", "--cert-dir"]).arg(&dir).output().unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && text.contains("run the command as the owner"), "{text}");
    at.stop().await;
}
