//! `gatepass enroll`: trade a token for an identity, on the new host.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::ask::{self, SecretArg};
use super::error::CliError;
use super::output::{Format, line, note, one};
use super::remote::parse_fingerprint;
use crate::client::enroll::{Enroll, EnrollResult, enroll};
use crate::client::first_use::Fresh;
use crate::client::host::HostFile;
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::name::{Cluster, DnsName};

/// Default directory of a host's identity.
pub(crate) const CERT_DIR: &str = "/etc/gatepass";

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
    /// URL of the server; must be the one in the token
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// SHA-256 fingerprint of the root; must be the one in the token, if that has one
    #[arg(long, value_name = "HEX")]
    ca_fingerprint: Option<String>,
    /// Certificates to verify the server with, if its TLS certificate is external
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Directory for the identity
    #[arg(long, value_name = "DIR", default_value = CERT_DIR)]
    cert_dir: PathBuf,
    /// Cluster of this host
    #[arg(long, value_name = "ID", value_parser = Cluster::parse)]
    cluster: Option<Cluster>,
    /// DNS name for this host; the token must allow it
    #[arg(long, value_name = "NAME", value_parser = DnsName::parse)]
    name: Option<DnsName>,
    /// Replace a live identity
    #[arg(long)]
    replace: bool,
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
        let ask = Enroll {
            token,
            server: self.server,
            fingerprint: self.ca_fingerprint.as_deref().map(parse_fingerprint).transpose()?,
            ca_file: self.ca,
            cert_dir: self.cert_dir,
            cluster: self.cluster,
            name: self.name,
            replace: self.replace,
        };
        let (how, fresh) = match enroll(&ask, SystemClock::now()).await? {
            EnrollResult::Now(fresh) => ("enrolled", fresh),
            EnrollResult::Already(host) => ("already enrolled", Fresh { host, unseen: None }),
        };
        if self.output == Format::Table {
            line(format!("{how}: {} holds this host's identity", ask.cert_dir.display()))?;
        }
        show_fresh(self.output, &fresh)
    }
}

/// Prints a host's new identity, and a warning if the server has not seen its certificate.
pub(crate) fn show_fresh(format: Format, fresh: &Fresh) -> Result<(), CliError> {
    if let Some(error) = &fresh.unseen {
        note(format!(
            "gatepass: the identity is in place, but the server has not seen its certificate: {error}\nrun `gatepass status` \
             once the server is reachable: until then the previous certificate can still renew"
        ));
    }
    show(format, &fresh.host)
}

/// Prints a host's identity.
pub(crate) fn show(format: Format, host: &HostFile) -> Result<(), CliError> {
    let value: Value = json!(host);
    let rows = [
        ("host", "host_id"),
        ("roles", "roles"),
        ("name", "name"),
        ("server", "server"),
        ("expires", "expires_at"),
        ("renew after", "renew_after"),
    ];
    one(format, &value, &rows)
}
