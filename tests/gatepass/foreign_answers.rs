//! Answers that are not gatepass's own: a proxy's page never ends renewals, and never deletes or vouches for an identity.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gatepass::client::daemon::{Daemon, DaemonEvent};
use gatepass::client::directory::load_enrolled;
use gatepass::client::enroll::{Enroll, enroll};
use gatepass::client::host::ThisHost;
use gatepass::clock::ManualClock;
use gatepass::secret::Secret;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::authority::start;
use crate::support::gateway::{Gateway, Mode, page};
use crate::support::process::gatepass;
use crate::support::{Process, Running, eventually};

/// A server behind a gateway, and a host that knows only the gateway.
struct World {
    dir: tempfile::TempDir,
    gateway: Gateway,
    server: Process,
}

impl World {
    async fn new(more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut gateway = Gateway::bind().await;
        let options = [&["--external-url", &gateway.url], more].concat();
        let server = Process::start(&dir.path().join("data"), &options).await;
        let local = server.url.strip_prefix("https://").unwrap().parse().unwrap();
        gateway.open(&server.data_dir, local);
        let world = Self { dir, gateway, server };
        let token = world.admin(&["token", "create", "--quiet"]);
        let enrolled = world.host(&["enroll", "--token", token.trim()]);
        assert!(enrolled.status.success(), "{}", text(&enrolled));
        world
    }

    fn certs(&self) -> PathBuf {
        self.dir.path().join("host")
    }

    fn host(&self, args: &[&str]) -> Output {
        gatepass().args(args).arg("--cert-dir").arg(self.certs()).output().unwrap()
    }

    fn admin(&self, args: &[&str]) -> String {
        let output = gatepass().args(args).arg("--data-dir").arg(&self.server.data_dir).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn host_file(&self) -> Value {
        serde_json::from_slice(&fs::read(self.certs().join("host.json")).unwrap()).unwrap()
    }

    fn daemon(&self, log: &Path) -> Child {
        let log = fs::File::create(log).unwrap();
        let mut command = gatepass();
        command.args(["renew", "--daemon", "--cert-dir"]).arg(self.certs());
        command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Answers of proxies, captive portals and other servers, each with a valid TLS certificate of the authority.
fn foreign() -> Vec<Mode> {
    let html = "<!doctype html><title>Access denied</title>";
    let mut all = [
        "200 OK",
        "202 Accepted",
        "302 Found",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "405 Method Not Allowed",
        "421 Misdirected Request",
        "499 Client Closed",
        "501 Not Implemented",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "522 Origin Timeout",
    ]
    .map(|status| page(status, &["location: https://portal.invalid/"], "text/html", html))
    .to_vec();
    let id = "0198c0de-9b41-7d20-9c55-6e7f80912a3b";
    let host = format!(
        "{{\"host_id\":\"{id}\",\"state\":\"revoked\",\"roles\":[],\"name\":null,\"expires_at\":\"2099-01-31T12:00:00Z\",\
         \"renew_after\":\"2099-01-21T12:00:00Z\"}}"
    );
    let code = |kind: &str, status: u16| {
        format!(
            "{{\"type\":\"{kind}\",\"title\":\"t\",\"status\":{status},\"detail\":\"d\",\"code\":\"host_revoked\"}}"
        )
    };
    let revoked = "urn:gatepass:problem:host_revoked";
    let json = "application/json";
    let problem = "application/problem+json";
    all.extend([
        page("200 OK", &[], json, "{}"),
        page("200 OK", &[], json, &host),
        page("200 OK", &[], problem, &code(revoked, 403)),
        page("403 Forbidden", &[], json, "{\"message\":\"Forbidden\"}"),
        page("403 Forbidden", &[], json, "{\"error\":{\"code\":\"host_revoked\"},\"code\":\"host_revoked\"}"),
        page("403 Forbidden", &[], problem, &code("about:blank", 403)),
        page("403 Forbidden", &[], problem, &code("urn:gatepass:problem:not_found", 403)),
        page("404 Not Found", &[], problem, &code(revoked, 403)),
        page("403 Forbidden", &[], "text/html", &code(revoked, 403)),
    ]);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_answer_neither_vouches_nor_deletes() {
    let world = World::new(&[]).await;
    let before = world.host_file();
    for mode in foreign() {
        let Mode::Answer(head) = &mode else { unreachable!() };
        let head = head.clone();
        world.gateway.set(mode);
        let answered = world.gateway.answered();
        let status = world.host(&["status"]);
        assert_eq!(status.status.code(), Some(1), "{head}\n{}", text(&status));
        assert!(
            !text(&status).contains("knows this host") && !text(&status).contains("revoked"),
            "{}",
            text(&status)
        );
        assert!(text(&status).contains("does not answer as gatepass does"), "{head}\n{}", text(&status));
        let left = world.host(&["leave", "--yes"]);
        assert_eq!(left.status.code(), Some(75), "{head}\n{}", text(&left));
        assert!(text(&left).contains("nothing was removed"), "{}", text(&left));
        let renewed = world.host(&["renew"]);
        assert_eq!(renewed.status.code(), Some(75), "{head}\n{}", text(&renewed));
        assert_eq!(world.gateway.answered(), answered + 3, "{head}");
        assert_eq!(world.host_file(), before);
    }
    world.gateway.set(Mode::Pass);
    assert_eq!(world.host(&["status"]).status.code(), Some(0));
    assert_eq!(world.host(&["leave", "--yes"]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_keeps_the_asked_pause() {
    let world = World::new(&[]).await;
    let mut host = world.host_file();
    host["renew_after"] = json!("2020-01-01T00:00:00Z");
    fs::write(world.certs().join("host.json"), host.to_string()).unwrap();
    world.gateway.set(page("503 Service Unavailable", &["retry-after: 300"], "text/html", "busy"));
    let answered = world.gateway.answered();
    let refused = world.host(&["renew", "--if-due"]);
    assert_eq!(refused.status.code(), Some(75), "{}", text(&refused));
    let waiting = world.host(&["renew", "--if-due"]);
    assert_eq!(waiting.status.code(), Some(0), "{}", text(&waiting));
    assert_eq!(world.gateway.answered(), answered + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_instead_of_crls_changes_no_file() {
    let world = World::new(&[]).await;
    let file = world.dir.path().join("crl.pem");
    let crl = ["crl", "--exec", "true", "--out", file.to_str().unwrap()];
    eventually("all CRLs are signed", async || world.host(&crl).status.success().then_some(())).await;
    let before = fs::read(&file).unwrap();
    for status in ["200 OK", "403 Forbidden", "503 Service Unavailable"] {
        world.gateway.set(page(status, &[], "text/html", "<html>"));
        let refused = world.host(&crl);
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
        assert!(text(&refused).contains("does not answer as gatepass does"), "{}", text(&refused));
        assert_eq!(fs::read(&file).unwrap(), before);
    }
}

/// Life of the certificates of a daemon on a clock that the test moves.
const LIFE: Duration = Duration::from_secs(6 * 86_400);
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn foreign_answers_never_end_a_daemon() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::at(start())));
    let mut gateway = Gateway::bind().await;
    let set = [("server.external_url", &*gateway.url), ("hosts.certificate_lifetime", "6d")];
    let at = Running::open(&dir.path().join("data"), clock.clone(), &set).await.unwrap();
    gateway.open(at.data_dir(), at.local);
    let (certs, token) = (dir.path().join("host"), Secret::new(at.mint_once().await));
    let ask = Enroll { cert_dir: certs.clone(), ..Enroll::default() };
    enroll(&ask, &token, at.clock_reading()).await.unwrap();
    let ends = || load_enrolled(&certs).unwrap().life.expires_at;
    let first = ends();
    let (host, nap) = (ThisHost::at(&certs), Duration::from_millis(5));
    let (time, failed) = (clock.clone(), Arc::new(AtomicUsize::new(0)));
    let failures = failed.clone();
    let note = move |event: DaemonEvent<'_>| {
        failures.fetch_add(usize::from(matches!(event, DaemonEvent::Failed(..))), Ordering::SeqCst);
    };
    let daemon = tokio::spawn(async move {
        let daemon = Daemon { nap, ..Daemon::new(host, &*time) };
        daemon.run(note, std::future::pending()).await
    });
    // A failure is reported when the next attempt is planned, an hour later at most.
    let fails = async |span| {
        let before = failed.load(Ordering::SeqCst);
        clock.advance(span);
        eventually("it fails", async || (failed.load(Ordering::SeqCst) > before).then_some(())).await;
    };
    clock.advance(LIFE * 7 / 10);
    eventually("it renews", async || (ends() != first).then_some(())).await;
    let second = ends();
    gateway.set(foreign().remove(0));
    fails(LIFE * 7 / 10).await;
    for mode in foreign() {
        gateway.set(mode);
        let answered = gateway.answered();
        fails(HOUR).await;
        assert!(gateway.answered() > answered && !daemon.is_finished() && ends() == second);
    }
    gateway.set(Mode::Pass);
    clock.advance(HOUR);
    eventually("it renews again", async || (ends() != second).then_some(())).await;
    let host = load_enrolled(&certs).unwrap().host_id;
    assert_eq!(at.admin().delete(&format!("/api/v1/hosts/{host}")).await.status, 200);
    clock.advance(LIFE * 7 / 10);
    let ended = daemon.await.unwrap().unwrap_err();
    assert!(ended.is_revoked(), "{ended}");
    assert!(certs.join("host.json").exists(), "the files stay");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_of_a_revoked_host_ends_with_77() {
    let world = World::new(&[]).await;
    let id = world.host_file()["host_id"].as_str().unwrap().to_owned();
    world.admin(&["host", "revoke", &id, "--yes"]);
    let log = world.dir.path().join("log");
    let mut daemon = world.daemon(&log);
    let ended = eventually("the daemon ends", async || daemon.try_wait().unwrap()).await;
    let said = fs::read_to_string(&log).unwrap();
    assert!(ended.code() == Some(77) && said.contains("host_revoked"), "{ended} {said}");
    assert!(world.certs().join("host.json").exists(), "the files stay");
    let left = world.host(&["leave", "--yes"]);
    assert!(left.status.success() && text(&left).contains("revoked before"), "{}", text(&left));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_daemon_ends_at_a_stop_signal() {
    let world = World::new(&[]).await;
    let log = world.dir.path().join("log");
    let mut daemon = world.daemon(&log);
    world.gateway.set(Mode::Silence);
    let answered = world.gateway.answered();
    eventually("the daemon asks", async || (world.gateway.answered() > answered).then_some(())).await;
    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    let ended = eventually("it stops", async || daemon.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(0));
}
