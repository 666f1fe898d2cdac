//! The real nginx, Envoy and Caddy with the configurations under `examples/`, between curl and a service.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::echo;
use super::served::{Served, eventually};
use super::tool;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

/// The audience that the examples name.
pub(super) const AUDIENCE: &str = "https://jobs.example.org";
/// The one address that the authority believes; see [`Served::start_with`].
const PROXY: &str = "127.0.0.1";

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Envoy,
    Caddy,
}

impl Kind {
    /// An authority that lets this proxy pass certificates, and mints for the service behind it.
    pub(super) fn authority(self) -> Served {
        let header = match self {
            Self::Nginx | Self::Caddy => "x-client-cert",
            Self::Envoy => "x-forwarded-client-cert",
        };
        Served::start_with(&[
            ("GATEPASS_TOKENS__AUDIENCES", &format!("{AUDIENCE},https://other.example.org")),
            ("GATEPASS_HTTP__TRUSTED_PROXIES", PROXY),
            ("GATEPASS_HTTP__CLIENT_CERTIFICATE_HEADER", header),
        ])
    }

    /// The example for it.
    pub(super) fn example(self) -> String {
        let name = match self {
            Self::Nginx => "nginx/gatepass.conf",
            Self::Envoy => "envoy/envoy.yaml",
            Self::Caddy => "caddy/Caddyfile",
        };
        std::fs::read_to_string(Path::new(EXAMPLES).join(name)).unwrap()
    }
}

/// An example for the files, authority, service and port of a test.
pub(super) fn filled(example: &str, at: &Served, service: &str, port: u16) -> String {
    let address = at.url.strip_prefix("https://").unwrap();
    let authority_port = address.rsplit_once(':').unwrap().1;
    let folder = format!("{}/", at.path("").to_str().unwrap().trim_end_matches('/'));
    let mut text = example.to_owned();
    for (from, to) in [
        ("server gate.example.org:8443", format!("server {address}")),
        (
            "address: gate.example.org, port_value: 8443",
            format!("address: 127.0.0.1, port_value: {authority_port}"),
        ),
        // In a test the authority may take its time.
        ("proxy_connect_timeout 2s", "proxy_connect_timeout 60s".to_owned()),
        ("proxy_read_timeout 5s", "proxy_read_timeout 60s".to_owned()),
        ("timeout: 2s", "timeout: 60s".to_owned()),
        ("dial_timeout 2s", "dial_timeout 60s".to_owned()),
        ("response_header_timeout 5s", "response_header_timeout 60s".to_owned()),
        ("https://gate.example.org:8443", at.url.clone()),
        ("jobs.example.org:443 {", format!("https://localhost:{port} {{\n\tbind 127.0.0.1")),
        ("gate.example.org", "localhost".to_owned()),
        ("/etc/nginx/gatepass/", folder.clone()),
        ("/etc/envoy/gatepass/", folder.clone()),
        ("/etc/caddy/gatepass/", folder),
        ("listen 443", format!("listen 127.0.0.1:{port}")),
        ("address: 0.0.0.0, port_value: 443", format!("address: 127.0.0.1, port_value: {port}")),
        ("127.0.0.1:8080", service.to_owned()),
        ("port_value: 8080", format!("port_value: {}", service.rsplit_once(':').unwrap().1)),
    ] {
        text = text.replace(from, &to);
    }
    text
}

/// A running proxy with a service behind it. Dropping it stops it.
pub(super) struct Proxy {
    process: Child,
    url: String,
    certificate: String,
}

/// The answer.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) status: u16,
    /// The request that the service received, in lower case; without one, the proxy's answer.
    pub(super) body: String,
    /// The head of the answer.
    pub(super) head: String,
}

impl Passed {
    /// The value of a header that the service received.
    pub(super) fn received(&self, name: &str) -> Option<&str> {
        self.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }
}

impl Proxy {
    /// The proxy of this kind in front of `at`, running on files in the directory of `at`.
    pub(super) fn start(kind: Kind, at: &Served) -> Self {
        Self::start_with(kind, at, &kind.example())
    }

    /// The same with another text of its example.
    pub(super) fn start_with(kind: Kind, at: &Served, example: &str) -> Self {
        let service = echo::start();
        // A port that was free a moment ago may be taken by now; then the proxy ends at once.
        let started = (0..10).find_map(|_| Self::start_at(free_port(), kind, at, &service, example));
        started.unwrap_or_else(|| panic!("the proxy does not start:\n{}", at.text("proxy.log")))
    }

    fn start_at(port: u16, kind: Kind, at: &Served, service: &str, example: &str) -> Option<Self> {
        // The files of the first start serve every later one.
        if !at.path("root.pem").exists() {
            std::fs::copy(at.root(), at.path("root.pem")).unwrap();
            at.file("chain.pem", &at.curl("/ca/chain.pem", &[], "").body);
        }
        let certificate = certify(at);
        let text = filled(example, at, service, port);
        let process = match kind {
            Kind::Nginx => nginx(at, &text),
            Kind::Envoy => envoy(at, &text),
            Kind::Caddy => caddy(at, &text),
        };
        let mut proxy = Self { process, url: format!("https://localhost:{port}"), certificate };
        let listens = eventually("the proxy to listen, or to end", || proxy.listens());
        listens.then_some(proxy)
    }

    /// Returns whether it listens; `None` while it has neither started to listen nor ended.
    fn listens(&mut self) -> Option<bool> {
        if self.process.try_wait().unwrap().is_some() {
            return Some(false);
        }
        // Any other server at this port has another certificate.
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "120", "--output", "/dev/null", "--cacert", &self.certificate]);
        tool::run(curl.arg(&self.url), "").good.then_some(true)
    }

    /// A request through it, with these arguments to curl.
    pub(super) fn curl(&self, path: &str, args: &[&str]) -> Passed {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "120", "--include", "--http1.1"]);
        curl.args(["--cacert", &self.certificate, "--write-out", "\n%{http_code}"]).args(args);
        let out = tool::run(curl.arg(format!("{}{path}", self.url)), "").expect_good();
        let (out, status) = out.rsplit_once('\n').unwrap();
        let (head, body) = out.split_once("\r\n\r\n").unwrap();
        Passed { status: status.parse().unwrap(), body: body.to_owned(), head: head.to_ascii_lowercase() }
    }

    /// The same with a token.
    pub(super) fn curl_as(&self, token: &str, path: &str, args: &[&str]) -> Passed {
        let bearer = format!("Authorization: Bearer {token}");
        self.curl(path, &[args, &["--header", &bearer]].concat())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

/// Stops a server and its workers.
pub(super) fn stop(process: &mut Child) {
    // It may have ended already.
    let _ = kill_process(Pid::from_child(process), Signal::TERM);
    drop(process.wait());
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The proxy's own certificate and key, `jobs.pem` and `jobs.key`.
pub(super) fn certify(at: &Served) -> String {
    let (certificate, key) = (at.arg("jobs.pem"), at.arg("jobs.key"));
    let kind =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    let name = ["-subj", "/CN=jobs", "-addext", "subjectAltName=DNS:localhost"];
    let files = ["-keyout", key.as_str(), "-out", certificate.as_str()];
    tool::openssl(kind.into_iter().chain(name).chain(files)).expect_good();
    certificate
}

/// nginx with `site`, which needs no directory but its own.
pub(super) fn nginx(at: &Served, site: &str) -> Child {
    let (site, folder) = (at.file("site.conf", site), at.arg(""));
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path {folder}/{name};\n"))
        .concat();
    let main = format!(
        "daemon off;\nuser root;\npid {folder}/nginx.pid;\nerror_log {folder}/proxy.log info;\n\
         events {{}}\nhttp {{\n  access_log off;\n{temporary}  include {site};\n}}\n"
    );
    let main = at.file("nginx.conf", &main);
    run(
        at,
        Command::new(find_program("nginx")).args(["-p", &folder, "-c", &main, "-e", &at.arg("proxy.log")]),
    )
}

/// The path of `program` where Debian has those for root alone, or its name.
pub(super) fn find_program(program: &str) -> String {
    let paths = ["/usr/sbin", "/usr/local/sbin"].map(|directory| format!("{directory}/{program}"));
    paths.into_iter().find(|path| Path::new(path).exists()).unwrap_or_else(|| program.to_owned())
}

/// Envoy with the configuration `text`.
pub(super) fn envoy(at: &Served, text: &str) -> Child {
    let config = at.file("envoy.yaml", text);
    run(
        at,
        Command::new("envoy").args([
            "--config-path",
            &config,
            "--concurrency",
            "1",
            "--use-dynamic-base-id",
            "--log-level",
            "warn",
        ]),
    )
}

pub(super) fn caddy(at: &Served, text: &str) -> Child {
    // No administration port, no redirect from port 80.
    let config = at.file("Caddyfile", &format!("{{\n\tadmin off\n\tauto_https off\n}}\n{text}"));
    let mut caddy = Command::new("caddy");
    for name in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        caddy.env(name, at.path(""));
    }
    run(at, caddy.args(["run", "--config", &config, "--adapter", "caddyfile"]))
}

pub(super) fn run(at: &Served, command: &mut Command) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(at.path("proxy.log")).unwrap();
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap_or_else(|error| tool::missing(&program, &error.to_string()))
}
