//! The floor: bare hyper behind gatepass's own listener and TLS. It runs as a child of this program, so that its CPU time
//! is counted in the same way.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gatepass::ca::{CertificateAuthority, ServerProfile};
use gatepass::clock::SystemClock;
use gatepass::http::ResponseBody;
use gatepass::http::limits::Limits;
use gatepass::http::listener;
use gatepass::http::tls::{Tls, TlsIdentity};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, Response};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use serde_json::{Value, json};

use crate::cores::Cores;
use crate::error::LoadError;
use crate::server::certificates;
use crate::wire::Place;

/// A floor that answers. Dropping it ends it.
pub(crate) struct Floor {
    child: Child,
    /// It serves until this closes.
    _stdin: Option<ChildStdin>,
    /// Address and name.
    pub(crate) place: Place,
    /// Its root.
    pub(crate) roots: Vec<CertificateDer<'static>>,
}

impl Floor {
    /// Starts one that accepts client certificates under the certificates in `client_roots`.
    pub(crate) fn start(cores: &Cores, client_roots: &Path) -> Result<Self, LoadError> {
        let own = std::env::current_exe().map_err(LoadError::io("finding this program"))?;
        let mut child = cores.on_server(|| {
            let mut command = Command::new(own);
            command.arg("--floor-server").arg(client_roots).stdin(Stdio::piped()).stdout(Stdio::piped());
            command.spawn().map_err(LoadError::io("starting the floor"))
        })?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut line = String::new();
        let read = stdout.map(|stdout| BufReader::new(stdout).read_line(&mut line));
        read.transpose().map_err(LoadError::io("reading from the floor"))?;
        let told: Value = serde_json::from_str(&line).unwrap_or_default();
        let (address, root) = (told["address"].as_str(), told["root"].as_str());
        let (Some(address), Some(root)) = (address.and_then(|text| text.parse().ok()), root) else {
            return Err(LoadError::NotStarted(String::from("the floor said nothing")));
        };
        let name = ServerName::from(IpAddr::from([127, 0, 0, 1]));
        let place = Place { address, name, authority: address.to_string() };
        let root = CertificateDer::from_pem_slice(root.as_bytes()).map_err(LoadError::crypto)?;
        Ok(Self { child, _stdin: stdin, place, roots: vec![root] })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // One that has ended already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves as the floor until standard input closes.
pub(crate) fn serve(client_roots: &Path) -> Result<(), LoadError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(LoadError::io("a runtime"))?;
    let (identity, root) = identity()?;
    let time = Arc::new(rustls::time_provider::DefaultTimeProvider);
    let tls = Tls::new(identity, certificates(client_roots)?, time).map_err(LoadError::crypto)?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(LoadError::io("binding the floor"))?;
        let address = listener.local_addr().map_err(LoadError::io("binding the floor"))?;
        println!("{}", json!({ "address": address, "root": root }));
        let limits = Limits { connections: 100_000, connections_per_address: 100_000, ..Limits::default() };
        let (closed, ended) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            // Input is ignored; its end stops the floor.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            drop(closed);
        });
        listener::serve(listener, tls, limits, |request, _| answer(request), async { drop(ended.await) })
            .await;
        Ok(())
    })
}

/// Reads the request whole, and answers `/floor/<n>` with n bytes.
async fn answer(request: Request<Incoming>) -> Response<ResponseBody> {
    let wanted = request.uri().path().strip_prefix("/floor/").and_then(|count| count.parse().ok());
    // A body that broke off has no answer to wait for either.
    let _ = request.into_body().collect().await;
    let body = match wanted {
        Some(count) if count <= FILLER.len() => Bytes::from_static(&FILLER[..count]),
        wanted => Bytes::from(vec![b'x'; wanted.unwrap_or(0)]),
    };
    Response::new(gatepass::http::body::full(body))
}

static FILLER: [u8; 65536] = [b'x'; 65536];

/// A certificate of the same make as the authority's own.
fn identity() -> Result<(TlsIdentity, String), LoadError> {
    let now = SystemClock::now();
    let made = CertificateAuthority::generate("load floor", now).map_err(LoadError::crypto)?;
    let ca = CertificateAuthority::from_pem(&made.root_pem, &made.issuing_pem, &made.issuing_key, now)
        .map_err(LoadError::crypto)?;
    let profile = ServerProfile {
        dns_names: vec![String::from("localhost")],
        addresses: vec![IpAddr::from([127, 0, 0, 1])],
        trust_domain: String::from("127.0.0.1"),
        lifetime: Duration::from_secs(90 * 86_400),
    };
    let server = ca.issue_server(&profile, now).map_err(LoadError::crypto)?;
    let chain = [server.certificate, ca.issuing_der().to_vec(), ca.root_der().to_vec()];
    let chain = chain.map(CertificateDer::from).to_vec();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(server.key.expose().clone()));
    Ok((TlsIdentity { chain, key }, made.root_pem))
}
