//! The watchdog of the service manager, beside a disk that hangs (strace).

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::tool::missing;
use crate::support::manager::Manager;
use crate::support::served::{Served, serve};

/// Longer than the time between two keep-alives.
const SILENCE: Duration = Duration::from_secs(15);
/// Keep-alives that may come before the hanging call.
const BEFORE: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_disk_ends_the_keep_alives() {
    let dir = tempfile::tempdir().unwrap();
    let (manager, mut command) = (Manager::new(), serve(&dir.path().join("data")));
    manager.of(&mut command);
    let at = Served::start(command);
    assert!(manager.next().starts_with("READY=1\n"));
    let mut hang = Command::new("strace");
    hang.args([
        "-f",
        "-e",
        "inject=fdatasync,fsync:delay_enter=600000000",
        "-p",
        &at.pid().as_raw_nonzero().to_string(),
        "-o",
    ]);
    let hang = hang.arg(dir.path().join("trace")).stderr(Stdio::piped()).spawn();
    let mut hang = hang.unwrap_or_else(|error| missing("strace", &error.to_string()));
    // It names each new thread there. Without a reader that would end it.
    let (mut said, mut lines) = (String::new(), BufReader::new(hang.stderr.take().unwrap()));
    lines.read_line(&mut said).unwrap();
    assert!(said.contains("attached"), "{said}: run this test as root, or with kernel.yama.ptrace_scope=0");

    let admin = at.admin();
    let minted =
        tokio::spawn(async move { admin.post("/api/v1/enrollment-tokens", &json!({})).await.status });
    let silent = (0..=BEFORE).any(|_| manager.within(SILENCE).is_none());
    assert!(silent, "the writer hangs, and the keep-alives go on");
    kill_process(Pid::from_child(&hang), Signal::TERM).unwrap();
    hang.wait().unwrap();
    drop(lines);
    assert_eq!(manager.next(), "WATCHDOG=1");
    assert_eq!(minted.await.unwrap(), 201);
    assert!(at.stop().success());
}
