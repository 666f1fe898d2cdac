//! `gatepass crl`: a file of CRLs that a server on the same machine reads.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gatepass::ca::{CertificateAuthority, der_to_pem};
use gatepass::clock::SystemClock;
use gatepass::secret::Secret;
use serde_json::{Value, json};

use crate::support::process::gatepass;
use crate::support::{Process, eventually};

/// A server, and a directory for the files beside it.
struct Place {
    server: Process,
    dir: tempfile::TempDir,
}

impl Place {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Process::start(&dir.path().join("data"), &[]).await;
        let place = Self { server, dir };
        eventually("all CRLs are signed", async || (place.served().await.len() == 2).then_some(())).await;
        place
    }

    /// The CRLs that the server publishes now.
    async fn served(&self) -> Vec<String> {
        let text = self.server.stranger().get("/ca/crl.pem").await.text;
        text.split_inclusive("-----END X509 CRL-----\n").map(str::to_owned).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// `gatepass crl --out crl.pem` with the pinned root.
    fn command(&self, more: &[&str]) -> Command {
        let mut command = self.bare(&["--server", &self.server.url, "--ca-fingerprint"]);
        command.arg(self.server.root.to_string()).args(more);
        command
    }

    fn bare(&self, more: &[&str]) -> Command {
        let mut command = gatepass();
        command.env("PATH", "/usr/bin:/bin").current_dir(self.dir.path());
        command.args(["crl", "--out", "crl.pem"]).args(more);
        command
    }

    fn enroll(&self, token: &str) -> String {
        let certs = self.path("certs").display().to_string();
        let enrolled =
            gatepass().args(["enroll", "--cert-dir", &certs]).env("GATEPASS_TOKEN", token).output().unwrap();
        assert!(enrolled.status.success(), "{}", complaint(&enrolled));
        certs
    }

    /// Enrolls a host and revokes it. Returns its directory and its `host.json` after new CRLs are served.
    async fn revoke_a_host(&self) -> (String, Value) {
        let before = self.served().await;
        let certs = self.enroll(&self.mint().await);
        let host: Value = serde_json::from_str(&self.text("certs/host.json")).unwrap();
        let path = format!("/api/v1/hosts/{}", host["host_id"].as_str().unwrap());
        assert_eq!(self.server.admin().delete(&path).await.status, 200);
        eventually("a CRL with the revocation", async || (self.served().await != before).then_some(())).await;
        (certs, host)
    }

    async fn mint(&self) -> String {
        let minted = self.server.admin().post("/api/v1/enrollment-tokens", &json!({})).await;
        minted.json["token"].as_str().unwrap().to_owned()
    }
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The number of CRLs in the file after the command.
fn crls(command: &mut Command) -> usize {
    let answer: Value = serde_json::from_str(&said(command.args(["-o", "json"]))).unwrap();
    answer["crls"].as_array().unwrap().len()
}

/// The complaint of a command that must end with 1.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
    complaint(&output)
}

/// A CRL of the server's issuing CA with this number, as only the holder of its key can sign one.
fn forge(keys: &Path, number: u64) -> String {
    let file = |start: &str, end: &str| {
        let names = fs::read_dir(keys).unwrap().map(|entry| entry.unwrap().path());
        let mut named = names.filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(start) && name.ends_with(end)
        });
        fs::read_to_string(named.next().unwrap()).unwrap()
    };
    let (root, issuing) = (file("ca-root-", ".pem"), file("ca-issuing-", ".pem"));
    let key = Secret::new(file("ca-issuing-", ".key"));
    let now = SystemClock::now();
    let ca = CertificateAuthority::from_pem(&root, &issuing, &key, now).unwrap();
    der_to_pem("X509 CRL", &ca.sign_crl(number, &[], now).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reload_runs_only_after_a_change() {
    let at = Place::start().await;
    fs::write(at.path("crl.pem"), "").unwrap();
    fs::set_permissions(at.path("crl.pem"), fs::Permissions::from_mode(0o640)).unwrap();
    let reload = ["--exec", "echo \"$GATEPASS_CRL_FILE\" >> reloads"];
    let run = || said(&mut at.command(&reload));
    assert_eq!(run(), "wrote 2 CRLs to crl.pem; ran the command\n");
    assert_eq!(at.text("crl.pem"), at.served().await.concat());
    let mode = fs::metadata(at.path("crl.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "the mode is kept");
    assert_eq!(run(), "crl.pem has the newest 2 CRLs\n");
    assert_eq!(at.text("reloads"), format!("{}\n", at.path("crl.pem").display()));

    let (certs, host) = at.revoke_a_host().await;
    let answer: Value =
        serde_json::from_str(&said(&mut at.bare(&["--cert-dir", &certs, "-o", "json"]))).unwrap();
    assert_eq!((&answer["changed"], &answer["command_ran"]), (&json!(true), &json!(false)));
    let revoked = answer["crls"].as_array().unwrap().iter().map(|crl| crl["revoked"].as_u64().unwrap());
    assert_eq!(revoked.sum::<u64>(), 1);
    let moved = json!({ "server": "https://gate.invalid", "fallbacks": [host["server"]] });
    let mut host = host;
    host.as_object_mut().unwrap().extend(moved.as_object().unwrap().clone());
    fs::write(at.path("certs/host.json"), host.to_string()).unwrap();
    said(&mut at.bare(&["--cert-dir", &certs]));
    let mut names = fs::read_dir(at.dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.any(|name| name.to_str().unwrap().starts_with('.')), "nothing is left beside the file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_reload_runs_again() {
    let at = Place::start().await;
    let failed = refused(&mut at.command(&["--exec", "exit 3"]));
    assert!(failed.contains("exit status: 3") && failed.contains("runs it again"), "{failed}");
    assert_eq!(at.text("crl.pem"), at.served().await.concat(), "the file is fresh all the same");
    assert_eq!(
        said(&mut at.command(&["--exec", "true"])),
        "crl.pem has the newest 2 CRLs; ran the command\n"
    );
    assert_eq!(said(&mut at.command(&["--exec", "exit 3"])), "crl.pem has the newest 2 CRLs\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reload_does_not_settle_a_later_one() {
    let at = Place::start().await;
    let pipes = Command::new("mkfifo").args([at.path("begun"), at.path("go")]).status().unwrap();
    assert!(pipes.success());
    let mut slow = at.command(&["--exec", "echo > begun; cat go"]).stdout(Stdio::null()).spawn().unwrap();
    assert_eq!(at.text("begun"), "\n");
    at.revoke_a_host().await;
    refused(&mut at.command(&["--exec", "exit 3"]));
    fs::write(at.path("go"), "").unwrap();
    assert!(slow.wait().unwrap().success());
    let again = said(&mut at.command(&["--exec", "true"]));
    assert_eq!(again, "crl.pem has the newest 2 CRLs; ran the command\n");
    assert_eq!(said(&mut at.command(&["--exec", "exit 3"])), "crl.pem has the newest 2 CRLs\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_crls_leave_file_and_reload_alone() {
    let (at, other) = (Place::start().await, Place::start().await);
    let newer = forge(&at.path("data/keys"), 1000);
    for (before, why) in [
        (newer.clone(), "older than the one that is known"),
        (other.served().await.concat(), "no CRL of this authority"),
    ] {
        fs::write(at.path("crl.pem"), &before).unwrap();
        let refused = refused(&mut at.command(&["--exec", "touch reloaded"]));
        assert!(refused.contains(why) && refused.contains("crl.pem stays as it is"), "{refused}");
        assert_eq!(at.text("crl.pem"), before);
    }
    fs::write(at.path("crl.pem"), "ssl_crl off;\n").unwrap();
    let no_crls = refused(&mut at.command(&[]));
    assert!(no_crls.contains("no CRL"), "{no_crls}");
    let root = at.server.root.to_string();
    let given = ["--server", &at.server.url, "--ca-fingerprint", &root];
    let nowhere = refused(gatepass().args(["crl", "--out"]).arg(at.path("nowhere/crl.pem")).args(given));
    assert!(nowhere.contains("create the directory"), "{nowhere}");
    fs::remove_file(at.path("crl.pem")).unwrap();
    std::os::unix::fs::symlink("elsewhere", at.path("crl.pem")).unwrap();
    assert!(refused(&mut at.command(&[])).contains("plain file"));
    fs::remove_file(at.path("crl.pem")).unwrap();

    let foreign = ["--server", &at.server.url, "--ca-fingerprint", &other.server.root.to_string()];
    assert!(refused(&mut at.bare(&foreign)).contains("root"), "the root is pinned");
    let paths = [at.path("data"), other.path("data/root.pem")].map(|path| path.display().to_string());
    let beside = refused(&mut at.bare(&["--data-dir", &paths[0], "--ca", &paths[1]]));
    assert!(beside.contains("check which root is pinned"), "{beside}");
    let gone = at.command(&[]);
    let Place { server, dir } = at;
    server.stop().await;
    let mut gone = gone;
    assert_eq!(gone.output().unwrap().status.code(), Some(1));
    assert!(!dir.path().join("crl.pem").exists() && !dir.path().join("reloaded").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_keeps_every_crl_through_root_rotations() {
    let at = Place::start().await;
    let certs = at.enroll(&at.mint().await);
    let of_host = ["--cert-dir", certs.as_str()];
    said(&mut at.bare(&of_host));
    for rotations in 1..=2 {
        let rotated = at.server.admin().post("/api/v1/ca/rotate", &json!({ "root": true })).await;
        assert_eq!(rotated.status, 200, "{}", rotated.text);
        assert_eq!(crls(&mut at.bare(&of_host)), 2 + 2 * rotations, "trusting the former root");
        let renewed = gatepass().args(["renew", "--cert-dir", &certs]).output().unwrap();
        assert!(renewed.status.success(), "{}", complaint(&renewed));
        assert_eq!(crls(&mut at.bare(&of_host)), 2 + 2 * rotations, "trusting the new root");
    }
    let new = at.server.stranger().get("/ca/root.pem").await.text;
    fs::write(at.path("new.pem"), &new).unwrap();
    let new_alone = ["--server", at.server.url.as_str(), "--ca", "new.pem"];
    let lost = refused(&mut at.bare(&new_alone));
    assert!(lost.contains("would be lost") && lost.contains("bundle.pem"), "{lost}");
    fs::remove_file(at.path("crl.pem")).unwrap();
    let output = at.bare(&new_alone).output().unwrap();
    assert!(
        output.status.success() && complaint(&output).matches("left out").count() == 1,
        "{}",
        complaint(&output)
    );
    let all = at.server.stranger().get("/ca/bundle.pem").await.text;
    fs::write(at.path("new.pem"), all).unwrap();
    assert_eq!(crls(&mut at.bare(&new_alone)), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn crls_go_to_standard_output() {
    let at = Place::start().await;
    let data = at.path("data").display().to_string();
    let mut command = gatepass();
    command.args(["crl", "--out", "-", "--data-dir", &data]).current_dir(at.dir.path());
    assert_eq!(said(&mut command), at.served().await.concat());
    let output = at.bare(&["--out", "-", "--exec", "true"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", complaint(&output));
}
