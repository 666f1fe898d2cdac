//! The server, a child of this program, and its admin.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass::client::connect::{Connector, Trust};
use gatepass::id::{hex, random};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio_rustls::TlsConnector;

use crate::Fault;
use crate::child::{beside, listening};

/// A server that answers. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    dir: TempDir,
    url: String,
    password: String,
    place: Place,
}

/// Address and trust anchor of the server.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) name: ServerName<'static>,
    pub(crate) tls: TlsConnector,
}

impl Server {
    /// Starts one with room for `subscribers`.
    pub(crate) fn start(gatepass: Option<&Path>, subscribers: usize) -> Result<Self, Fault> {
        let dir = tempfile::tempdir()?;
        let password = hex(&random::<16>());
        let data = dir.path().join("data");
        let mut command = Command::new(gatepass.map_or_else(beside, |path| Ok(path.to_owned()))?);
        command.env_clear().env("GATEPASS_ADMIN_PASSWORD", &password);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data);
        // All subscribers have one address.
        let more = subscribers + 64;
        for limit in ["max_connections", "max_connections_per_address", "max_event_streams"] {
            command.args(["--set", &format!("http.{limit}={more}")]);
        }
        let log = std::fs::File::create(dir.path().join("log"))?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let lines = listening(child.stdout.take().ok_or("the server has no output")?);
        let Ok(line) = lines.recv() else {
            let _ = child.wait();
            return Err(std::fs::read_to_string(dir.path().join("log"))?.into());
        };
        let url = line.split(' ').next().unwrap_or_default().to_owned();
        let address =
            url.strip_prefix("https://").ok_or("the server names no https URL")?.parse::<SocketAddr>()?;
        let tls = trusting(certificate(&data)?)?;
        let place = Place { address, name: ServerName::from(address.ip()), tls };
        Ok(Self { child, dir, url, password, place })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data is thrown away: it needs no time to close.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn certificate(data: &Path) -> Result<CertificateDer<'static>, Fault> {
    Ok(CertificateDer::from_pem_slice(&std::fs::read(data.join("root.pem"))?)?)
}

fn trusting(root: CertificateDer<'static>) -> Result<TlsConnector, Fault> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The client that mints and revokes.
pub(crate) struct Admin {
    connector: Connector,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Admin {
    pub(crate) fn new(server: &Server) -> Result<Self, Fault> {
        let root = certificate(&server.dir.path().join("data"))?;
        let connector = Connector::new(&server.url, Trust::Roots(vec![root]), None)?;
        let basic = format!("Basic {}", STANDARD.encode(format!("admin:{}", server.password)));
        let headers = vec![
            (AUTHORIZATION, HeaderValue::try_from(basic)?),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        Ok(Self { connector, headers })
    }

    /// Mints a token; its id.
    pub(crate) async fn mint(&self) -> Result<String, Fault> {
        let path = "/api/v1/enrollment-tokens";
        let answer = self.connector.request(Method::POST, path, &self.headers, Some("{}".into())).await?;
        let json = serde_json::from_slice::<serde_json::Value>(&answer.body)?;
        Ok(json["token_id"].as_str().ok_or_else(|| format!("no token was minted: {json}"))?.to_owned())
    }

    /// Revokes the token `id`.
    pub(crate) async fn revoke(&self, id: &str) -> Result<(), Fault> {
        let path = format!("/api/v1/enrollment-tokens/{id}");
        let answer = self.connector.request(Method::DELETE, &path, &self.headers, None).await?;
        match answer.status {
            StatusCode::OK => Ok(()),
            status => Err(format!("revoking was answered with {status}").into()),
        }
    }
}
