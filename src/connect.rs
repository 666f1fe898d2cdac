//! HTTPS to the authority: one pinned server, with kept connections.

mod address;
mod dial;
mod error;
mod handshake;
mod local;
mod proxy;
mod streaming;
mod trust;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::time::Instant;

use self::address::Route;
pub(crate) use self::address::ServerAddress;
#[cfg(feature = "server")]
pub(crate) use self::dial::first_to_answer;
pub use self::error::ConnectError;
use self::handshake::Handshake;
pub(crate) use self::handshake::provider;
pub use self::local::LocalAddress;
pub use self::proxy::Proxies;
pub use self::streaming::Streaming;
pub use self::trust::Trust;
use self::trust::TrustedServer;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that an idle connection is kept. The server closes idle connections after a minute.
const KEPT_FOR: Duration = Duration::from_secs(30);
const MOST_ANSWER_BYTES: usize = 8 << 20;

/// Files of trusted certificates in common systems.
#[cfg(feature = "server")]
pub(crate) const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

type Sender = SendRequest<Full<Bytes>>;

/// A client certificate and its key.
pub struct Identity {
    /// The leaf first, then the issuing CA.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the leaf.
    pub key: PrivateKeyDer<'static>,
}

/// The server's answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body, at most 8 MiB of it.
    pub body: Bytes,
}

/// An HTTPS client of one server, verified by [`Trust`] alone: no system roots, no redirect, and a proxy only on request.
pub struct Connector {
    address: ServerAddress,
    handshake: Handshake,
    root: Arc<OnceLock<CertificateDer<'static>>>,
    kept: Mutex<Vec<(Sender, Instant)>>,
}

impl Connector {
    /// The URL of the server.
    pub fn url(&self) -> String {
        self.address.url()
    }

    /// A client of the server at `url` (`https://host[:port][/prefix]`). It connects at the first request.
    ///
    /// # Errors
    /// [`ConnectError`], if the URL is no such URL, the roots are unusable, or the identity's key is not its
    /// certificate's.
    pub fn new(url: &str, trust: Trust, identity: Option<Identity>) -> Result<Self, ConnectError> {
        let address = ServerAddress::parse(url)?;
        let root = Arc::new(OnceLock::new());
        let verifier = TrustedServer::new(trust, provider(), Arc::clone(&root))?;
        let handshake = Handshake::new(Arc::new(verifier), identity)?;
        Ok(Self { address, handshake, root, kept: Mutex::default() })
    }

    /// The same client, which connects to an address of this machine. The URL's host stays the name that TLS asks for.
    #[must_use]
    pub fn at(self, local: LocalAddress) -> Self {
        Self { address: self.address.by(Route::Local(local)), ..self }
    }

    /// The same client, which reaches the server through its proxy, if it has one.
    ///
    /// # Errors
    /// [`ConnectError::Proxy`], if the proxy cannot be used.
    pub fn through(self, proxies: &Proxies) -> Result<Self, ConnectError> {
        let proxy = proxies.for_server(self.address.host(), self.address.port());
        Ok(match proxy.map_err(|why| ConnectError::Proxy { why })? {
            Some(proxy) => Self { address: self.address.by(Route::Proxy(proxy)), ..self },
            None => self,
        })
    }

    /// Sends one request and reads the whole answer, within 30 s. `path_and_query` starts with `/` and is
    /// appended to the URL's prefix.
    ///
    /// A request is retried only if the server cannot have acted on it.
    ///
    /// # Errors
    /// [`ConnectError`]: the server was unreachable, not trusted, or broke off.
    pub async fn request(
        &self,
        method: Method,
        path_and_query: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Option<Bytes>,
    ) -> Result<Response, ConnectError> {
        let request = || self.compose(&method, path_and_query, headers, body.clone());
        let exchange = async {
            while let Some(kept) = self.take_kept() {
                match self.exchange(kept, request()?).await {
                    Err(Failed { unseen, .. }) if unseen || method.is_safe() => {}
                    done => return done.map_err(|failed| failed.error),
                }
            }
            self.exchange(self.connect().await?, request()?).await.map_err(|failed| failed.error)
        };
        self.address.within(REQUEST_TIMEOUT, exchange).await
    }

    /// The root certificate that the server's certificate was verified against, once a handshake has succeeded: what to
    /// write to `root.pem`. `None` before that, and for [`Trust::Outside`].
    pub fn server_root(&self) -> Option<CertificateDer<'static>> {
        self.root.get().cloned()
    }

    fn compose(
        &self,
        method: &Method,
        path_and_query: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Option<Bytes>,
    ) -> Result<Request<Full<Bytes>>, ConnectError> {
        let mut request = Request::builder()
            .method(method)
            .uri(self.address.target(path_and_query)?)
            .header(HOST, self.address.authority())
            .header(USER_AGENT, concat!("gatepass/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body.unwrap_or_default()))
            .map_err(|_| self.address.malformed_target(path_and_query))?;
        for (name, value) in headers {
            request.headers_mut().append(name, value.clone());
        }
        Ok(request)
    }

    fn take_kept(&self) -> Option<Sender> {
        let mut kept = self.kept.lock();
        kept.retain(|(sender, since)| since.elapsed() < KEPT_FOR && !sender.is_closed());
        kept.pop().map(|(sender, _)| sender)
    }

    async fn connect(&self) -> Result<Sender, ConnectError> {
        let tls = self.handshake.open(&self.address).await?;
        let connecting = async {
            let (sender, connection) = http1::handshake(TokioIo::new(tls))
                .await
                .map_err(|error| ConnectError::from_exchange(&self.address.label(), &error))?;
            // Its errors arrive at the request that is waiting; an idle connection that ends is noticed on use.
            tokio::spawn(connection);
            Ok(sender)
        };
        self.address.within(CONNECT_TIMEOUT, connecting).await
    }

    async fn exchange(&self, mut sender: Sender, request: Request<Full<Bytes>>) -> Result<Response, Failed> {
        let server = self.address.label();
        let broke = |error: &hyper::Error, unseen| Failed {
            unseen,
            error: ConnectError::from_exchange(&server, error),
        };
        sender.ready().await.map_err(|error| broke(&error, true))?;
        let answer = sender.try_send_request(request).await.map_err(|mut error| {
            let unseen = error.take_message().is_some();
            broke(error.error(), unseen)
        })?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MOST_ANSWER_BYTES).collect().await.map_err(|error| Failed {
            unseen: false,
            error: if error.is::<LengthLimitError>() {
                ConnectError::AnswerTooLarge { server: server.clone().into_owned() }
            } else {
                ConnectError::from_exchange(&server, &*error)
            },
        })?;
        let mut kept = self.kept.lock();
        kept.push((sender, Instant::now()));
        Ok(Response { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

/// The one spelling of a server's URL, `https://host[:port][/prefix]`.
///
/// # Errors
/// [`ConnectError::Url`], with the URL that may be meant.
pub fn server_url(text: &str) -> Result<String, ConnectError> {
    ServerAddress::parse(text).map(|address| address.url())
}

/// Returns true for the URL of a server that leads every machine to itself.
#[cfg(feature = "cli")]
pub(crate) fn is_loopback_url(url: &str) -> bool {
    ServerAddress::parse(url).is_ok_and(|address| proxy::is_loopback(address.host()))
}

/// A failed exchange. `unseen` is true if the server cannot have seen the request.
struct Failed {
    unseen: bool,
    error: ConnectError,
}

#[cfg(feature = "server")]
#[cfg(test)]
mod tests;
