//! The real binary, serving on a directory of its own, called with curl.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::tool;

pub(super) const PASSWORD: &str = "correct horse battery staple";
const PATIENCE: Duration = Duration::from_secs(120);

/// A running gatepass. Dropping it stops it.
pub(super) struct Served {
    dir: TempDir,
    process: Child,
    /// `true` if it runs under strace.
    traced: bool,
    pub(super) url: String,
}

/// The answer to a call.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) json: Value,
    /// The port that curl called from.
    pub(super) port: u16,
}

impl Served {
    /// The binary on an empty directory.
    pub(super) fn start() -> Self {
        Self::start_as(Command::new(env!("CARGO_BIN_EXE_gatepass")), tempfile::tempdir().unwrap())
    }

    /// The same with settings from variables: `GATEPASS_<SECTION>__<KEY>` and their values.
    pub(super) fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepass"));
        command.envs(settings.iter().copied());
        Self::start_as(command, tempfile::tempdir().unwrap())
    }

    /// The same under strace, which writes what `calls` it makes to [`Served::trace`].
    pub(super) fn start_traced(calls: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-yy", "-s", "0", "-e", calls, "-o"]).arg(dir.path().join("trace"));
        strace.arg(env!("CARGO_BIN_EXE_gatepass"));
        Self::start_as(strace, dir)
    }

    /// The same in a directory, whose `gatepass.toml` counts.
    pub(super) fn start_in(dir: TempDir) -> Self {
        Self::start_as(Command::new(env!("CARGO_BIN_EXE_gatepass")), dir)
    }

    fn start_as(mut command: Command, dir: TempDir) -> Self {
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path().join("data"));
        command.env("GATEPASS_ADMIN_PASSWORD", PASSWORD).current_dir(dir.path());
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let program = command.get_program().to_string_lossy().into_owned();
        let process = command.spawn().unwrap_or_else(|error| tool::missing(&program, &error.to_string()));
        let traced = program == "strace";
        let mut served = Self { dir, process, traced, url: String::new() };
        served.url = eventually("the server to say where it is", || served.told_url());
        served
    }

    /// The URL that a running server leaves for its own machine.
    fn told_url(&mut self) -> Option<String> {
        if let Some(status) = self.process.try_wait().unwrap() {
            panic!("the server ended with {status}:\n{}", self.text("log"));
        }
        let told = std::fs::read(self.dir.path().join("data/keys/local.json")).ok()?;
        let told: Value = serde_json::from_slice(&told).ok()?;
        Some(told["url"].as_str()?.to_owned())
    }

    /// A path in the directory of this server.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same, as an argument.
    pub(super) fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Writes a file there; its path.
    pub(super) fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.arg(name)
    }

    /// The root certificate's file.
    pub(super) fn root(&self) -> String {
        self.arg("data/root.pem")
    }

    /// The content of one of its files.
    pub(super) fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// The output of strace so far.
    pub(super) fn trace(&self) -> String {
        self.text("trace")
    }

    /// Stops it for good, as a failure would.
    pub(super) fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// The server's process: the first that strace saw, or our child.
    fn pid(&self) -> Pid {
        let first = || self.trace().split(' ').next()?.parse().ok().and_then(Pid::from_raw);
        let traced = if self.traced { first() } else { None };
        traced.unwrap_or_else(|| Pid::from_child(&self.process))
    }

    /// curl with these arguments, checking the server by its root certificate.
    pub(super) fn curl(&self, path: &str, args: &[&str], body: &str) -> Answer {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "120", "--cacert", &self.root()]);
        curl.args(["--write-out", "\n%{http_code} %{local_port}"]).args(args);
        if self.traced {
            // Without HTTP/2's own talk nothing is received between a request and its answer.
            curl.arg("--http1.1");
        }
        let out = tool::run(curl.arg(format!("{}{path}", self.url)), body).expect_good();
        let (body, numbers) = out.rsplit_once('\n').unwrap();
        let (status, port) = numbers.split_once(' ').unwrap();
        let json = serde_json::from_str(body).unwrap_or(Value::Null);
        let (status, port) = (status.parse().unwrap(), port.parse().unwrap());
        Answer { status, body: body.to_owned(), json, port }
    }

    /// The status of a public GET, with any body.
    pub(super) fn status(&self, path: &str) -> u16 {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "120", "--cacert", &self.root()]);
        curl.args(["--output", "/dev/null", "--write-out", "%{http_code}", &format!("{}{path}", self.url)]);
        tool::run(&mut curl, "").expect_good().parse().unwrap()
    }

    /// A call as the admin.
    pub(super) fn admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        let user = format!("admin:{PASSWORD}");
        let mut args = vec!["--user", &user, "--request", method];
        if !body.is_null() {
            args.extend(["--header", "Content-Type: application/json", "--data-binary", "@-"]);
        }
        self.curl(path, &args, &body.to_string())
    }

    /// Mints what `order` asks for; the token.
    pub(super) fn mint(&self, order: &Value) -> String {
        let minted = self.admin("POST", "/api/v1/enrollment-tokens", order);
        assert_eq!(minted.status, 201, "{}", minted.body);
        minted.json["token"].as_str().unwrap().to_owned()
    }

    /// Mints a service token for `audience`; its id, and the token.
    pub(super) fn mint_service(&self, audience: &str, roles: &[&str]) -> (String, String) {
        let order = json!({ "audience": audience, "roles": roles });
        let minted = self.admin("POST", "/api/v1/service-tokens", &order);
        assert_eq!(minted.status, 201, "{}", minted.body);
        let text = |name| minted.json[name].as_str().unwrap().to_owned();
        (text("token_id"), text("token"))
    }

    /// Takes a service token back.
    pub(super) fn revoke_service(&self, id: &str) {
        let revoked = self.admin("DELETE", &format!("/api/v1/service-tokens/{id}"), &Value::Null);
        assert_eq!(revoked.status, 200, "{}", revoked.body);
    }

    /// Redeems `token` with a certificate request.
    pub(super) fn redeem(&self, token: &str, csr: &str) -> Answer {
        let bearer = format!("Authorization: Bearer {token}");
        let json = "Content-Type: application/json";
        let args = ["--header", &bearer, "--header", json, "--data-binary", "@-"];
        self.curl("/api/v1/bootstrap", &args, &json!({ "csr": csr }).to_string())
    }

    /// Enrolls a host whose key openssl makes; its answer. Its files are `<name>.key`, `.pem`, `.id`,
    /// `-chain.pem`, and `-full.pem` with certificate and chain.
    pub(super) fn enroll(&self, name: &str) -> Value {
        self.enroll_as(name, &["allocator", "proxy"])
    }

    /// The same with these roles.
    pub(super) fn enroll_as(&self, name: &str, roles: &[&str]) -> Value {
        let token = self.mint(&json!({ "roles": roles }));
        let csr = self.request(name, &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        let enrolled = self.redeem(&token, &csr);
        assert_eq!(enrolled.status, 200, "{}", enrolled.body);
        self.file(&format!("{name}.pem"), enrolled.json["certificate"].as_str().unwrap());
        self.file(&format!("{name}-chain.pem"), enrolled.json["chain"].as_str().unwrap());
        let both = ["certificate", "chain"].map(|part| enrolled.json[part].as_str().unwrap()).concat();
        self.file(&format!("{name}-full.pem"), &both);
        self.file(&format!("{name}.id"), enrolled.json["host_id"].as_str().unwrap());
        enrolled.json
    }

    /// Revokes the host that was enrolled under this name.
    pub(super) fn revoke(&self, name: &str) {
        let path = format!("/api/v1/hosts/{}", self.text(&format!("{name}.id")));
        let revoked = self.admin("DELETE", &path, &Value::Null);
        assert_eq!(revoked.status, 200, "{}", revoked.body);
    }

    /// A certificate request of a new key, both made by openssl; the key is in `<name>.key`.
    pub(super) fn request(&self, name: &str, algorithm: &[&str]) -> String {
        let key = self.arg(&format!("{name}.key"));
        let make = ["genpkey", "-out", &key, "-algorithm"].into_iter().chain(algorithm.iter().copied());
        tool::openssl(make).expect_good();
        tool::openssl(["req", "-new", "-key", &key, "-subj", "/CN=whatever"]).expect_good()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may be gone already. strace ends with the traced process and ignores signals until then.
        let _ = rustix::process::kill_process(self.pid(), rustix::process::Signal::TERM);
        drop(self.process.wait());
    }
}

/// Waits until `condition` has an answer.
pub(super) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < until, "timed out: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
