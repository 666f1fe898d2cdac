//! Contexts: one user, several authorities, and no command that reaches the wrong one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::Process;
use crate::support::authority::PASSWORD;
use crate::support::process::gatepass;

/// The home of a user.
struct User(tempfile::TempDir);

impl User {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run(&self, here: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        let mut command = gatepass();
        command.args(arguments).current_dir(here).env("XDG_CONFIG_HOME", self.0.path());
        command.envs(variables.iter().copied()).output().unwrap()
    }

    fn said(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Value {
        let output = self.run(self.0.path(), variables, &[arguments, &["-o", "json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Signs in to `server` in a context.
    fn log_in(&self, name: &str, server: &Process) {
        let root = server.root.to_string();
        let login = ["login", "--context", name, "--server", &server.url, "--ca-fingerprint", &root];
        self.said(&[("GATEPASS_PASSWORD", PASSWORD)], &login);
    }

    /// The URL of the server that answers.
    fn reached(&self, variables: &[(&str, &str)], flags: &[&str]) -> Value {
        self.said(variables, &[&["overview"], flags].concat())["url"].clone()
    }
}

async fn servers(dir: &Path) -> (Process, Process) {
    (Process::start(&dir.join("lab"), &[]).await, Process::start(&dir.join("production"), &[]).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_context_reaches_its_own_server() {
    let (dir, user) = (tempfile::tempdir().unwrap(), User::new());
    let (lab, production) = servers(dir.path()).await;
    user.log_in("lab", &lab);
    user.log_in("production", &production);
    assert_eq!(user.reached(&[], &[]), json!(production.url), "the newest sign-in is in use");
    let output = user.run(dir.path(), &[], &["context", "use", "lab"]);
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains(&lab.url),
        "{output:?}"
    );
    assert_eq!(user.reached(&[], &[]), json!(lab.url));
    let by_variable = [("GATEPASS_CONTEXT", "production")];
    assert_eq!(user.reached(&by_variable, &[]), json!(production.url));
    assert_eq!(user.reached(&by_variable, &["--context", "lab"]), json!(lab.url), "the flag comes first");

    let listed = user.said(&[], &["context", "list"]);
    let shown =
        |name: &str| listed.as_array().unwrap().iter().find(|item| item["name"] == name).unwrap().clone();
    assert_eq!((&shown("lab")["in_use"], &shown("production")["in_use"]), (&json!(true), &json!(false)));
    assert_eq!(
        (&shown("production")["server"], &shown("production")["user"]),
        (&json!(production.url), &json!("admin"))
    );
    let file = user.0.path().join("gatepass/contexts/lab.toml");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&file).unwrap().contains(PASSWORD));

    user.said(&[], &["logout"]);
    let after = user.said(&[], &["context", "list"]);
    let signed_in = |name: &str| {
        let item = after.as_array().unwrap().iter().find(|item| item["name"] == name).unwrap();
        item["session_expires_at"].is_string()
    };
    assert!(!signed_in("lab") && signed_in("production"), "{after}");
    assert_eq!(user.reached(&[], &["--context", "production"]), json!(production.url));
    lab.stop().await;
    production.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_context_reaches_no_server() {
    let (dir, user) = (tempfile::tempdir().unwrap(), User::new());
    let server = Process::start(&dir.path().join("gatepass-data"), &[]).await;
    let here = |variables: &[(&str, &str)], arguments: &[&str]| user.run(dir.path(), variables, arguments);
    assert!(here(&[], &["token", "list"]).status.success(), "a server is found in this directory");
    for (variables, arguments) in [
        (&[][..], &["token", "list", "--context", "labb"][..]),
        (&[("GATEPASS_CONTEXT", "labb")], &["token", "list"]),
        (&[], &["context", "use", "labb"]),
        (&[], &["logout", "--context", "labb"]),
    ] {
        let output = here(variables, arguments);
        let why = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {why}");
        assert!(why.contains("no context labb") && why.contains("gatepass context list"), "{why}");
    }
    let output = here(&[("GATEPASS_CONTEXT", "")], &["token", "list"]);
    assert_eq!(output.status.code(), Some(2), "an empty name is no name");
    let output = here(&[], &["token", "list", "--context", "../profile"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(user.said(&[], &["context", "list"]), json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_profile_is_the_default_context() {
    let (dir, user) = (tempfile::tempdir().unwrap(), User::new());
    let (lab, production) = servers(dir.path()).await;
    let (variables, root) = ([("GATEPASS_PASSWORD", PASSWORD)], lab.root.to_string());
    user.said(&variables, &["login", "--server", &lab.url, "--ca-fingerprint", &root]);
    assert!(user.0.path().join("gatepass/profile.toml").exists());
    user.log_in("production", &production);
    user.said(&[], &["session"]);
    assert_eq!(user.reached(&[], &["--context", "default"]), json!(lab.url));
    assert!(user.run(dir.path(), &[], &["context", "use", "default"]).status.success());
    assert_eq!(user.reached(&[], &[]), json!(lab.url));
    lab.stop().await;
    production.stop().await;
}
