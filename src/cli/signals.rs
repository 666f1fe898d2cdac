//! The signals that end a long-running command.

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};

use super::error::CliError;

/// Ends at SIGTERM or SIGINT. The handlers are installed before this returns.
pub(crate) fn shutdown() -> Result<impl Future<Output = ()> + Send + 'static, CliError> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}
