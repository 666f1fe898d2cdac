//! A server and hosts that enroll with it, each as the built binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::served::{Served, complaint, gatepass, run, serve};

/// A running server, and a directory for hosts.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) server: Served,
    hosts: usize,
}

impl Site {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Served::start(serve(&dir.path().join("data")));
        Self { dir, server, hosts: 0 }
    }

    /// A file with a token for one host.
    pub(crate) fn token(&mut self) -> PathBuf {
        self.hosts += 1;
        let path = self.path(&format!("token-{}", self.hosts));
        let mut create = gatepass();
        create.args(["token", "create", "--role", "proxy", "-o", "json", "--data-dir"]);
        let output = good(create.arg(self.path("data")));
        let minted: Value = serde_json::from_slice(&output.stdout).unwrap();
        std::fs::write(&path, minted["token"].as_str().unwrap()).unwrap();
        path
    }

    /// The directory of the host that has the last token.
    pub(crate) fn certs(&self) -> PathBuf {
        self.path(&format!("host-{}", self.hosts))
    }

    /// The directory of a host that has enrolled.
    pub(crate) fn enrolled(&mut self) -> PathBuf {
        let token = self.token();
        good(&mut host(&["enroll", "--token-file", token.to_str().unwrap()], &self.certs()));
        self.certs()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// A command of the host with the identity in `certs`.
pub(crate) fn host(arguments: &[&str], certs: &Path) -> Command {
    let mut command = gatepass();
    command.args(arguments).arg("--cert-dir").arg(certs);
    command
}

/// Runs a command that has to succeed.
pub(crate) fn good(command: &mut Command) -> Output {
    let output = run(command);
    assert!(output.status.success(), "{command:?}: {}", complaint(&output));
    output
}
