//! For tests: a temporary authority, a server on a free port, and clients that can misbehave.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::serve;
use crate::http::ResponseBody;
use crate::http::body::{self, BodyError};
use crate::http::limits::Limits;
use crate::http::tls::{Peer, Tls, TlsIdentity};

/// A certificate's chain (leaf, issuing, root) and its key.
pub(crate) type Credentials = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A root and an issuing CA.
pub(crate) struct Authority {
    pub(crate) root: CertificateDer<'static>,
    issuing: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Authority {
    pub(crate) fn new() -> Self {
        let root = Issuer::new(ca("root"), KeyPair::generate().unwrap());
        let root_der = ca("root").self_signed(root.key()).unwrap().der().clone();
        let key = KeyPair::generate().unwrap();
        let issuing = ca("issuing").signed_by(&key, &root).unwrap().der().clone();
        Self { root: root_der, issuing, issuer: Issuer::new(ca("issuing"), key) }
    }

    pub(crate) fn credentials(&self, uri: &str, change: impl FnOnce(&mut CertificateParams)) -> Credentials {
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        (vec![leaf, self.issuing.clone(), self.root.clone()], key)
    }

    pub(crate) fn own(&self) -> TlsIdentity {
        let (chain, key) = self.credentials("spiffe://gate.test/gatepass", |_| ());
        TlsIdentity { chain, key }
    }

    pub(crate) fn host(&self) -> Credentials {
        self.credentials("spiffe://gate.test/host/0190a0b0-0000-7000-8000-000000000000", |_| ())
    }
}

/// A running server. Dropping it shuts it down.
pub(crate) struct Server {
    pub(crate) authority: Authority,
    pub(crate) tls: Arc<Tls>,
    pub(crate) address: SocketAddr,
    /// Lets as many requests to `/hold` continue as it has permits.
    pub(crate) release: Arc<Semaphore>,
    /// Signals that a request to `/hold` has begun.
    pub(crate) held: Arc<Notify>,
    /// The streams that `/stream` has begun.
    pub(crate) streams: mpsc::UnboundedReceiver<mpsc::Sender<Bytes>>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) done: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(limits: Limits) -> Self {
        let authority = Authority::new();
        let identity = authority.own();
        Self::start_as(authority, identity, limits).await
    }

    pub(crate) async fn start_as(authority: Authority, identity: TlsIdentity, limits: Limits) -> Self {
        let tls = Tls::new(
            identity,
            vec![authority.root.clone()],
            Arc::new(rustls::time_provider::DefaultTimeProvider),
        )
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (release, held) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
        let (stop, stopped) = oneshot::channel::<()>();
        let body_timeout = limits.body_timeout;
        let (begun, streams) = mpsc::unbounded_channel();
        let stage = Stage { release: Arc::clone(&release), held: Arc::clone(&held), begun };
        let handler = move |request, peer| answer(request, peer, body_timeout, stage.clone());
        let stopped = async move { drop(stopped.await) };
        let done = tokio::spawn(serve(listener, Arc::clone(&tls), limits, handler, stopped));
        Self { authority, tls, address, release, held, streams, stop: Some(stop), done }
    }

    pub(crate) fn stop(&mut self) {
        self.stop = None;
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        within(TcpStream::connect(self.address)).await.unwrap()
    }

    /// A TLS connection that offers `alpn`.
    pub(crate) async fn connect(&self, alpn: &str) -> TlsStream<TcpStream> {
        self.connect_with(client(&self.authority, alpn, None)).await.unwrap()
    }

    pub(crate) async fn connect_with(&self, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect_as(config, "localhost").await
    }

    /// A TLS connection to this name of the server.
    pub(crate) async fn connect_as(
        &self,
        config: ClientConfig,
        name: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let name = name.to_owned().try_into().unwrap();
        let tcp = TcpStream::connect(self.address).await?;
        within(TlsConnector::from(Arc::new(config)).connect(name, tcp)).await
    }

    pub(crate) async fn http2(&self) -> http2::SendRequest<Full<Bytes>> {
        let io = TokioIo::new(self.connect("h2").await);
        let (sender, connection) = within(http2::handshake(TokioExecutor::new(), io)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    pub(crate) async fn http1(&self) -> http1::SendRequest<Full<Bytes>> {
        let io = TokioIo::new(self.connect("http/1.1").await);
        let (sender, connection) = within(http1::handshake(io)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

/// The configuration of a client, with or without a certificate.
pub(crate) fn client(authority: &Authority, alpn: &str, credentials: Option<Credentials>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match credentials {
        Some((chain, key)) => config.with_client_auth_cert(chain, key).unwrap(),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = if alpn.is_empty() { Vec::new() } else { vec![alpn.into()] };
    config
}

/// The test's controls of the handler.
#[derive(Clone)]
struct Stage {
    release: Arc<Semaphore>,
    held: Arc<Notify>,
    begun: mpsc::UnboundedSender<mpsc::Sender<Bytes>>,
}

async fn answer(
    request: Request<Incoming>,
    peer: Peer,
    body_timeout: Duration,
    stage: Stage,
) -> Response<ResponseBody> {
    let mut answer = Response::new(body::full("hello"));
    match request.uri().path() {
        "/hold" => {
            stage.held.notify_one();
            stage.release.acquire().await.unwrap().forget();
        }
        "/large" => *answer.body_mut() = body::full(vec![b'x'; 64 << 20]),
        "/stream" => {
            let (sender, body) = stream();
            stage.begun.send(sender).unwrap();
            *answer.body_mut() = body;
        }
        "/panic" => panic!("a handler's own fault"),
        "/peer" => {
            let certificate = peer.certificate.of_host().map_or(0, |leaf| leaf.len());
            *answer.body_mut() = body::full(format!("{:?} {certificate}", peer.protocol));
        }
        "/address" => {
            *answer.body_mut() = body::full(format!("{} hello", peer.client));
        }
        "/upload" => match body::read(&mut request.into_body(), 64 << 10, body_timeout, |_| Ok(())).await {
            Ok(bytes) => *answer.body_mut() = body::full(bytes.len().to_string()),
            Err(BodyError::TooLarge) => *answer.status_mut() = StatusCode::PAYLOAD_TOO_LARGE,
            Err(BodyError::TimedOut) => *answer.status_mut() = StatusCode::REQUEST_TIMEOUT,
            Err(BodyError::Overloaded) => *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE,
            Err(BodyError::Broken) => *answer.status_mut() = StatusCode::BAD_REQUEST,
        },
        _ => {}
    }
    answer
}

/// A stream of at most 16 parts that are not sent yet.
pub(crate) fn stream() -> (mpsc::Sender<Bytes>, ResponseBody) {
    let (sender, parts) = mpsc::channel(16);
    let parts = futures_util::stream::unfold(parts, |mut parts| async { Some((parts.recv().await?, parts)) });
    (sender, body::stream(parts))
}

/// Fails if the work takes too long even for a busy machine.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), work).await.expect("it happens in time")
}

/// A limit that a test reaches, and the time that its client took before.
pub(crate) struct Short {
    pub(crate) limit: Duration,
    began: Instant,
    said_after: OnceLock<Duration>,
}

impl Short {
    /// Marks that the client now waits for the server.
    pub(crate) fn said(&self) {
        let _ = self.said_after.set(self.began.elapsed());
    }

    /// Returns true if a failed client was itself too late, because the machine was busy.
    fn was_late(&self) -> bool {
        self.said_after.get().copied().unwrap_or_else(|| self.began.elapsed()) >= self.limit
    }
}

/// Runs `case` with a short limit. If the client was kept waiting for longer than that, it runs again with a longer
/// limit.
pub(crate) async fn running_into<F>(case: impl Fn(Arc<Short>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    for limit in [800, 8_000, 80_000].map(Duration::from_millis) {
        let short = Arc::new(Short { limit, began: Instant::now(), said_after: OnceLock::new() });
        match tokio::spawn(case(Arc::clone(&short))).await {
            Ok(()) => return,
            Err(failed) if !short.was_late() => std::panic::resume_unwind(failed.into_panic()),
            Err(_) => {}
        }
    }
    panic!("the machine was too busy for the client to say anything in time");
}

pub(crate) fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("https://localhost{path}"))
        .header("host", "localhost")
        .body(Full::default())
        .unwrap()
}

/// Sends `bytes` unchanged.
pub(crate) async fn send(stream: &mut TlsStream<TcpStream>, bytes: &[u8]) {
    within(stream.write_all(bytes)).await.unwrap();
    within(stream.flush()).await.unwrap();
}

/// Reads until the server closes cleanly, with TLS's goodbye.
pub(crate) async fn rest(stream: &mut TlsStream<TcpStream>) -> String {
    let mut bytes = Vec::new();
    within(stream.read_to_end(&mut bytes)).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads one response with the body `hello`. The connection stays open.
pub(crate) async fn hello(stream: &mut TlsStream<TcpStream>) -> String {
    let mut text = String::new();
    while !text.ends_with("hello") {
        let byte = within(stream.read_u8()).await.unwrap();
        text.push(char::from(byte));
    }
    text
}
