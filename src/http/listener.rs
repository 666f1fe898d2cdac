//! The accept loop and its connections: hyper's protocol builders under the limits of gatepass.
//!
//! The handler never sees a connection that is over a cap, or late with its handshake or header.

mod activity;
mod connection;
mod fragment;
mod gate;
mod plain_http;
mod proxy_header;
mod stream;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::connection::ListenerState;
use self::gate::Gate;
use super::ResponseBody;
use super::limits::Limits;
use super::tls::{Peer, Tls};
use crate::access::address::is_within;

/// Serves `handler` on `listener` until `shutdown` completes. Then it finishes the requests in flight and returns.
/// Requests that take longer than `limits.drain_timeout` are cut.
///
/// A panic in a handler ends only its own connection. The handler's future is dropped when its client leaves: work
/// that must be finished needs a task of its own.
pub async fn serve<F, R>(
    listener: TcpListener,
    tls: Arc<Tls>,
    limits: Limits,
    handler: F,
    shutdown: impl Future<Output = ()> + Send,
) where
    F: Fn(Request<Incoming>, Peer) -> R + Send + Sync + 'static,
    R: Future<Output = Response<ResponseBody>> + Send + 'static,
{
    let (stop, stopped) = watch::channel(false);
    let gate = Gate::new(limits.connections, limits.connections_per_address);
    let drain_timeout = limits.drain_timeout;
    let shared = Arc::new(ListenerState { tls, limits, handler });
    let mut tasks = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            (stream, address) = accept(&listener) => {
                // Refused here, without a task: a full listener costs almost no time.
                let admitted = match is_within(&shared.limits.proxy_protocol, address.ip()) {
                    true => gate.admit_awaited(),
                    false => gate.admit(address.ip()),
                };
                if let Some(permit) = admitted {
                    tasks.spawn(connection::serve(stream, address, permit, Arc::clone(&shared), stopped.clone()));
                }
            }
            Some(ended) = tasks.join_next() => note_panic(ended),
        }
    }
    drop(listener);
    // The receiver above still exists: the send cannot fail.
    let _ = stop.send(true);
    drain(tasks, drain_timeout).await;
}

async fn drain(mut tasks: JoinSet<()>, timeout: Duration) {
    let drained = tokio::time::timeout(timeout, async {
        while let Some(ended) = tasks.join_next().await {
            note_panic(ended);
        }
    });
    if drained.await.is_err() {
        tracing::warn!(
            connections = tasks.len(),
            "connections were cut: they did not finish within the drain timeout"
        );
        tasks.shutdown().await;
    }
}

fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("a connection's task panicked: only this connection is closed");
    }
}

/// Accepts the next connection. Errors of accept never end the loop. They are logged, and waited out if they would
/// repeat.
async fn accept(listener: &TcpListener) -> (TcpStream, std::net::SocketAddr) {
    let mut failures = 0;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                failures += 1;
                if let Some(pause) = pause_after(&error, failures) {
                    tracing::warn!(%error, ?pause, "cannot accept connections; raise the limit of open files if this lasts");
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}

/// Pause after an error of accept. It is zero if only that connection failed. It grows if the machine lacks a
/// resource (EMFILE, ENFILE, ENOBUFS, ENOMEM), because the next call would fail too.
fn pause_after(error: &io::Error, failures: u32) -> Option<Duration> {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    match error.kind() {
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted => None,
        _ => Some(Duration::from_millis(10 << failures.min(7)).min(Duration::from_secs(1))),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod trial;
