//! Where log lines go: standard error, as the configuration says.

use tracing_subscriber::EnvFilter;

use super::error::CliError;
use crate::config::{LogConfig, LogFormat};

/// Starts logging. A second start changes nothing.
pub(crate) fn start(config: &LogConfig) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(&config.level)
        .map_err(|error| CliError::Usage(format!("log.level {:?} is not a filter: {error}", config.level)))?;
    let base = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Whoever embeds us may log already.
    let _ = match config.format {
        LogFormat::Json => base.json().try_init(),
        LogFormat::Text => base.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
    };
    Ok(())
}
