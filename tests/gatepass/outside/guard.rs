//! Servers of others that admit hosts by certificate and CRL.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};

use super::proxy::{certify, free_port, nginx, run};
use super::served::{Served, eventually};
use super::tool;

/// A server that verifies client certificates.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    HaProxy,
    Nginx,
}

/// A running server. Dropping it stops it.
pub(super) struct Guard {
    process: Child,
    url: String,
    certificate: String,
}

impl Guard {
    /// The server that trusts the certificates in the file `roots` and reads the CRLs in the file `crls`.
    pub(super) fn start(kind: Kind, at: &Served, roots: &str, crls: &str) -> Self {
        // A port that was free a moment ago may be taken by now; then the server ends at once.
        let started = (0..10).find_map(|_| Self::start_at(free_port(), kind, at, roots, crls));
        started.unwrap_or_else(|| panic!("{kind:?} does not start:\n{}", at.text("proxy.log")))
    }

    fn start_at(port: u16, kind: Kind, at: &Served, roots: &str, crls: &str) -> Option<Self> {
        let certificate = certify(at);
        let mut process = match kind {
            Kind::HaProxy => haproxy(at, port, roots, crls),
            Kind::Nginx => nginx(at, &site(at, port, roots, crls)),
        };
        let listens = eventually("the server to listen, or to end", || {
            let ended = process.try_wait().unwrap().is_some();
            let listens = TcpStream::connect(("127.0.0.1", port)).is_ok();
            (ended || listens).then_some(!ended)
        });
        listens.then(|| Self { process, url: format!("https://localhost:{port}/"), certificate })
    }

    /// Returns true if the server admits the host `name`; see [`Served::enroll`].
    pub(super) fn admits(&self, at: &Served, name: &str) -> bool {
        let (chain, key) = (at.arg(&format!("{name}-full.pem")), at.arg(&format!("{name}.key")));
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--max-time", "60", "--output", "/dev/null"]);
        curl.args(["--cacert", &self.certificate, "--cert", &chain, "--key", &key, &self.url]);
        tool::run(&mut curl, "").good
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        drop(self.process.wait());
    }
}

fn site(at: &Served, port: u16, roots: &str, crls: &str) -> String {
    let (certificate, key) = (at.arg("jobs.pem"), at.arg("jobs.key"));
    format!(
        "server {{\n  listen 127.0.0.1:{port} ssl;\n  ssl_certificate {certificate};\n  ssl_certificate_key {key};\n  \
         ssl_client_certificate {roots};\n  ssl_crl {crls};\n  ssl_verify_client on;\n  ssl_verify_depth 8;\n  \
         location / {{ return 200; }}\n}}\n"
    )
}

fn haproxy(at: &Served, port: u16, roots: &str, crls: &str) -> Child {
    let both = at.file("jobs-both.pem", &(at.text("jobs.pem") + &at.text("jobs.key")));
    let config = format!(
        "defaults\n  mode http\n  timeout client 60s\n  timeout connect 60s\n  timeout server 60s\n\
         frontend hosts\n  bind 127.0.0.1:{port} ssl crt {both} ca-file {roots} verify required crl-file {crls}\n  \
         http-request return status 200\n"
    );
    let config = at.file("haproxy.cfg", &config);
    let found =
        ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"].into_iter().find(|path| Path::new(path).exists());
    run(at, Command::new(found.unwrap_or("haproxy")).args(["-db", "-f", &config]))
}
