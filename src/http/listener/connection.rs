//! One connection: its handshake, its protocol, its watch.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::server::TlsStream;

use super::activity::{Activity, Cut, NextStep, StreamTasks, TrackedBody};
use super::gate::Permit;
use super::plain_http;
use super::proxy_header::{self, HeaderError};
use super::stream::Stream;
use crate::http::ResponseBody;
use crate::http::forwarded::ShownCertificate;
use crate::http::head::CutTarget;
use crate::http::limits::Limits;
use crate::http::tls::{Peer, Protocol, ServedAs, Tls};

/// The response to an unfinished header (RFC 9110 section 15.5.9). hyper would close without one.
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The state that all connections of a listener share.
pub(super) struct ListenerState<F> {
    pub(super) tls: Arc<Tls>,
    pub(super) limits: Limits,
    pub(super) handler: F,
}

/// Serves one accepted connection to its end.
pub(super) async fn serve<F, R>(
    stream: TcpStream,
    address: SocketAddr,
    mut permit: Permit,
    shared: Arc<ListenerState<F>>,
    mut stopped: watch::Receiver<bool>,
) where
    F: Fn(Request<Incoming>, Peer) -> R + Send + Sync + 'static,
    R: Future<Output = Response<ResponseBody>> + Send + 'static,
{
    // A closed socket refuses the option. The handshake notices it.
    let _ = stream.set_nodelay(true);
    let opening = timeout(shared.limits.handshake_timeout, open(stream, address, &mut permit, &shared.tls));
    let (tls, address, served_as) = tokio::select! {
        // Before the end of the handshake no request is in flight.
        _ = stopped.wait_for(|stopped| *stopped) => return,
        done = opening => match done {
            Ok(Ok(opened)) => opened,
            Ok(Err(unopened)) => return unopened.note(address),
            Err(_) => return note_failure("timeout", address),
        },
    };
    let peer = peer(&tls, address, served_as);
    let activity = Activity::new(peer.protocol, Instant::now());
    let io = TokioIo::new(Stream::new(tls, activity.clone(), peer.protocol));
    let watch = Watch { activity: activity.clone(), limits: shared.limits.clone(), stopped };
    let protocol = peer.protocol;
    let service = service(shared, peer, activity);
    match protocol {
        Protocol::Http1 => serve_http1(io, service, watch).await,
        Protocol::Http2 => serve_http2(io, service, watch).await,
    }
}

/// The cause of a connection that closed before its first request.
enum Unopened {
    /// Its PROXY header is malformed.
    Header(HeaderError),
    /// Its client has reached its maximum number of connections.
    OneTooMany,
    /// It speaks plain HTTP, and has its answer.
    PlainHttp,
    /// Its handshake failed.
    Tls(io::Error),
}

impl Unopened {
    fn note(&self, address: SocketAddr) {
        match self {
            Self::Header(error) => {
                tracing::debug!(%address, %error, "a connection had no valid PROXY header");
                note_failure("proxy_header", address);
            }
            // The gate has counted it.
            Self::OneTooMany => {}
            Self::PlainHttp => note_failure("plain_http", address),
            Self::Tls(error) => note_failure(reason(error), address),
        }
    }
}

/// Finds the client of the connection from a PROXY header, and completes the handshake.
async fn open(
    mut stream: TcpStream,
    mut address: SocketAddr,
    permit: &mut Permit,
    tls: &Tls,
) -> Result<(TlsStream<TcpStream>, SocketAddr, ServedAs), Unopened> {
    if permit.is_awaited() {
        let client = proxy_header::read(&mut stream).await.map_err(Unopened::Header)?;
        address = client.unwrap_or(address);
        if !permit.is_of(address.ip()) {
            return Err(Unopened::OneTooMany);
        }
    }
    if plain_http::is_spoken(&stream).await.map_err(Unopened::Tls)? {
        // A client that leaves first needs no answer.
        let _ = plain_http::answer(stream).await;
        return Err(Unopened::PlainHttp);
    }
    let serving = tls.serving();
    let tls = serving.acceptor().accept(stream).await.map_err(Unopened::Tls)?;
    let served_as = serving.served_as(tls.get_ref().1.server_name());
    Ok((tls, address, served_as))
}

fn peer(tls: &TlsStream<TcpStream>, address: SocketAddr, served_as: ServedAs) -> Peer {
    let session = tls.get_ref().1;
    let leaf = session.peer_certificates().and_then(<[_]>::first);
    Peer {
        address,
        client: address.ip(),
        certificate: leaf.map_or(ShownCertificate::Nothing, ShownCertificate::own),
        served_as,
        protocol: if session.alpn_protocol() == Some(b"h2") { Protocol::Http2 } else { Protocol::Http1 },
    }
}

/// The handler as hyper's service. It passes the peer, and counts the response as activity.
fn service<F, R>(
    shared: Arc<ListenerState<F>>,
    peer: Peer,
    activity: Activity,
) -> impl Service<
    Request<Incoming>,
    Response = Response<TrackedBody>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<TrackedBody>, Infallible>> + Send + 'static,
>
where
    F: Fn(Request<Incoming>, Peer) -> R + Send + Sync + 'static,
    R: Future<Output = Response<ResponseBody>> + Send + 'static,
{
    service_fn(move |mut request: Request<Incoming>| {
        let in_flight = activity.begin();
        if in_flight.is_cut() {
            request.extensions_mut().insert(CutTarget);
        }
        let answer = (shared.handler)(request, peer.clone());
        async move { Ok(answer.await.map(|body| in_flight.carry(body))) }
    })
}

async fn serve_http1<S>(io: TokioIo<Stream>, service: S, watch: Watch)
where
    S: Service<Request<Incoming>, Response = Response<TrackedBody>, Error = Infallible>,
{
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The watch has a timer of its own, see `activity`.
        .header_read_timeout(None)
        .max_header_size(watch.limits.max_header_bytes)
        .max_buf_size(watch.limits.max_header_bytes.max(64 * 1024))
        .serve_connection(io, service);
    let ended = watch.over(Pin::new(&mut connection), |connection| connection.graceful_shutdown()).await;
    // A client that does not read gets no goodbye. A client that closed with the server has had it.
    if matches!(ended, Ended::Closed | Ended::Cut(Cut::Stalled)) {
        return;
    }
    let mut stream = connection.into_parts().io.into_inner();
    if let Ended::Cut(Cut::SlowHeader) = ended {
        // A client that cannot read it goes without.
        let _ = timeout(watch.limits.handshake_timeout, stream.write_all(REQUEST_TIMEOUT)).await;
    }
    let _ = stream.shutdown().await;
}

async fn serve_http2<S>(io: TokioIo<Stream>, service: S, watch: Watch)
where
    S: Service<Request<Incoming>, Response = Response<TrackedBody>, Error = Infallible>,
    S::Future: Send + 'static,
{
    let limits = &watch.limits;
    let connection = http2::Builder::new(StreamTasks(watch.activity.clone()))
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        // A client that opens and resets streams too fast is closed (CVE-2023-44487). So is one that makes the server
        // reset them (CVE-2025-8671).
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(256)
        // h2 keeps as many bytes of bodies that nobody reads yet.
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(256 * 1024)
        .max_send_buf_size(64 * 1024)
        // Detects a peer that vanished while its request is in flight.
        .keep_alive_interval(limits.idle_timeout / 2)
        .keep_alive_timeout(limits.header_timeout)
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    // h2 has sent its goodbye, as far as the client let it.
    watch.over(connection.as_mut(), |connection| connection.graceful_shutdown()).await;
}

/// Enforces the limits of a connection.
struct Watch {
    activity: Activity,
    limits: Limits,
    stopped: watch::Receiver<bool>,
}

enum Ended {
    Closed,
    Broken,
    Cut(Cut),
}

impl Watch {
    /// Runs `connection` until it ends or is cut. `retire` is hyper's graceful shutdown.
    async fn over<C>(&self, mut connection: Pin<&mut C>, retire: impl Fn(Pin<&mut C>)) -> Ended
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let mut stopped = self.stopped.clone();
        let mut retiring = false;
        loop {
            let now = Instant::now();
            let verdict = self.activity.judge(&self.limits, now);
            let next_look = match verdict {
                NextStep::Reset => {
                    tracing::debug!("reset a stream whose client does not read its response");
                    self.activity.reset_stalled(&self.limits, now);
                    continue;
                }
                NextStep::Cut(cut) => {
                    tracing::debug!(?cut, "closed a connection that exceeded its limits");
                    return Ended::Cut(cut);
                }
                NextStep::Retire => now,
                NextStep::Wait(until) => until,
            };
            let must_retire = tokio::select! {
                ended = connection.as_mut() => return ended.map_or(Ended::Broken, |()| Ended::Closed),
                _ = stopped.wait_for(|stopped| *stopped), if !retiring => true,
                () = sleep_until(next_look) => verdict == NextStep::Retire,
            };
            if must_retire {
                retiring = true;
                self.activity.retire(Instant::now());
                retire(connection.as_mut());
            }
        }
    }
}

fn note_failure(reason: &'static str, address: SocketAddr) {
    metrics::counter!("gatepass_handshake_failures_total", "reason" => reason).increment(1);
    tracing::debug!(%address, reason, "a TLS handshake failed");
}

/// The metric label of a failed handshake. The set is small, and the client cannot choose it.
fn reason(error: &io::Error) -> &'static str {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return "disconnected";
    };
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => "client_certificate",
        rustls::Error::AlertReceived(_) => "refused_by_client",
        rustls::Error::NoApplicationProtocol | rustls::Error::PeerIncompatible(_) => "incompatible",
        _ => "malformed",
    }
}
