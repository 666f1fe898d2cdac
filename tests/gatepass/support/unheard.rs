//! A server whose output goes where no program reads it. Its own files tell where it listens.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use gatepass::server::local::LocalServer;
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::authority::PASSWORD;
use super::client::Client;
use super::condition::eventually;

/// A running server. Dropping it kills it.
pub(crate) struct Unheard {
    child: Child,
    local: LocalServer,
    pub(crate) data_dir: PathBuf,
}

/// Opens the device on which every write fails for lack of room.
pub(crate) fn full() -> Stdio {
    fs::File::options().write(true).open("/dev/full").unwrap().into()
}

/// The writing end of a pipe whose reader has gone.
pub(crate) fn closed_pipe() -> Stdio {
    std::io::pipe().unwrap().1.into()
}

impl Unheard {
    /// Starts `serve` and waits until it answers.
    pub(crate) async fn start(mut serve: Command, data_dir: &Path, out: Stdio, log: Stdio) -> Self {
        let mut child = serve.stdout(out).stderr(log).spawn().unwrap();
        let local = eventually("the server answers", async || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "it did not serve: {ended:?}");
            let text = fs::read_to_string(data_dir.join("keys/local.json")).ok()?;
            let local: LocalServer = serde_json::from_str(&text).ok()?;
            let client = Client::new(&local.url, local.pins.fingerprint);
            client.try_send(Method::GET, "/livez", None).await.ok()?;
            Some(local)
        })
        .await;
        Self { child, local, data_dir: data_dir.to_owned() }
    }

    /// A caller without a credential.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(&self.local.url, self.local.pins.fingerprint)
    }

    /// A caller that signs in as the admin.
    pub(crate) fn admin(&self) -> Client {
        self.stranger().basic("admin", PASSWORD)
    }

    /// The status of a mint by the admin over HTTP/2.
    pub(crate) async fn mint_over_http2(&self) -> u16 {
        let tcp = TcpStream::connect(self.local.address).await.unwrap();
        let name = ServerName::IpAddress(self.local.address.ip().into());
        let tls = self.http2_client().connect(name, tcp).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("admin:{PASSWORD}"));
        let request = Request::post(format!("{}/api/v1/enrollment-tokens", self.local.url))
            .header("authorization", format!("Basic {basic}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from_static(b"{}")))
            .unwrap();
        sender.send_request(request).await.unwrap().status().as_u16()
    }

    fn http2_client(&self) -> TlsConnector {
        let root = CertificateDer::from_pem_file(self.data_dir.join("root.pem")).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(root).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsConnector::from(Arc::new(config))
    }

    /// The value of a series of its metrics; zero without the series.
    pub(crate) async fn measured(&self, series: &str) -> u64 {
        let metrics = self.stranger().get("/metrics").await.text;
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        value.unwrap_or(0)
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends it as an operator would. Returns its exit status.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        eventually("it stops", async || self.child.try_wait().unwrap()).await
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
