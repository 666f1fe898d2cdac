//! Enrolling before network and server are up: exit code 75 for later, 1 for never, and a wait in between.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::authority::token_of;
use crate::support::gateway::{Gateway, page};
use crate::support::served::{Served, gatepass, serve};
use crate::support::{Process, eventually};

fn enroll(cert_dir: &Path, token: &str) -> Command {
    let mut command = gatepass();
    command.args(["enroll", "--cert-dir"]).arg(cert_dir).env("GATEPASS_TOKEN", token);
    command
}

fn ended(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

async fn mint(client: crate::support::client::Client) -> String {
    token_of(&client.post("/api/v1/enrollment-tokens", &json!({ "max_uses": null })).await.json)
}

struct World {
    dir: tempfile::TempDir,
    gateway: Gateway,
    server: Process,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut gateway = Gateway::bind().await;
        let server = Process::start(&dir.path().join("data"), &["--external-url", &gateway.url]).await;
        gateway.open(&server.data_dir, server.url.strip_prefix("https://").unwrap().parse().unwrap());
        Self { dir, gateway, server }
    }

    fn certs(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_passes_has_its_own_code() {
    let world = World::new().await;
    let token = mint(world.server.admin()).await;
    for (status, headers) in [
        ("503 Service Unavailable", ["retry-after: 120"].as_slice()),
        ("429 Too Many Requests", &[]),
        ("302 Found", &["location: https://portal.example.org/"]),
        ("200 OK", &[]),
    ] {
        world.gateway.set(page(status, headers, "text/html", "<title>Sign in</title>"));
        let (code, said) = ended(&mut enroll(&world.certs("later"), &token));
        assert_eq!(code, Some(75), "{status}: {said}");
    }
    let unknown = "https://gate.invalid:8443";
    let (code, said) = ended(enroll(&world.certs("own"), &token).args(["--server", unknown]));
    assert_eq!(code, Some(75), "{said}");
    let World { server, dir, .. } = world;
    server.stop().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("https://{nobody}");
    let (code, said) = ended(enroll(&dir.path().join("down"), &token).args(["--server", &url]));
    assert_eq!(code, Some(75), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_stays_is_final() {
    let world = World::new().await;
    let once = world.server.admin().post("/api/v1/enrollment-tokens", &json!({})).await.json;
    let once = token_of(&once);
    let (code, said) = ended(&mut enroll(&world.certs("first"), &once));
    assert_eq!(code, Some(0), "{said}");
    let token = mint(world.server.admin()).await;
    let fingerprint = "1".repeat(64);
    for (token, more, why) in [
        (&once, &[][..], "token_used"),
        (&token, &["--name", "a.example.org"], "binding_mismatch"),
        (&token, &["--ca-fingerprint", &fingerprint], "--ca-fingerprint"),
    ] {
        let (code, said) = ended(enroll(&world.certs("second"), token).args(more).args(["--wait", "60s"]));
        assert_eq!(code, Some(1), "{why}: {said}");
        assert!(said.contains(why), "{why}: {said}");
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_is_final() {
    let dir = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::bind().await;
    let server = Process::start(&dir.path().join("data"), &["--external-url", &gateway.url]).await;
    let other = Process::start(&dir.path().join("other"), &["--external-url", &gateway.url]).await;
    gateway.open(&other.data_dir, other.url.strip_prefix("https://").unwrap().parse().unwrap());
    let mut enroll = enroll(&dir.path().join("certs"), &mint(server.admin()).await);
    let (code, said) = ended(enroll.args(["--wait", "60s"]));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("not the pinned authority"), "{said}");
    other.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_host_enrolls_when_the_server_starts() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Served::start(serve(&data));
    let token = mint(server.admin()).await;
    let listen = server.url.strip_prefix("https://").unwrap().to_owned();
    assert!(server.stop().success());
    let mut command = enroll(&dir.path().join("certs"), &token);
    let mut waiting =
        command.args(["--wait", "5m"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.contains("cannot be reached") && line.contains("trying again for"), "{line}");

    let mut again = gatepass();
    again.args(["serve", "--listen", &listen, "--data-dir"]).arg(&data);
    let server = Served::start(again);
    let status = eventually("the host is enrolled", async || waiting.try_wait().unwrap()).await;
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(status.success(), "{rest}");
    assert!(rest.lines().count() < 5, "one line for each cause, not for each try: {rest}");
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_at_its_deadline() {
    let world = World::new().await;
    let token = mint(world.server.admin()).await;
    // The pause that it asks for is longer than the wait.
    world.gateway.set(page("503 Service Unavailable", &["retry-after: 3600"], "text/html", ""));
    let began = Instant::now();
    let (code, said) = ended(enroll(&world.certs("certs"), &token).args(["--wait", "1s"]));
    assert_eq!(code, Some(75), "{said}");
    assert!(began.elapsed() >= Duration::from_secs(1) && began.elapsed() < Duration::from_secs(60), "{said}");
    assert!(world.gateway.answered() > 1, "it did not try at the deadline");
    let waits = said.lines().filter(|line| line.contains("trying again")).count();
    assert_eq!(waits, 1, "{said}");
    world.server.stop().await;
}
