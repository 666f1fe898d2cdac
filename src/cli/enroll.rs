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

/// Where a host's identity is kept unless told otherwise.
pub(crate) const CERT_DIR: &str = "/etc/gatepass";

/// Trade a token for an identity, on the new host
///
/// The key is made here and never leaves. Server and root fingerprint stand in the token; the root is checked before
/// anything is sent. Run again after any failure, it finishes what was begun: a token is never spent twice.
#[derive(Args)]
#[command(after_long_help = "Examples:
  read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll
  gatepass enroll --token-file /run/secrets/token --cert-dir /etc/gatepass --name node-1.example.org
  some-vault read token | gatepass enroll -

Files: host.key (0600), host.pem, chain.pem, root.pem, host.json, all or none of them.
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
    /// Certificates to judge the server by, where its TLS certificate is not the authority's own
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Where the identity goes
    #[arg(long, value_name = "DIR", default_value = CERT_DIR)]
    cert_dir: PathBuf,
    /// The cluster this host is in
    #[arg(long, value_name = "ID", value_parser = Cluster::parse)]
    cluster: Option<Cluster>,
    /// The DNS name this host wants; the token must allow it
    #[arg(long, value_name = "NAME", value_parser = DnsName::parse)]
    name: Option<DnsName>,
    /// Put the new identity in the place of a live one
    #[arg(long)]
    replace: bool,
    /// How to print the result
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

/// Prints who a host is now, and beside it whether the server has not seen its certificate yet.
pub(crate) fn show_fresh(format: Format, fresh: &Fresh) -> Result<(), CliError> {
    if let Some(error) = &fresh.unseen {
        note(format!(
            "gatepass: the identity is in place, but the server has not seen its certificate yet: {error}\nrun \
             `gatepass status` once it is reachable: until then a certificate before this one can still renew"
        ));
    }
    show(format, &fresh.host)
}

/// Prints who a host is.
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
