//! HTTPS to servers that an administrator names, such as the cluster of an output. Calls are bounded in number, size and
//! time, and lead to checked addresses only.

mod destinations;
mod elasticsearch;
mod error;
mod resolver;
mod roots;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::task::AbortOnDropHandle;

pub use self::destinations::{AllowedDestinations, Forbidden};
pub use self::elasticsearch::{Cluster, ClusterError, Credential, KeyName, MadeKey, Which};
pub use self::error::OutboundError;
pub use self::resolver::{Resolve, ResolveFuture, SystemResolver};
use self::roots::Roots;
use crate::connect::{ServerAddress, first_to_answer};
use crate::secret::Secret;
use crate::server_url::ServerName;

/// Longest time of a call, from the resolver to the end of the answer.
pub const LONGEST_CALL: Duration = Duration::from_secs(5);
/// Maximum number of calls at once.
pub const MOST_CALLS: usize = 8;
/// Maximum length of an answer.
pub const MOST_ANSWER_BYTES: usize = 64 << 10;

/// A request to one server.
pub struct Call<'a> {
    /// The URL of the server: `https://host[:port][/prefix]`.
    pub url: &'a str,
    /// Certificates in PEM form that the server's must lead to; `None`: the roots of the system.
    pub ca: Option<&'a str>,
    /// Method of the request.
    pub method: Method,
    /// Path and query, which are appended to the prefix of the URL.
    pub path: &'a str,
    /// The value of the field `Authorization`.
    pub authorization: &'a Secret<String>,
    /// The body, JSON.
    pub body: Option<String>,
}

/// The answer to a call. The body may hold a secret.
pub struct Answer {
    /// The status code. A redirect is an answer like any other.
    pub status: StatusCode,
    /// The whole body.
    pub body: Secret<Vec<u8>>,
}

/// The client of every such server.
pub struct Outbound {
    allowed: AllowedDestinations,
    /// The address of gatepass's own listener.
    own: SocketAddr,
    resolver: Arc<dyn Resolve>,
    permits: Semaphore,
    roots: Roots,
    longest: Duration,
}

impl Outbound {
    /// A client of a gatepass that listens on `own`. It finds servers by `resolver`.
    pub fn new(allowed: AllowedDestinations, own: SocketAddr, resolver: Arc<dyn Resolve>) -> Self {
        let (permits, roots) = (Semaphore::new(MOST_CALLS), Roots::default());
        Self { allowed, own, resolver, permits, roots, longest: LONGEST_CALL }
    }

    /// Makes one call: it waits for a permit, then takes at most [`LONGEST_CALL`].
    ///
    /// The name is resolved once. Each of its addresses is checked, and one of these is connected to. There is no proxy, no
    /// second try and no redirect.
    ///
    /// # Errors
    /// [`OutboundError`]: the call leads to a forbidden address, or got no whole answer of the trusted server.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, OutboundError> {
        let address = ServerAddress::parse(call.url).map_err(|_| OutboundError::Url)?;
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        let sent = AtomicBool::new(false);
        let exchange = self.exchange(&address, call, &sent);
        timeout(self.longest, exchange).await.unwrap_or_else(|_| {
            let server = address.authority().to_owned();
            Err(OutboundError::TimedOut { server, span: self.longest, sent: sent.load(Ordering::Relaxed) })
        })
    }

    async fn exchange(
        &self,
        address: &ServerAddress,
        call: Call<'_>,
        sent: &AtomicBool,
    ) -> Result<Answer, OutboundError> {
        let server = address.authority();
        let request = compose(address, &call)?;
        let tls = self.open(address, call.ca).await?;
        let broke = |_| OutboundError::BrokenOff { server: server.to_owned() };
        let (mut sender, connection) = http1::handshake(TokioIo::new(tls)).await.map_err(broke)?;
        // The connection ends with the call.
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        sent.store(true, Ordering::Relaxed);
        let answer = sender.send_request(request).await.map_err(broke)?;
        read(server, answer).await
    }

    /// Connects to the server by one of its checked addresses.
    async fn open(
        &self,
        address: &ServerAddress,
        ca: Option<&str>,
    ) -> Result<TlsStream<TcpStream>, OutboundError> {
        let (server, host) = (address.authority(), address.host());
        let tls = TlsConnector::from(self.roots.client(ca)?);
        let found = self.resolver.addresses(host, address.port()).await.unwrap_or_default();
        if found.is_empty() {
            return Err(OutboundError::NoAddress { host: host.to_owned() });
        }
        let name = ServerName::parse(host).map_err(|_| OutboundError::Url)?;
        for found in &found {
            self.allowed.check(&name, *found, self.own)?;
        }
        let tcp = first_to_answer(found).await.map_err(|error| OutboundError::Unreachable {
            server: server.to_owned(),
            cause: error.kind().to_string(),
        })?;
        // A socket that rejects the option is closed already; the handshake reports that.
        let _ = tcp.set_nodelay(true);
        let shaken = tls.connect(address.name().clone(), tcp).await;
        shaken.map_err(|error| OutboundError::of_handshake(server, &error))
    }
}

fn compose(address: &ServerAddress, call: &Call<'_>) -> Result<Request<Full<Bytes>>, OutboundError> {
    let target = address.target(call.path).map_err(|_| OutboundError::Url)?;
    let mut authorization =
        HeaderValue::from_str(call.authorization.expose()).map_err(|_| OutboundError::Credential)?;
    authorization.set_sensitive(true);
    let mut request = Request::builder()
        .method(&call.method)
        .uri(target)
        .header(HOST, address.authority())
        .header(USER_AGENT, concat!("gatepass/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "application/json")
        .header(AUTHORIZATION, authorization);
    if call.body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let body = Full::new(call.body.clone().unwrap_or_default().into());
    request.body(body).map_err(|_| OutboundError::Url)
}

async fn read(server: &str, answer: Response<Incoming>) -> Result<Answer, OutboundError> {
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, MOST_ANSWER_BYTES).collect().await.map_err(|error| {
        let server = server.to_owned();
        match error.is::<LengthLimitError>() {
            true => OutboundError::TooLarge { server },
            false => OutboundError::BrokenOff { server },
        }
    })?;
    Ok(Answer { status: head.status, body: Secret::new(body.to_bytes().to_vec()) })
}

#[cfg(test)]
mod tests;
