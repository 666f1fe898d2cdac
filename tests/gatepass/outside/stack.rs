//! TLS clients of other stacks, each trusting only the certificates of one file.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::tool::{self, Said};
use super::use_with::page::version;

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gatepass/outside/stacks");

/// A TLS implementation and its client. Node has an OpenSSL of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stack {
    Curl,
    GnuTls,
    Go,
    Java,
    Node,
    Python,
}

impl Stack {
    pub(super) const ALL: [Self; 6] =
        [Self::Curl, Self::GnuTls, Self::Go, Self::Java, Self::Node, Self::Python];

    /// Its name in the tables of the page.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl (OpenSSL)",
            Self::GnuTls => "GnuTLS",
            Self::Go => "Go",
            Self::Java => "Java",
            Self::Node => "Node",
            Self::Python => "Python",
        }
    }

    /// The version on this machine.
    pub(super) fn version(self) -> String {
        match self {
            Self::Curl => version("curl", "--version"),
            Self::GnuTls => version("gnutls-cli", "--version"),
            Self::Go => version("go", "version"),
            Self::Java => version("java", "--version"),
            Self::Node => version("node", "--version"),
            Self::Python => version("python3", "--version"),
        }
    }

    /// Connects to `https://localhost:<port>`, trusting the certificates in the file `roots` alone.
    pub(super) fn connect(self, roots: &str, port: &str) -> Said {
        let url = format!("https://localhost:{port}/livez");
        let mut command = match self {
            Self::Curl => curl(roots),
            Self::GnuTls => return gnutls(roots, port),
            Self::Go => with("go", &["run"], "probe.go", roots),
            Self::Java => with("java", &[], "Probe.java", roots),
            Self::Node => with("node", &[], "probe.mjs", roots),
            Self::Python => with("python3", &[], "probe.py", roots),
        };
        tool::run(command.arg(url), "")
    }
}

fn curl(roots: &str) -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--max-time", "60", "--cacert", roots]);
    command
}

fn gnutls(roots: &str, port: &str) -> Said {
    let request = format!("GET /livez HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    tool::run(Command::new("gnutls-cli").args(["--x509cafile", roots, "--port", port, "localhost"]), &request)
}

/// `program` with `words`, a file of ours and the trusted certificates.
fn with(program: &str, words: &[&str], file: &str, roots: &str) -> Command {
    let file: PathBuf = Path::new(PROGRAMS).join(file);
    let mut command = Command::new(program);
    command.args(words).arg(file).arg(roots);
    command
}
