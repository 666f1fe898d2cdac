//! `gatepass renew --daemon` checks in, writes the policy of its host, and runs the policy's hook.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gatepass::client::daemon::{Daemon, DaemonEvent, PolicyOut};
use gatepass::client::directory::load_enrolled;
use gatepass::client::enroll::{Enroll, enroll};
use gatepass::client::host::ThisHost;
use gatepass::client::policy_file::PolicyFile;
use gatepass::clock::ManualClock;
use gatepass::secret::Secret;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::output_keys;
use crate::support::authority::{AUDIENCE, start as first_time, token_of};
use crate::support::cluster::{Cluster, Conduct};
use crate::support::fleet::{change, policy, start};
use crate::support::gateway::{Gateway, Mode, page};
use crate::support::process::gatepass;
use crate::support::{Process, Running, eventually};

/// Longer than the interval with its jitter.
const INTERVAL: Duration = Duration::from_secs(331);

/// A daemon in this process, on a clock that the test moves.
struct World {
    clock: Arc<ManualClock>,
    certs: PathBuf,
    file: PathBuf,
    log: Arc<Mutex<Vec<String>>>,
    daemon: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl World {
    /// Enrolls a host with `token`, and starts its daemon.
    async fn new(at: &Running, token: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let (certs, file) = (dir.path().join("host"), dir.path().join("policy.json"));
        let ask = Enroll { cert_dir: certs.clone(), ..Enroll::default() };
        enroll(&ask, &Secret::new(token.to_owned()), at.clock_reading()).await.unwrap();
        let (clock, log) = (Arc::new(ManualClock::at(at.clock_reading())), Arc::new(Mutex::new(Vec::new())));
        let policy = PolicyOut { file: PolicyFile::new(&file).unwrap(), hook: None };
        let (this, events, time) = (ThisHost::at(&certs), log.clone(), clock.clone());
        let daemon = tokio::spawn(async move {
            let new = Daemon::new(this, &*time);
            let daemon = Daemon { nap: Duration::from_millis(5), policy: Some(policy), ..new };
            let note = |event: DaemonEvent<'_>| {
                if !matches!(event, DaemonEvent::Alive) {
                    events.lock().push(format!("{event:?}"));
                }
            };
            drop(daemon.run(note, std::future::pending()).await);
        });
        Self { clock, certs, file, log, daemon, _dir: dir }
    }

    fn pass(&self, at: &Running, span: Duration) {
        at.clock.advance(span);
        self.clock.advance(span);
    }

    fn id(&self) -> String {
        load_enrolled(&self.certs).unwrap().host_id.to_string()
    }

    /// The policy in the file, once `fits` accepts it.
    async fn written(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        eventually(what, async || {
            let text = fs::read_to_string(&self.file).ok()?;
            serde_json::from_str(&text).ok().filter(|policy| fits(policy))
        })
        .await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.daemon.abort();
    }
}

async fn checkin(at: &Running, id: &str) -> Value {
    at.authority.upkeep.write_uses().await.unwrap();
    at.admin().get(&format!("/api/v1/hosts/{id}")).await.json["checkin"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_writes_each_policy_of_its_host() {
    let at = start().await;
    let edge = policy(&at, "edge", json!({ "log": "info" })).await;
    let world = World::new(&at, &token_of(&edge["first_token"])).await;
    let first = world.written("the first policy", |_| true).await;
    assert_eq!(
        (&first["id"], &first["revision"], &first["settings"]),
        (&edge["id"], &json!(1), &json!({ "log": "info" }))
    );
    assert_eq!(fs::metadata(&world.file).unwrap().permissions().mode() & 0o7777, 0o600);
    change(&at, &edge, json!({ "settings": { "log": "debug" } })).await;
    world.pass(&at, INTERVAL);
    let second = world.written("the second policy", |policy| policy["revision"] == 2).await;
    assert_eq!(second["settings"], json!({ "log": "debug" }));
    world.pass(&at, INTERVAL);
    let id = world.id();
    let known = eventually("the server knows the revision", async || {
        Some(checkin(&at, &id).await).filter(|checkin| checkin["policy_revision"] == 2)
    })
    .await;
    assert_eq!((&known["policy"], &known["status"]), (&edge["id"], &json!("healthy")));
    assert_eq!(known["version"], env!("CARGO_PKG_VERSION"));
}

/// A changed secret reaches the file without a new revision of the policy.
#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_writes_a_changed_output() {
    let at = start().await;
    let output = json!({
        "name": "events", "type": "kafka", "hosts": ["kafka.example.org:9092"], "auth": "user_pass", "username": "agent",
        "password": "first",
    });
    let output = at.admin().post("/api/v1/outputs", &output).await;
    assert_eq!(output.status, 201, "{}", output.text);
    let edge = policy(&at, "edge", json!({})).await;
    change(&at, &edge, json!({ "outputs": [output.json["id"]] })).await;
    let world = World::new(&at, &token_of(&edge["first_token"])).await;
    let first = world.written("the policy", |_| true).await;
    assert_eq!((&first["revision"], &first["outputs"][0]["password"]), (&json!(2), &json!("first")));
    let path = format!("/api/v1/outputs/{}", output.json["id"].as_str().unwrap());
    assert_eq!(at.admin().patch(&path, &json!({ "password": "second" })).await.status, 200);
    world.pass(&at, INTERVAL);
    let second = world.written("the password", |policy| policy["outputs"][0]["password"] == "second").await;
    assert_eq!((&second["revision"], &second["outputs_revision"]), (&json!(2), &json!(2)));
}

/// A key that is still prepared is in the file as soon as it is ready, and not at the next check-in.
#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_completes_a_policy_before_the_check_in() {
    let (at, cluster) = (output_keys::start().await, Cluster::start().await);
    cluster.conduct(Conduct::Silent);
    let output = output_keys::output(&at, &cluster, "logs").await;
    let edge = output_keys::policy_with(&at, "edge", &[&output]).await;
    let world = World::new(&at, &token_of(&edge["first_token"])).await;
    let first = world.written("the policy", |_| true).await;
    assert_eq!(first["outputs"][0].get("api_key"), None);
    cluster.conduct(Conduct::Good);
    let path = format!("/api/v1/outputs/{}", output["id"].as_str().unwrap());
    eventually("the key is ready", async || {
        // The call that got no answer has failed, and its pause is over.
        at.clock.advance(Duration::from_secs(1));
        (at.admin().get(&path).await.json["keys"]["ready"] == 1).then_some(())
    })
    .await;
    // Longer than any pause that the server asked for, and much shorter than that between two check-ins.
    world.clock.advance(Duration::from_secs(67));
    let complete = world.written("the key", |policy| policy["outputs"][0]["api_key"].is_string()).await;
    assert_eq!(complete["outputs"][0]["state"], "ready");
    let written = || world.log.lock().iter().filter(|event| event.starts_with("PolicyWritten")).count();
    eventually("both writes are reported", async || (written() == 2).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_renews_when_the_server_asks() {
    let at = Running::start().await;
    let world = World::new(&at, &at.mint_once().await).await;
    let id = world.id();
    eventually("it checks in", async || (!checkin(&at, &id).await.is_null()).then_some(())).await;
    let path = format!("/api/v1/hosts/{id}");
    assert_eq!(at.admin().patch(&path, &json!({ "roles": ["proxy"] })).await.status, 200);
    // No sooner than an hour after the certificate before.
    world.pass(&at, Duration::from_secs(3700));
    eventually("it has the new role", async || {
        let roles = load_enrolled(&world.certs).unwrap().certified.roles;
        (roles.iter().map(|role| role.as_str()).collect::<Vec<_>>() == ["proxy"]).then_some(())
    })
    .await;
}

/// A server of an earlier version has no check-ins: it is asked for the identity once an hour.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_server_is_asked_for_the_identity() {
    let dir = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::bind().await;
    let set = [("server.external_url", &*gateway.url), ("tokens.audiences", AUDIENCE)];
    let servers = Arc::new(ManualClock::at(first_time()));
    let at = Running::open(&dir.path().join("data"), servers, &set).await.unwrap();
    gateway.open(at.data_dir(), at.local);
    let world = World::new(&at, &at.mint_once().await).await;
    let id = world.id();
    eventually("it checks in", async || (!checkin(&at, &id).await.is_null()).then_some(())).await;
    let missing = json!({
        "type": "urn:gatepass:problem:not_found", "title": "Not found", "status": 404, "detail": "no such path",
        "code": "not_found",
    });
    gateway.set(page("404 Not Found", &[], "application/problem+json", &missing.to_string()));
    let answered = gateway.answered();
    world.pass(&at, INTERVAL);
    // The check-in, and the question for the identity.
    eventually("both are asked", async || (gateway.answered() >= answered + 2).then_some(())).await;
    gateway.set(Mode::Pass);
    let before = checkin(&at, &id).await;
    world.pass(&at, Duration::from_secs(3700));
    eventually("the server has check-ins again", async || {
        (checkin(&at, &id).await["at"] != before["at"]).then_some(())
    })
    .await;
    let log = world.log.lock().join("\n");
    assert!(!log.contains("PolicyFailed"), "{log}");
}

/// The built binaries on the machine's clock.
struct Site {
    dir: tempfile::TempDir,
    server: Process,
    policy: Value,
}

impl Site {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let server = Process::start(&dir.path().join("data"), &["--set", "hosts.checkin=10s"]).await;
        let order = json!({ "name": "edge", "settings": { "log": "info" } });
        let made = server.admin().post("/api/v1/policies", &order).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let site = Self { dir, server, policy: made.json };
        let token = token_of(&site.policy["first_token"]);
        let enrolled = site.host(&["enroll", "--token", &token]).output().unwrap();
        assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
        site
    }

    fn host(&self, args: &[&str]) -> Command {
        let mut command = gatepass();
        command.env("PATH", "/usr/bin:/bin").current_dir(self.dir.path());
        command.args(args).args(["--cert-dir", "host"]);
        command
    }

    fn daemon(&self, hook: &str) -> Child {
        let log = fs::File::options().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let args = ["renew", "--daemon", "--policy-out", "policy.json", "--policy-hook", hook];
        self.host(&args).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }

    fn status(&self) -> (Option<i32>, String) {
        let output = self.host(&["status"]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }
}

async fn stop(mut process: Child) {
    kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
    let ended = eventually("it stops", async || process.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_hook_is_owed_until_it_succeeds() {
    let site = Site::new().await;
    let hook = "test -e good && cp \"$GATEPASS_POLICY_FILE\" seen";
    let daemon = site.daemon(hook);
    eventually("the hook fails", async || site.read("log").contains("--policy-hook").then_some(())).await;
    let (code, said) = site.status();
    assert!(code == Some(1) && said.contains("policy hook  owed"), "{code:?} {said}");
    assert!(said.contains("policy       revision 1 of "), "{said}");
    stop(daemon).await;
    // The next daemon pays at its start.
    fs::write(site.dir.path().join("good"), "").unwrap();
    let daemon = site.daemon(hook);
    let seen =
        eventually("the hook runs", async || Some(site.read("seen")).filter(|seen| !seen.is_empty())).await;
    let policy: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!((&policy["id"], &policy["settings"]), (&site.policy["id"], &json!({ "log": "info" })));
    eventually("nothing is owed", async || {
        let (code, said) = site.status();
        (code == Some(0) && said.contains("check-in     ")).then_some(())
    })
    .await;
    let changed = json!({ "settings": { "log": "debug" } });
    let path = format!("/api/v1/policies/{}", site.policy["id"].as_str().unwrap());
    assert_eq!(site.server.admin().patch(&path, &changed).await.status, 200);
    eventually("the change arrives", async || site.read("seen").contains("debug").then_some(())).await;
    stop(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_daemon_writes_policies() {
    let site = Site::new().await;
    for (args, why) in [
        (&["renew", "--policy-out", "policy.json"][..], "--daemon"),
        (&["renew", "--daemon", "--policy-hook", "true"], "--policy-out"),
        (&["renew", "--daemon", "--policy-out", "missing/policy.json"], "create the directory"),
    ] {
        let output = site.host(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{args:?}: {said}");
    }
}
