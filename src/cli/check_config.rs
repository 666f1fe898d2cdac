//! `gatepass check-config`: every mistake in one run, or what is in effect.

use clap::{Args, ValueEnum};

use super::error::CliError;
use super::output;
use super::serve::ServerFlags;
use crate::config::{Environment, example};

/// Check the configuration: print every mistake, or what is in effect
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass check-config
  gatepass check-config --config /etc/gatepass/gatepass.toml -o json
  gatepass check-config --example > gatepass.toml

Exit codes: 0 good, 2 mistakes. Secrets are never printed.")]
pub(crate) struct CheckConfig {
    #[command(flatten)]
    settings: ServerFlags,
    /// Print an example file with every field, its default and its meaning
    #[arg(long)]
    example: bool,
    /// How to print what is in effect
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Syntax,
}

/// How a configuration is written.
#[derive(Clone, Copy, Default, ValueEnum)]
enum Syntax {
    /// As the file is.
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
            Syntax::Json => output::json(&config.to_json()),
        }
    }
}
