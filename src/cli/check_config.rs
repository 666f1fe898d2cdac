//! `gatepass check-config`: every error in one run, or the effective configuration.

use clap::{Args, ValueEnum};

use super::error::CliError;
use super::output;
use super::serve::ServerFlags;
use crate::config::{Environment, example};

/// Check the configuration: print every error, or the effective values
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass check-config
  gatepass check-config --config /etc/gatepass/gatepass.toml -o json
  gatepass check-config --example > gatepass.toml

Exit codes: 0 valid, 2 errors. Secrets are never printed.")]
pub(crate) struct CheckConfig {
    #[command(flatten)]
    settings: ServerFlags,
    /// Print an example file with every field, its default and its meaning
    #[arg(long)]
    example: bool,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Syntax,
}

/// Format of a configuration.
#[derive(Clone, Copy, Default, ValueEnum)]
enum Syntax {
    /// TOML, as in the file.
    #[default]
    Toml,
    /// One JSON document.
    Json,
}

impl CheckConfig {
    /// Checks.
    pub(crate) fn run(self, environment: &Environment) -> Result<(), CliError> {
        if self.example {
            return output::text(&example());
        }
        let config = self.settings.load(environment)?;
        match self.output {
            Syntax::Toml => output::text(&config.to_toml()),
            Syntax::Json => output::json(config.to_json()),
        }
    }
}
