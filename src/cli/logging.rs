//! Log lines, on standard error.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::error::CliError;
use crate::config::{LogConfig, LogFormat};

/// Starts the server's log. A second start changes nothing.
pub(crate) fn start(config: &LogConfig) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(&config.level)
        .map_err(|error| CliError::Usage(format!("log.level {:?} is not a filter: {error}", config.level)))?;
    let base = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A program that embeds this one may log already.
    let _ = match config.format {
        LogFormat::Json => base.json().try_init(),
        LogFormat::Text => base.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
    };
    Ok(())
}

/// Shows warnings of commands that are clients.
pub(crate) fn show_warnings() {
    let lines = tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).with_writer(io::stderr);
    // A program that embeds this one may log already.
    let _ = lines.without_time().with_target(false).with_ansi(false).try_init();
}
