//! `gatepass enroll`: trade a token for an identity, on the new host.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::ask::{self, SecretArg};
use super::error::CliError;
use super::output::{Format, line, note, one};
use crate::client::enroll::{Enroll, EnrollResult, enroll};
use crate::client::first_use::Fresh;
use crate::client::host::HostFile;
use crate::clock::SystemClock;
use crate::config::Environment;

/// Trade a token for an identity, on the new host
///
/// The private key is generated on this host and never leaves it. The token holds server and root fingerprint; the root
/// is checked before anything is sent. Run the command again after a failure: it continues without taking a second use.
#[derive(Args)]
#[command(after_long_help = "Examples:
  read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll
  gatepass enroll --token-file /run/secrets/token --cert-dir /etc/gatepass --name node-1.example.org
  some-vault read token | gatepass enroll -

Files: host.key (0600), host.pem, chain.pem, root.pem, host.json; all of them or none.
Exit codes: 0 enrolled, or already enrolled by this token; 1 refused or failed, run it again; 2 usage")]
pub(crate) struct EnrollCommand {
    /// The token, or - for standard input (better: GATEPASS_TOKEN, or --token-file)
    #[arg(value_parser = SecretArg::accept, conflicts_with_all = ["token_flag", "token_file"])]
    token: Option<SecretArg>,
    /// The token (better: GATEPASS_TOKEN, or --token-file)
    #[arg(long = "token", id = "token_flag", value_name = "TOKEN", value_parser = SecretArg::accept, conflicts_with = "token_file")]
    token_flag: Option<SecretArg>,
    /// File with the token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    ask: Enroll,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl EnrollCommand {
    /// Enrolls this host.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let token = ask::token(
            self.token.as_ref().or(self.token_flag.as_ref()),
            self.token_file.as_deref(),
            environment,
        )?;
        let (how, fresh) = match enroll(&self.ask, &token, SystemClock::now()).await? {
            EnrollResult::Now(fresh) => ("enrolled", fresh),
            EnrollResult::Already(host) => {
                ("already enrolled", Fresh { host, name_withdrawn: None, unseen: None })
            }
        };
        if self.output == Format::Table {
            line(format!("{how}: {} holds this host's identity", self.ask.cert_dir.display()))?;
        }
        show_fresh(self.output, &fresh)
    }
}

const ROWS: &[(&str, &str)] = &[
    ("host", "host_id"),
    ("roles", "roles"),
    ("name", "name"),
    ("server", "server"),
    ("or else", "fallbacks"),
    ("expires", "expires_at"),
    ("renew after", "renew_after"),
];

/// Prints a host's new identity, and a warning if the server has not seen its certificate.
pub(crate) fn show_fresh(format: Format, fresh: &Fresh) -> Result<(), CliError> {
    if let Some(error) = &fresh.unseen {
        note(format!(
            "gatepass: the identity is in place, but the server has not seen its certificate: {error}\nrun `gatepass status` \
             once the server is reachable: until then the previous certificate can still renew"
        ));
    }
    if let Some(name) = &fresh.name_withdrawn {
        note(format!(
            "gatepass: {name} became a name of the authority: this host's new certificate has no DNS name"
        ));
    }
    let mut shown = json!(fresh.host);
    if let Some(name) = &fresh.name_withdrawn {
        shown["name_withdrawn"] = json!(name);
    }
    one(format, &shown, ROWS)
}

/// Prints a host's identity.
pub(crate) fn show(format: Format, host: &HostFile) -> Result<(), CliError> {
    one(format, &json!(host), ROWS)
}
