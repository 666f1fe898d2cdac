//! A TLS server on loopback that answers as it is ordered, and records what it is asked. Its name service is part of it.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::http::listener::trial::Authority;
use crate::outbound::{AllowedDestinations, Outbound, Resolve, ResolveFuture};
use crate::server_url::ServerName;

/// The name in the server's certificate.
pub(super) const NAME: &str = "es.example.org";

/// A request as it arrived: method, target, server name of TLS, credential, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) server_name: Option<String>,
    pub(super) authorization: String,
    pub(super) body: String,
}

/// The state of the server.
pub(super) struct Stand {
    pub(super) address: SocketAddr,
    /// The CA in PEM form.
    pub(super) ca: String,
    pub(super) connections: AtomicUsize,
    pub(super) asked: Mutex<Vec<Asked>>,
    answers: Mutex<VecDeque<Response<Full<Bytes>>>>,
    /// Each answer takes a permit.
    pub(super) release: Semaphore,
}

pub(super) fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

impl Stand {
    /// A server on `ip` with a certificate for [`NAME`], which answers at once.
    pub(super) async fn at(ip: &str) -> Arc<Self> {
        let stand = Self::holding(ip).await;
        stand.release.add_permits(Semaphore::MAX_PERMITS);
        stand
    }

    /// The same, but without a permit to answer.
    pub(super) async fn holding(ip: &str) -> Arc<Self> {
        let authority = Authority::new();
        let (chain, key) = authority.credentials("spiffe://gate.test/other", |params| {
            params.subject_alt_names.push(rcgen::SanType::DnsName(NAME.try_into().unwrap()));
        });
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let stand = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            ca: pem(&authority.root),
            connections: AtomicUsize::new(0),
            asked: Mutex::default(),
            answers: Mutex::default(),
            release: Semaphore::new(0),
        });
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(Arc::clone(&stand).serve(listener, acceptor));
        stand
    }

    async fn serve(self: Arc<Self>, listener: TcpListener, acceptor: TlsAcceptor) {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            self.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(Arc::clone(&self).connection(tcp, acceptor.clone()));
        }
    }

    async fn connection(self: Arc<Self>, tcp: TcpStream, acceptor: TlsAcceptor) {
        let Ok(tls) = acceptor.accept(tcp).await else { return };
        let name = tls.get_ref().1.server_name().map(str::to_owned);
        let service = service_fn(move |request| {
            let (stand, name) = (Arc::clone(&self), name.clone());
            async move { Ok::<_, std::convert::Infallible>(stand.answer(request, name).await) }
        });
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tls), service).await;
    }

    async fn answer(&self, request: Request<Incoming>, server_name: Option<String>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        self.asked.lock().push(Asked {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            server_name,
            authorization: head.headers["authorization"].to_str().unwrap().to_owned(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        });
        self.release.acquire().await.unwrap().forget();
        let ordered = self.answers.lock().pop_front();
        ordered.unwrap_or_else(|| Response::new(Full::new("{}".into())))
    }

    /// Orders the next answer.
    pub(super) fn will_answer(&self, status: u16, body: impl Into<Bytes>) {
        let answer = Response::builder().status(status).body(Full::new(body.into())).unwrap();
        self.answers.lock().push_back(answer);
    }

    pub(super) fn will_redirect(&self, to: &str) {
        let answer = Response::builder().status(307).header("location", to);
        self.answers.lock().push_back(answer.body(Full::default()).unwrap());
    }

    pub(super) fn url(&self) -> String {
        format!("https://{NAME}:{}", self.address.port())
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A name service with an answer for each look-up; the last one stays.
pub(super) struct Names(Mutex<VecDeque<Vec<IpAddr>>>);

impl Names {
    pub(super) fn answering(answers: &[&[&str]]) -> Arc<Self> {
        let addresses = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(addresses).collect())))
    }
}

impl Resolve for Names {
    fn addresses<'a>(&'a self, _: &'a str, port: u16) -> ResolveFuture<'a> {
        let mut answers = self.0.lock();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        let found = answer.unwrap_or_default().into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
        Box::pin(async move { Ok(found) })
    }
}

/// A client that may call what `allowed` names, with this name service.
pub(super) fn outbound(allowed: &[&str], names: Arc<Names>) -> Outbound {
    let allowed = allowed.iter().map(|entry| ServerName::parse(entry).unwrap()).collect();
    Outbound::new(AllowedDestinations::new(allowed), "192.0.2.1:443".parse().unwrap(), names)
}
