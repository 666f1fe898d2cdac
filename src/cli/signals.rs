//! The signals that end a long-running command.

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};

use super::error::CliError;

/// Done when SIGTERM or SIGINT arrives. The handlers are in place when this returns.
pub(crate) fn shutdown() -> Result<impl Future<Output = ()> + Send + 'static, CliError> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}
