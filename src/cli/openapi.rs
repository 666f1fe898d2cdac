//! `gatepass openapi`: the document of the HTTP interface, without a server.

use clap::Args;

use super::error::CliError;
use super::output;

/// Print the OpenAPI document of the HTTP interface, for code generation and tools
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass openapi > openapi.json
  gatepass openapi --url https://gate.example.org > openapi.json
  gatepass openapi --ece > openapi-ece.json
  gatepass openapi --fleet > openapi-fleet.json

It is OpenAPI 3.1, of this version, with every native route. A running server serves the same at /openapi.json, \
with its own external URL. With --ece it has the routes that clients of Elastic Cloud Enterprise use; a server has \
it at /openapi-ece.json. With --fleet it has those of Kibana's Fleet API, which a server has at /openapi-fleet.json.")]
pub(crate) struct Openapi {
    /// The server's external URL; without it, the place that the document is served from
    #[arg(long, value_name = "URL", default_value = "/")]
    url: String,

    /// Print the document of Elastic Cloud Enterprise's routes
    #[arg(long)]
    ece: bool,

    /// Print the document of Elastic Fleet's routes
    #[arg(long, conflicts_with = "ece")]
    fleet: bool,
}

impl Openapi {
    /// Prints the document.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let document = match (self.ece, self.fleet) {
            (true, _) => crate::server::openapi_ece,
            (_, true) => crate::server::openapi_fleet,
            (false, false) => crate::server::openapi,
        };
        output::json(&document(&self.url))
    }
}
