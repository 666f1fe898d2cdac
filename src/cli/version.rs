//! `gatepass version`.

use clap::Args;
use serde_json::json;

use super::error::CliError;
use super::output::{self, Format};

/// Show the version of this program; `gatepass overview` shows the server's
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass version
  gatepass version -o json")]
pub(crate) struct Version {
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Version {
    /// Prints the version.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let version = env!("CARGO_PKG_VERSION");
        output::done(self.output, &json!({ "version": version }), format!("gatepass {version}"))
    }
}
