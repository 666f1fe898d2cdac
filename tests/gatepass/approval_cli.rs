//! Approval from the command line, over real processes: a host waits, and an administrator decides.

mod answers;
mod deciding;
mod interrupted;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::process::gatepass;
use crate::support::{Process, eventually};

/// Mints a token whose hosts wait.
async fn requiring(admin: &Client, max_uses: Value) -> String {
    let order = json!({ "max_uses": max_uses, "approval": "require", "label": "rack-7", "roles": ["proxy"] });
    token_of(&admin.post("/api/v1/enrollment-tokens", &order).await.json)
}

fn enroll(certs: &Path, token: &str) -> Command {
    let mut command = gatepass();
    command.args(["enroll", "--cert-dir"]).arg(certs).env("GATEPASS_TOKEN", token);
    command
}

/// The exit code and the output of a command.
fn ended(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// The id and the code of an enrollment, as the host shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    id: String,
    code: String,
}

/// Runs `enroll --no-wait` of a host that has to wait.
fn does_not_wait(certs: &Path, token: &str) -> Shown {
    let (code, said) = ended(enroll(certs, token).args(["--no-wait", "-o", "json"]));
    assert_eq!(code, Some(75), "{said}");
    let document: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let text = document["error"].as_str().unwrap();
    assert!(text.contains("run the same command again"), "{text}");
    let member = |name: &str| document["waiting"][name].as_str().unwrap().to_owned();
    let shown = Shown { id: member("enrollment_id"), code: member("code") };
    assert!(text.contains(&shown.id) && text.contains(&shown.code), "{text}");
    shown
}

/// A `gatepass enroll` that waits for approval.
struct WaitingHost {
    child: Child,
    lines: BufReader<ChildStderr>,
    shown: Shown,
}

impl WaitingHost {
    /// Starts it, and waits until it shows its code.
    fn start(certs: &Path, token: &str) -> Self {
        let mut command = enroll(certs, token);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let (mut id, mut code, mut said) = (None, None, String::new());
        while !said.contains("must see the same code") {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it ended: {said}");
            let words = line.split_whitespace().collect::<Vec<_>>();
            match words.as_slice() {
                ["enrollment", text] => id = Some((*text).to_owned()),
                ["code", text] => code = Some((*text).to_owned()),
                _ => {}
            }
            said += &line;
        }
        let shown = Shown { id: id.expect(&said), code: code.expect(&said) };
        assert!(said.contains(&format!("gatepass enrollment approve {}", shown.id)), "{said}");
        Self { child, lines, shown }
    }

    /// Waits for its end. Returns the exit status, and the lines since it has shown its code.
    async fn ends(mut self) -> (ExitStatus, String) {
        let child = &mut self.child;
        let status = eventually("enroll ends", async || child.try_wait().unwrap()).await;
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        (status, rest)
    }
}

impl Drop for WaitingHost {
    fn drop(&mut self) {
        // One that has ended already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn host_of(certs: &Path) -> Value {
    serde_json::from_slice(&fs::read(certs.join("host.json")).unwrap()).unwrap()
}

struct World {
    dir: tempfile::TempDir,
    server: Process,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Process::start(&dir.path().join("data"), &[]).await;
        Self { dir, server }
    }

    fn certs(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn approve(&self, id: &str) -> String {
        self.server.told(&["enrollment", "approve", id, "--yes"])
    }

    fn enrollment(&self, id: &str) -> Value {
        self.server.json(&["enrollment", "show", id])
    }
}

/// "`gatepass enroll` waits, prints the enrollment id, the code and the command that approves it."
#[tokio::test(flavor = "multi_thread")]
async fn a_host_waits_until_the_command_line_approves() {
    let world = World::new().await;
    let (certs, token) = (world.certs("certs"), requiring(&world.server.admin(), json!(1)).await);
    let host = WaitingHost::start(&certs, &token);
    let Shown { id, code } = host.shown.clone();
    let listed = world.server.json(&["enrollment", "list"]);
    assert_eq!((&listed[0]["id"], &listed[0]["code"]), (&json!(id), &json!(code)), "one code on both sides");
    let said = world.approve(&id);
    assert!(said.contains("approved enrollment"), "{said}");
    let (status, rest) = host.ends().await;
    assert!(status.success(), "{rest}");
    let item = world.enrollment(&id);
    assert_eq!((&item["state"], &item["host_id"]), (&json!("approved"), &host_of(&certs)["host_id"]));
    world.server.stop().await;
}

/// "Key and request survive a restart of the host."
#[tokio::test(flavor = "multi_thread")]
async fn a_later_run_continues_the_enrollment() {
    let world = World::new().await;
    let (certs, token) = (world.certs("certs"), requiring(&world.server.admin(), json!(1)).await);
    let shown = does_not_wait(&certs, &token);
    let key = fs::read(certs.join(".pending/host.key")).unwrap();
    assert_eq!(does_not_wait(&certs, &token), shown);
    // The short id, as lists show it.
    world.approve(&shown.id[shown.id.len() - 8..]);
    let (code, said) = ended(&mut enroll(&certs, &token));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(fs::read(certs.join("host.key")).unwrap(), key);
    assert_eq!(world.enrollment(&shown.id)["host_id"], host_of(&certs)["host_id"]);
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_host_throws_its_key_away() {
    let world = World::new().await;
    let (certs, token) = (world.certs("certs"), requiring(&world.server.admin(), json!(1)).await);
    let shown = does_not_wait(&certs, &token);
    let deny = ["enrollment", "deny", &shown.id, "--reason", "wrong rack", "--yes"];
    assert_eq!(world.server.told(&deny).trim(), format!("denied enrollment {}", shown.id));
    let (code, said) = ended(&mut enroll(&certs, &token));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("enrollment_denied") && said.contains("wrong rack"), "{said}");
    assert!(!certs.join(".pending").exists());
    let next = does_not_wait(&certs, &token);
    assert_ne!((next.id, next.code), (shown.id, shown.code), "the same token begins again with a new key");
    world.server.stop().await;
}

/// A replacement is one act of the server, which a decision would tear apart.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_must_wait_replaces_none() {
    let world = World::new().await;
    let certs = world.certs("certs");
    let admin = world.server.admin();
    let plain = token_of(&admin.post("/api/v1/enrollment-tokens", &json!({})).await.json);
    let (code, said) = ended(&mut enroll(&certs, &plain));
    assert_eq!(code, Some(0), "{said}");
    let (before, token) = (host_of(&certs), requiring(&admin, json!(1)).await);
    let (code, said) = ended(enroll(&certs, &token).arg("--replace"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--replace") && said.contains("re-enrollment token"), "{said}");
    assert_eq!(host_of(&certs), before);
    assert_eq!(world.server.json(&["enrollment", "list"]), json!([]));
    world.server.stop().await;
}
