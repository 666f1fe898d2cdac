//! A separate service with its own port and audience. It verifies tokens and host certificates offline, without a request
//! to the authority.
//!
//! ```sh
//! cargo run --example guarded_service -- --authority https://gate.example.org:8443 --ca root.pem \
//!     --audience https://jobs.example.org --snapshot jobs.json
//! ```
//!
//! Access to the routes:
//! - `/public`: anyone.
//! - `/work`: a service token for this audience.
//! - `/allocate`: a service token with the role `allocator`.
//! - `/host`: an enrolled host, by its certificate (mTLS).
//! - `/health`: anyone. It shows the age of the service's keys and lists.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use gatepass::connect::{Connector, Trust};
use gatepass::id::Fingerprint;
use gatepass::token::{ServiceGrant, Verified};
use gatepass::verifier::Verifier;
use gatepass::verifier::fetch::{Refresh, Refresher};
use gatepass::verifier::hosts::{HostPeer, HostVerifier};
use gatepass::warp::{PeerCertificates, host, recover, require_role, token};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::reply::Response;

const USAGE: &str = "guarded_service --authority URL (--ca root.pem | --ca-fingerprint HEX) --audience URI \
                     [--listen ADDR:PORT] [--snapshot FILE] [--certificate FILE] [--poll-only] [--plain]";
/// Timeout of a handshake, and of the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Default)]
struct Options {
    authority: String,
    audience: String,
    listen: Option<String>,
    ca: Option<PathBuf>,
    fingerprint: Option<Fingerprint>,
    snapshot: Option<PathBuf>,
    /// File for this service's own certificate, for its clients.
    certificate: Option<PathBuf>,
    poll_only: bool,
    plain: bool,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self::default();
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{flag} wants a value: {USAGE}"));
            match flag.as_str() {
                "--authority" => options.authority = value()?,
                "--audience" => options.audience = value()?,
                "--listen" => options.listen = Some(value()?),
                "--ca" => options.ca = Some(value()?.into()),
                "--ca-fingerprint" => {
                    let parsed = Fingerprint::parse(&value()?);
                    options.fingerprint = Some(parsed.ok_or("the fingerprint is not 64 hexadecimal digits")?);
                }
                "--snapshot" => options.snapshot = Some(value()?.into()),
                "--certificate" => options.certificate = Some(value()?.into()),
                "--poll-only" => options.poll_only = true,
                "--plain" => options.plain = true,
                other => return Err(format!("{other} is no option: {USAGE}").into()),
            }
        }
        let trusts = options.ca.is_some() != options.fingerprint.is_some();
        let complete = trusts && !options.authority.is_empty() && !options.audience.is_empty();
        if complete { Ok(options) } else { Err(USAGE.into()) }
    }

    /// The authority's root certificate, PEM: from its file, or by its fingerprint from the authority. A fetched root is kept
    /// beside the snapshot, so that a restart needs no authority.
    async fn root_pem(&self) -> Result<String, Failure> {
        if let Some(file) = &self.ca {
            return Ok(fs::read_to_string(file)?);
        }
        let pinned = self.fingerprint.ok_or(USAGE)?;
        let kept = self.snapshot.as_ref().map(|path| path.with_extension("root.pem"));
        if let Some(pem) = kept.as_ref().and_then(|path| fs::read_to_string(path).ok()) {
            return Ok(pem);
        }
        // The pin is checked in the handshake, before anything is sent.
        let connector = Connector::new(&self.authority, Trust::Fingerprint(pinned), None)?;
        let answer =
            connector.request(hyper::Method::GET, &format!("/ca/root/{pinned}.pem"), &[], None).await?;
        let pem = String::from_utf8(answer.body.to_vec())?;
        if let Some(path) = kept {
            fs::write(path, &pem)?;
        }
        Ok(pem)
    }

    /// The host in the authority's first URL: the trust domain of its hosts, unless the authority is configured otherwise.
    fn trust_domain(&self) -> Result<String, Failure> {
        let url: hyper::Uri = self.authority.parse()?;
        Ok(url.host().ok_or("the authority's URL names no host")?.to_owned())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guarded_service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let options = Options::parse(std::env::args().skip(1))?;
    let root = options.root_pem().await?;
    let trust_domain = options.trust_domain()?;
    let hosts = Arc::new(match options.fingerprint {
        Some(pinned) => HostVerifier::pinned(pinned, &root, &trust_domain)?,
        None => HostVerifier::new(&root, &trust_domain)?,
    });
    let verifier = Arc::new(Verifier::new(&options.authority, &options.audience));
    let refresher = refresher(&options, &root, &verifier, &hosts)?;
    // A service without keys and lists can only answer 503.
    if !refresher.ready_within(PATIENCE).await {
        let why =
            refresher.health().last_failure.map(|(_, failure)| format!(": {failure}")).unwrap_or_default();
        return Err(format!("nothing to verify with after {} s{why}", PATIENCE.as_secs()).into());
    }
    let routes = routes(&verifier, &hosts, refresher);
    let listener = TcpListener::bind(options.listen.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let at = listener.local_addr()?;
    if options.plain {
        println!("guarded service listens on http://{at}");
        return serve_plain(listener, routes).await;
    }
    let tls = tls(&root, &options)?;
    println!("guarded service listens on https://{at}");
    serve_tls(listener, tls, routes).await
}

fn refresher(
    options: &Options,
    root: &str,
    verifier: &Arc<Verifier>,
    hosts: &Arc<HostVerifier>,
) -> Result<Refresher, Failure> {
    let trust = match options.fingerprint {
        Some(pinned) => Trust::Fingerprint(pinned),
        None => Trust::Roots(certificates(root)?),
    };
    let mut refresh = Refresh::new(&options.authority, trust, Arc::clone(verifier))?.hosts(Arc::clone(hosts));
    if let Some(path) = &options.snapshot {
        refresh = refresh.snapshot(path);
    }
    Ok(if options.poll_only { refresh.poll_only().start() } else { refresh.start() })
}

/// Every route with its filter.
fn routes(
    verifier: &Arc<Verifier>,
    hosts: &Arc<HostVerifier>,
    refresher: Refresher,
) -> BoxedFilter<(Response,)> {
    let bearer = token(Arc::clone(verifier));
    let public = warp::path!("public").map(|| "anyone may read this\n".to_owned());
    let work = warp::path!("work")
        .and(bearer.clone())
        .map(|grant: Verified<ServiceGrant>| format!("token {} works\n", grant.token.id));
    let allocate = warp::path!("allocate")
        .and(bearer.and_then(require_role("allocator")))
        .map(|grant: Verified<ServiceGrant>| format!("token {} allocates\n", grant.token.id));
    let host = warp::path!("host")
        .and(host(Arc::clone(hosts)))
        .map(|peer: HostPeer| format!("host {} is welcome\n", peer.host));
    let refresher = Arc::new(refresher);
    let health = warp::path!("health").map(move || format!("{:?}\n", refresher.health()));
    let all = public.or(work).unify().or(allocate).unify().or(host).unify().or(health).unify();
    all.recover(recover).map(warp::Reply::into_response).boxed()
}

/// TLS with a self-signed certificate. Client certificates are optional, and their chains are verified here. The filters
/// require them per route and check revocation by CRL.
fn tls(root: &str, options: &Options) -> Result<TlsAcceptor, Failure> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let own = rcgen::generate_simple_self_signed(names)?;
    if let Some(path) = &options.certificate {
        fs::write(path, own.cert.pem())?;
    }
    let mut roots = RootCertStore::empty();
    for root in certificates(root)? {
        roots.add(root)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()?;
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![own.cert.der().clone()], key.into())?;
    // A resumed session would not show its certificate again.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    Ok(CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>()?)
}

async fn serve_plain(listener: TcpListener, routes: BoxedFilter<(Response,)>) -> Result<(), Failure> {
    loop {
        let (tcp, _) = listener.accept().await?;
        tokio::spawn(answer(tcp, None, routes.clone()));
    }
}

async fn serve_tls(
    listener: TcpListener,
    tls: TlsAcceptor,
    routes: BoxedFilter<(Response,)>,
) -> Result<(), Failure> {
    loop {
        let (tcp, _) = listener.accept().await?;
        tokio::spawn(shake_hands(tcp, tls.clone(), routes.clone()));
    }
}

async fn shake_hands(tcp: TcpStream, tls: TlsAcceptor, routes: BoxedFilter<(Response,)>) {
    // A client without a handshake gets no answer.
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(tcp)).await else { return };
    let presented = stream.get_ref().1.peer_certificates();
    let peer = presented.map(|chain| {
        PeerCertificates(Arc::new(chain.iter().map(|certificate| certificate.clone().into_owned()).collect()))
    });
    answer(stream, peer, routes).await;
}

/// Serves one connection. Every request of it carries the certificates that its handshake proved.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Option<PeerCertificates>,
    routes: BoxedFilter<(Response,)>,
) {
    let routes = TowerToHyperService::new(warp::service(routes));
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = &peer {
            request.extensions_mut().insert(peer.clone());
        }
        routes.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    // A client that disconnects is not reported.
    let _ = connection.await;
}
