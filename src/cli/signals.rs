//! The signals of a long-running command.

use std::convert::Infallible;
use std::future::Future;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::CliError;
use crate::client::hook;

/// SIGXFSZ of Linux: a file of the process has reached its largest size. The write fails then, and the process lives.
const FILE_TOO_LARGE: SignalKind = SignalKind::from_raw(25);

/// Ends at SIGTERM or SIGINT, which no longer end the process.
pub(crate) fn end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

/// Ends at SIGTERM or SIGINT. The handlers are installed before this returns, and signals that mean nothing here no longer
/// end the process.
pub(crate) fn shutdown() -> Result<impl Future<Output = ()> + Send + 'static, CliError> {
    let end = end()?;
    // A handler of tokio stays when its stream is dropped.
    for ignored in [
        SignalKind::hangup(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::alarm(),
        FILE_TOO_LARGE,
    ] {
        drop(signal(ignored)?);
    }
    Ok(end)
}

/// Reaps the orphans that the first process of a container inherits, whenever a process ends. Another process inherits none.
pub(crate) async fn reap_orphans() -> Infallible {
    let ends = (std::process::id() == 1).then(|| signal(SignalKind::child()));
    let Some(Ok(mut ends)) = ends else { return std::future::pending().await };
    while ends.recv().await.is_some() {
        hook::reap_orphans();
    }
    std::future::pending().await
}

/// The hangups from now on.
pub(crate) struct Hangups(Signal);

/// Receives SIGHUP from now on.
pub(crate) fn hangups() -> Result<Hangups, CliError> {
    Ok(Hangups(signal(SignalKind::hangup())?))
}

impl Hangups {
    /// Calls `act` at each SIGHUP. Hangups during a call count as one.
    pub(crate) async fn each(mut self, act: impl AsyncFn()) -> Infallible {
        loop {
            match self.0.recv().await {
                Some(()) => act().await,
                None => std::future::pending::<()>().await,
            }
        }
    }
}
