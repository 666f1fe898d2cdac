//! The server, a child of this program, and its admin.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass::ca::pem_to_der;
use gatepass::client::connect::{Connector, Identity, Trust};
use gatepass::client::directory::load_identity;
use gatepass::id::{Fingerprint, hex, random};
use gatepass::secret::Secret;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::child::{beside, listening};
use crate::host::Host;
use crate::{Fault, LIFE};

/// The server's own address and its root.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    address: SocketAddr,
    root: Fingerprint,
}

impl Place {
    /// A connection past the gateway, which presents the present certificate of the host.
    pub(crate) fn connect(self, host: &Host) -> Result<Connector, Fault> {
        self.connector(Some(load_identity(&host.dir)?))
    }

    fn connector(self, identity: Option<Identity>) -> Result<Connector, Fault> {
        let url = format!("https://{}", self.address);
        Ok(Connector::new(&url, Trust::Fingerprint(self.root), identity)?)
    }
}

/// A server that answers. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    dir: TempDir,
    place: Place,
    admin: Connector,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Server {
    /// Starts one that hosts reach at `url`.
    pub(crate) fn start(gatepass: Option<&Path>, url: &str) -> Result<Self, Fault> {
        let (dir, password) = (tempfile::tempdir()?, hex(&random::<16>()));
        let data = data_in(&dir);
        let mut command = Command::new(gatepass.map_or_else(beside, |path| Ok(path.to_owned()))?);
        command.env_clear().env("GATEPASS_ADMIN_PASSWORD", &password);
        command.args(["serve", "--listen", "127.0.0.1:0", "--external-url", url, "--data-dir"]).arg(&data);
        let life = format!("hosts.certificate_lifetime={}s", LIFE.as_secs());
        // All hosts have one address.
        for set in [&life, "http.max_connections_per_address=16384"] {
            command.args(["--set", set]);
        }
        let log = std::fs::File::create(dir.path().join("log"))?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let lines = listening(child.stdout.take().ok_or("the server has no output")?);
        let Ok(line) = lines.recv() else {
            let _ = child.wait();
            return Err(std::fs::read_to_string(dir.path().join("log"))?.into());
        };
        let address = line.split(['(', ')']).nth(1).ok_or("the server names no address")?.parse()?;
        let root = pem_to_der("CERTIFICATE", &std::fs::read_to_string(data.join("root.pem"))?)?;
        let place = Place { address, root: Fingerprint::of(&root) };
        let basic = format!("Basic {}", STANDARD.encode(format!("admin:{password}")));
        let headers = vec![
            (AUTHORIZATION, HeaderValue::try_from(basic)?),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        Ok(Self { child, dir, place, admin: place.connector(None)?, headers })
    }

    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.place.address
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        data_in(&self.dir)
    }

    /// A directory that ends with the server.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Mints a token for every host.
    pub(crate) async fn mint(&self) -> Result<Secret<String>, Fault> {
        let asked = json!({ "persistent": true }).to_string();
        let minted = self.ask(Method::POST, "/api/v1/enrollment-tokens", Some(asked)).await?;
        let token = minted["token"].as_str().ok_or_else(|| format!("no token was minted: {minted}"))?;
        Ok(Secret::new(token.to_owned()))
    }

    /// The number of alarms: refused hosts in the ledger.
    pub(crate) async fn alarms(&self) -> Result<usize, Fault> {
        let (mut alarms, mut cursor) = (0, String::new());
        loop {
            let page = self.ask(Method::GET, &format!("/api/v1/ledger?limit=1000{cursor}"), None).await?;
            let items = page["items"].as_array().ok_or_else(|| format!("no ledger: {page}"))?;
            alarms += items.iter().filter(|entry| entry["action"] == "host_refused").count();
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(alarms),
            }
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<String>) -> Result<Value, Fault> {
        let answer = self.admin.request(method, path, &self.headers, body.map(Into::into)).await?;
        Ok(serde_json::from_slice(&answer.body)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data is thrown away: it needs no time to close.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn data_in(dir: &TempDir) -> PathBuf {
    dir.path().join("data")
}
