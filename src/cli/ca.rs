//! `gatepass ca`: the certificate authority.

mod export_root;
mod revoke;
mod rotate;

use clap::Subcommand;
use serde_json::{Value, json};

use self::export_root::ExportRoot;
use self::revoke::CaRevoke;
use self::rotate::CaRotate;
use super::error::CliError;
use super::output::{self, Column, Columns, Format, Screen, line, note};
use super::remote::Remote;
use crate::client::ClientError;
use crate::client::key::certificates;
use crate::config::Environment;
use crate::id::Fingerprint;

/// The route that shows the CA.
const CA: &str = "/api/v1/ca";

/// Show, rotate, revoke and hand out the certificate authority
#[derive(Subcommand)]
pub(crate) enum CaCommand {
    /// Show the root, the issuing CAs and upcoming expiries
    #[command(after_long_help = "Examples:
  gatepass ca status
  gatepass ca status -o json")]
    Status(Remote),
    Rotate(CaRotate),
    Revoke(CaRevoke),
    /// Print the SHA-256 fingerprint of the root certificate
    #[command(after_long_help = "Examples:
  gatepass ca fingerprint
  gatepass ca fingerprint --data-dir /var/lib/gatepass")]
    Fingerprint(Remote),
    ExportRoot(ExportRoot),
}

impl CaCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::Status(remote) => {
                let status = remote.connect(environment)?.get(CA).await?;
                show(remote.output, &Screen::of(environment), &status)
            }
            Self::Rotate(command) => command.run(environment).await,
            Self::Revoke(command) => command.run(environment).await,
            Self::Fingerprint(remote) => {
                let fingerprint = fingerprint(&root(&remote, environment).await?)?;
                let answer = json!({ "fingerprint": fingerprint });
                output::done(remote.output, &answer, fingerprint.to_string())
            }
            Self::ExportRoot(command) => command.run(environment).await,
        }
    }
}

const ISSUING: Columns = Columns {
    id: "ski",
    name: "subject",
    shown: &[
        Column::text("ISSUING CA", "ski"),
        Column::text("SUBJECT", "subject").rank(1),
        Column::text("EXPIRES", "expires_at"),
        Column::text("CURRENT", "current"),
    ],
};

const REVOKED: Columns = Columns {
    id: "ski",
    name: "ski",
    shown: &[Column::text("REVOKED ISSUING CA", "ski"), Column::text("REVOKED", "revoked_at")],
};

fn show(format: Format, screen: &Screen, status: &Value) -> Result<(), CliError> {
    if format == Format::Json {
        return output::json(status);
    }
    let rows = [
        ("root", "root.subject"),
        ("fingerprint", "root.fingerprint"),
        ("expires", "root.expires_at"),
        ("root key", "root.key"),
        ("TLS certificate expires", "server.expires_at"),
        ("live hosts", "live_hosts"),
    ];
    output::one(format, status, &rows)?;
    line("")?;
    let issuing = status["issuing"].as_array().map_or(&[][..], Vec::as_slice);
    output::list(format, screen, issuing, &ISSUING, "no issuing CA")?;
    let revoked = status["revoked"].as_array().map_or(&[][..], Vec::as_slice);
    if !revoked.is_empty() {
        line("")?;
        output::list(format, screen, revoked, &REVOKED, "")?;
    }
    for warning in status["warnings"].as_array().into_iter().flatten().filter_map(|warning| warning.as_str())
    {
        note(format!("warning: {}", crate::text::printable(warning)));
    }
    Ok(())
}

async fn root(remote: &Remote, environment: &Environment) -> Result<String, CliError> {
    Ok(remote.connect_public(environment)?.get_text("/ca/root.pem").await?)
}

fn fingerprint(pem: &str) -> Result<Fingerprint, CliError> {
    match certificates(pem).as_slice() {
        [root] => Ok(Fingerprint::of(root)),
        _ => Err(ClientError::Answer { what: String::from("/ca/root.pem is not one certificate") }.into()),
    }
}
