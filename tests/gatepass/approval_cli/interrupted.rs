//! Waits that a signal, a crash or a restart of the server interrupts.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{WaitingHost, World, ended, enroll, host_of, requiring};
use crate::support::AtTerminal;
use crate::support::served::{Served, gatepass, serve};

/// "Key and request survive a restart of the host."
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_wait_goes_on_with_its_key() {
    let world = World::new().await;
    let (certs, token) = (world.certs("certs"), requiring(&world.server.admin(), json!(1)).await);
    let mut host = WaitingHost::start(&certs, &token);
    let shown = host.shown.clone();
    host.child.kill().unwrap();
    host.child.wait().unwrap();
    let host = WaitingHost::start(&certs, &token);
    assert_eq!(host.shown, shown);
    kill_process(Pid::from_child(&host.child), Signal::TERM).unwrap();
    let (status, rest) = host.ends().await;
    assert_eq!(status.code(), Some(75), "{rest}");
    assert!(rest.contains(&shown.id) && rest.contains(&shown.code), "{rest}");
    world.approve(&shown.id);
    let (code, said) = ended(&mut enroll(&certs, &token));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(world.enrollment(&shown.id)["host_id"], host_of(&certs)["host_id"]);
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_that_the_host_waits() {
    let world = World::new().await;
    let (certs, token) = (world.certs("certs"), requiring(&world.server.admin(), json!(1)).await);
    let mut terminal = AtTerminal::start(enroll(&certs, &token).env("TERM", "xterm"), 100);
    terminal.shows("waiting for approval").await;
    terminal.signal(Signal::INT);
    assert_eq!(terminal.ends().await, (Some(75), true));
    let screen = terminal.screen().await;
    assert!(screen.contains("run the same command again"), "{screen}");
    world.server.stop().await;
}

/// "An approval decided while the server restarts."
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_survives_a_killed_server() {
    let dir = tempfile::tempdir().unwrap();
    let (data, certs) = (dir.path().join("data"), dir.path().join("certs"));
    let server = Served::start(serve(&data));
    let token = requiring(&server.admin(), json!(1)).await;
    let host = WaitingHost::start(&certs, &token);
    let id = host.shown.id.clone();
    let listen = server.url.strip_prefix("https://").unwrap().to_owned();
    let approved = server.admin().post(&format!("/api/v1/enrollments/{id}/approve"), &json!({})).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    server.kill();
    let mut again = gatepass();
    again.args(["serve", "--listen", &listen, "--data-dir"]).arg(&data);
    let server = Served::start(again);
    let (status, rest) = host.ends().await;
    assert!(status.success(), "{rest}");
    let shown = server.admin().get(&format!("/api/v1/enrollments/{id}")).await.json;
    assert_eq!(shown["host_id"], host_of(&certs)["host_id"]);
    assert!(server.stop().success());
}

/// A wait goes on while the server is away, also without `--wait`.
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_outlasts_a_stopped_server() {
    let world = World::new().await;
    let (certs, token) = (world.certs("certs"), requiring(&world.server.admin(), json!(1)).await);
    let mut host = WaitingHost::start(&certs, &token);
    let World { server, dir, .. } = world;
    server.stop().await;
    let mut line = String::new();
    std::io::BufRead::read_line(&mut host.lines, &mut line).unwrap();
    assert!(line.contains("cannot be reached") && line.contains("trying again"), "{line}");
    assert!(host.child.try_wait().unwrap().is_none(), "it goes on");
    drop(dir);
}
