//! Hooks of renewals: owed until they succeed, bounded in time, and never in the way.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gatepass::client::daemon::{Daemon, DaemonEvent};
use gatepass::client::directory::load_enrolled;
use gatepass::client::enroll::{Enroll, enroll};
use gatepass::client::hook::{Hook, Hooks, Reload, Variables};
use gatepass::client::host::ThisHost;
use gatepass::clock::{Clock as _, ManualClock};
use gatepass::secret::Secret;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::authority::start;
use crate::support::process::gatepass;
use crate::support::{Process, Running, eventually};

/// A server, and a host with an identity.
struct World {
    dir: tempfile::TempDir,
    server: Process,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Process::start(&dir.path().join("data"), &[]).await;
        let minted = server.admin().post("/api/v1/enrollment-tokens", &json!({})).await;
        let world = Self { dir, server };
        let token = minted.json["token"].as_str().unwrap();
        let enrolled = world.host(&["enroll", "--token", token]).output().unwrap();
        assert!(enrolled.status.success(), "{}", text(&enrolled));
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A command of the host, by a relative path of its directory.
    fn host(&self, args: &[&str]) -> Command {
        let mut command = gatepass();
        command.env("PATH", "/usr/bin:/bin").current_dir(self.dir.path());
        command.args(args).args(["--cert-dir", "host"]);
        command
    }

    fn run(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = self.host(args).output().unwrap();
        (output.status.code(), text(&output))
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.host(args).args(["-o", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)))
    }

    fn daemon(&self, args: &[&str]) -> Child {
        let log = fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        let args = [&["renew", "--daemon"], args].concat();
        self.host(&args).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    async fn there(&self, name: &str) -> String {
        eventually(name, async || {
            fs::read_to_string(self.path(name)).ok().filter(|text| text.ends_with('\n'))
        })
        .await
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

async fn stop(mut process: Child) -> Option<i32> {
    kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
    eventually("it stops", async || process.try_wait().unwrap()).await.code()
}

/// Returns true while the process with this number runs.
fn is_running(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.trim())).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_hook_is_owed_until_it_succeeds() {
    let world = World::new().await;
    assert_eq!(world.run(&["status"]).0, Some(0), "nothing is owed without a renewal");
    let (code, said) = world.run(&["renew", "--on-renew", "exit 3"]);
    assert!(code == Some(1) && said.contains("exit status: 3") && said.contains("owed"), "{code:?} {said}");
    let (code, said) = world.run(&["status"]);
    assert!(code == Some(1) && said.contains("hook         owed"), "{code:?} {said}");
    let owed = world.json(&["status"])["renewal"]["hook_owed"].clone();
    assert!(owed["error"].as_str().unwrap().contains("exit status: 3"), "{owed}");
    let (code, said) = world.run(&["renew", "--if-due", "--on-renew", "exit 4"]);
    assert!(code == Some(1) && said.contains("exit status: 4"), "{code:?} {said}");

    // The daemon pays at its start, and after SIGHUP.
    let daemon = world.daemon(&["--on-renew", "test -e good && echo ran >> ran"]);
    eventually("the hook fails", async || world.log().contains("runs again at").then_some(())).await;
    fs::write(world.path("good"), "").unwrap();
    kill_process(Pid::from_child(&daemon), Signal::HUP).unwrap();
    assert_eq!(world.there("ran").await, "ran\n");
    eventually("it is noted", async || world.log().contains("the hook has run").then_some(())).await;
    eventually("the signal is noted", async || world.log().contains("SIGHUP").then_some(())).await;
    assert_eq!(world.run(&["status"]).0, Some(0));
    assert_eq!(stop(daemon).await, Some(0));
    assert_eq!(world.run(&["renew", "--if-due", "--on-renew", "exit 5"]), (Some(0), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_before_the_hook_ends_owes_it() {
    let world = World::new().await;
    let slow = "sleep 1000 & echo $! > sleeper; wait";
    for signal in [Signal::TERM, Signal::KILL] {
        let mut renew = world.host(&["renew", "--on-renew", slow]).stderr(Stdio::null()).spawn().unwrap();
        let sleeper = world.there("sleeper").await;
        kill_process(Pid::from_child(&renew), signal).unwrap();
        let ended = eventually("it stops", async || renew.try_wait().unwrap()).await;
        assert!(!ended.success(), "{ended}");
        if signal == Signal::TERM {
            eventually("the hook ends", async || (!is_running(&sleeper)).then_some(())).await;
        } else {
            kill_process(Pid::from_raw(sleeper.trim().parse().unwrap()).unwrap(), Signal::KILL).unwrap();
        }
        fs::remove_file(world.path("sleeper")).unwrap();
        let (code, said) = world.run(&["status"]);
        assert!(code == Some(1) && said.contains("hook         owed"), "{code:?} {said}");
        let paid = world.run(&["renew", "--if-due", "--on-renew", "echo paid >> paid"]);
        assert_eq!(paid, (Some(0), String::new()));
    }
    assert_eq!(world.there("paid").await, "paid\npaid\n");
    // A damaged record owes it too.
    fs::write(world.path("host/renewal.json"), "{").unwrap();
    assert_eq!(world.run(&["renew", "--if-due", "--on-renew", "echo paid >> paid"]).0, Some(0));
    assert_eq!(world.there("paid").await, "paid\npaid\npaid\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_hook_does_not_delay_a_stop() {
    let world = World::new().await;
    assert_eq!(world.run(&["renew", "--on-renew", "false"]).0, Some(1));
    let daemon = world.daemon(&["--on-renew", "trap '' TERM; sleep 1000 & echo $! > sleeper; wait"]);
    let sleeper = world.there("sleeper").await;
    assert_eq!(stop(daemon).await, Some(0));
    eventually("the hook ends", async || (!is_running(&sleeper)).then_some(())).await;
    assert!(world.run(&["status"]).1.contains("gatepass stops"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_sees_no_secret_and_an_absolute_directory() {
    let world = World::new().await;
    let mut renew = world.host(&["renew", "--on-renew", "env > seen; echo >> seen"]);
    for secret in [
        "GATEPASS_NEW_PASSWORD",
        "GATEPASS_EMERGENCY_TOKEN",
        "CREDENTIALS_DIRECTORY",
        "NOTIFY_SOCKET",
        "AWS_KEY",
    ] {
        renew.env(secret, "hunter2");
    }
    let renewed = renew.env("TZ", "Europe/Berlin").output().unwrap();
    assert!(renewed.status.success(), "{}", text(&renewed));
    let seen = fs::read_to_string(world.path("seen")).unwrap();
    assert!(!seen.contains("hunter2"), "{seen}");
    let directory = format!("GATEPASS_CERT_DIR={}", world.path("host").display());
    for line in ["PATH=/usr/bin:/bin", "TZ=Europe/Berlin", &directory] {
        assert!(seen.lines().any(|known| known == line), "{line}: {seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_command_after_new_crls_is_ended() {
    let world = World::new().await;
    eventually("all CRLs are signed", async || {
        let served = world.server.stranger().get("/ca/crl.pem").await.text;
        (served.matches("BEGIN X509 CRL").count() == 2).then_some(())
    })
    .await;
    let slow = "env > seen; sleep 1000 & echo $! > sleeper; wait";
    let mut crl = world.host(&["crl", "--out", "crl.pem", "--hook-timeout", "1s", "--exec", slow]);
    let output = crl.env("GATEPASS_API_KEY", "hunter2").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("did not end within 1s"), "{}", text(&output));
    let sleeper = world.there("sleeper").await;
    eventually("the hook ends", async || (!is_running(&sleeper)).then_some(())).await;
    let seen = fs::read_to_string(world.path("seen")).unwrap();
    assert!(!seen.contains("hunter2"), "{seen}");
    let path = format!("GATEPASS_CRL_FILE={}", world.path("crl.pem").display());
    assert!(seen.contains(&path), "{seen}");
    let (code, said) = world.run(&["crl", "--out", "crl.pem", "--exec", "true"]);
    assert!(code == Some(0) && said.contains("ran the command"), "{code:?} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_reloads_the_process_of_a_pid_file() {
    let world = World::new().await;
    let script = "trap 'echo reloaded >> reloads' HUP; echo $$ > service.pid; while :; do sleep 0.1; done";
    let mut service = Command::new("sh");
    let mut service = service.args(["-c", script]).current_dir(world.dir.path()).spawn().unwrap();
    world.there("service.pid").await;
    let flags = ["renew", "--signal", "HUP", "--pid-file", "service.pid"];
    let (code, said) = world.run(&flags);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(world.there("reloads").await, "reloaded\n");
    service.kill().unwrap();
    service.wait().unwrap();
    let (code, said) = world.run(&flags);
    assert!(code == Some(1) && said.contains("has ended") && said.contains("owed"), "{code:?} {said}");
    assert_eq!(world.run(&["renew", "--signal", "HUP"]).0, Some(2), "without a pid file");
}

/// A host with certificates of `life`, and a clock that the server has too.
struct ShortLived {
    at: Running,
    clock: Arc<ManualClock>,
    certs: PathBuf,
    dir: tempfile::TempDir,
}

impl ShortLived {
    async fn of(life: &str) -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::at(start())));
        let set = [("hosts.certificate_lifetime", life)];
        let at = Running::open(&dir.path().join("data"), clock.clone(), &set).await.unwrap();
        let (certs, token) = (dir.path().join("host"), Secret::new(at.mint_once().await));
        let ask = Enroll { cert_dir: certs.clone(), ..Enroll::default() };
        enroll(&ask, &token, at.clock_reading()).await.unwrap();
        Self { at, clock, certs, dir }
    }

    fn daemon(&self, on_renew: String, hook_timeout: Duration) -> Daemon<'_> {
        let reload = Reload { reload_unit: Vec::new(), signal: None, pid_file: None, hook_timeout };
        let hooks = Hooks { on_renew: Some(on_renew), reload };
        let hook = Hook::after_renewal(hooks, &self.certs, Variables::default());
        let daemon = Daemon::new(ThisHost::at(&self.certs), &*self.clock);
        Daemon { hook, nap: Duration::from_millis(5), ..daemon }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_hangs_does_not_hold_up_renewals() {
    let host = ShortLived::of("2d").await;
    let begun = host.dir.path().join("begun");
    let ends = || load_enrolled(&host.certs).unwrap().life.expires_at;
    let hanging = format!("echo >> {}; sleep 100000", begun.display());
    let renewals = async {
        for _ in 0..3 {
            let before = ends();
            host.clock.advance(Duration::from_secs(86_400 * 2 * 7 / 10));
            eventually("it renews", async || (ends() != before).then_some(())).await;
            eventually("the hook runs", async || begun.exists().then_some(())).await;
        }
    };
    host.daemon(hanging, Duration::from_secs(100_000)).run(|_| {}, renewals).await.unwrap();
    assert_eq!(fs::read_to_string(&begun).unwrap(), "\n", "the first run has not ended");
    host.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_hook_runs_again_within_a_short_life() {
    let host = ShortLived::of("60s").await;
    host.clock.advance(Duration::from_secs(45));
    let (failed, mut failures) = mpsc::unbounded_channel();
    let note = |event: DaemonEvent<'_>| {
        if let DaemonEvent::HookFailed(_, again) = event {
            failed.send(again).unwrap();
        }
    };
    let again = Mutex::new(None);
    let first = async { *again.lock() = failures.recv().await };
    host.daemon(String::from("false"), Duration::from_secs(60)).run(note, first).await.unwrap();
    let pause = again.lock().unwrap().since(host.clock.read().wall);
    assert!(pause <= Duration::from_secs(5), "{pause:?}");
    host.at.stop().await;
}
