//! `gatepass enroll`: trade a token for an identity, on the new host.

mod needed;
mod waiting;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use self::waiting::enroll_in_time;
use super::ask::{self, SecretArg};
use super::error::CliError;
use super::output::{Format, json, line, note, one};
use super::remote::network;
use super::service::advice::{self, ServiceFlags};
use super::service::install::Installation;
use crate::client::enroll::{Enroll, EnrollResult, Patience, left_behind, prepare_key};
use crate::client::first_use::Fresh;
use crate::client::host::HostFile;
use crate::client::replace::Handover;
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::span::parse_span;

/// Trade a token for an identity, on the new host
///
/// The private key is generated on this host and never leaves it. The token holds server and root fingerprint; the root
/// is checked before anything is sent. Run the command again after a failure: it continues without taking a second use.
#[derive(Args)]
#[command(after_long_help = "Examples:
  read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll
  gatepass enroll --token-file /run/secrets/token --cert-dir /etc/gatepass --name node-1.example.org
  some-vault read token | gatepass enroll -
  gatepass enroll --token-file /run/secrets/token --group postgres       the group reads the key, also after renewals
  gatepass enroll --token-file /run/secrets/token --install-service
  gatepass enroll --token-file /run/secrets/token --replace
  gatepass enroll --token-file /run/secrets/token --api-key-out /etc/app/gatepass.key
  gatepass enroll --print-key-thumbprint         for a token that only this key can redeem
  gatepass enroll --wait 5m --token-file /run/secrets/token      in cloud-init, before network and server are up
  gatepass enroll --no-wait --token-file /run/secrets/token      ends while an administrator has not approved the host
  gatepass enroll --if-needed --wait 10m --token-file /run/secrets/token      at each start of a machine or container

For a host that is enrolled already, use a token of `gatepass host reenroll`: a plain token makes a second host.

If an administrator must approve the host, the command shows a code and waits for up to --wait-approval. Run the same command again after an interruption: it continues with the same key and the same enrollment.

With --if-needed the token is read only if the host must enroll. A valid identity stays if the server is not reached. An identity that the server refuses stays as it is: the command exits with 77 and enrolls nothing.

At its end it names what renews the certificate, or the command that sets the renewals up.

Files: host.key (0600; 0640 with --group), host.pem, chain.pem, fullchain.pem, root.pem, host.json; all of them or none.
Exit codes: 0 enrolled, or already enrolled by this token; 1 refused or failed for good; 2 usage; 75 try again later (the \
server was not reached, its name is unknown, it is busy or full, or nobody has approved the host); 77 with --if-needed: the \
authority shut the host out (revoked, in quarantine, or its certificate replaced elsewhere)")]
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
    /// Make the key first, print its thumbprint for `gatepass token create --key-thumbprint`, and end. The next `enroll` uses the
    /// key
    #[arg(long, conflicts_with_all = ["token", "token_flag", "token_file", "wait", "wait_approval", "no_wait", "if_needed"])]
    print_key_thumbprint: bool,
    #[command(flatten)]
    ask: Enroll,
    #[command(flatten)]
    service: ServiceFlags,
    /// Try again for this time while the server cannot be reached or is busy: 90s, 5m, 1h
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    wait: Option<Duration>,
    /// Longest wait for an administrator to approve this host: 90s, 5m, 1h
    #[arg(long, value_name = "SPAN", value_parser = parse_span, default_value = "24h")]
    wait_approval: Duration,
    /// Do not wait for an approval: exit with 75. The next run of the command continues
    #[arg(long, conflicts_with = "wait_approval")]
    no_wait: bool,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl EnrollCommand {
    /// Enrolls this host.
    pub(crate) async fn run(mut self, environment: &Environment) -> Result<(), CliError> {
        if self.print_key_thumbprint {
            return self.print_thumbprint();
        }
        let patience = self.patience();
        let service = self.service.check(&self.ask.cert_dir, environment)?;
        self.ask.network = network(environment);
        if self.ask.if_needed && needed::keep_identity(&self.ask, self.output).await? {
            return service.map_or(Ok(()), |service| service.install().map(drop));
        }
        let token = ask::token(
            self.token.as_ref().or(self.token_flag.as_ref()),
            self.token_file.as_deref(),
            environment,
        )?;
        if let Some(host) = left_behind(&self.ask, &token, SystemClock::now()) {
            note(format!(
                "gatepass: this token makes a second host: a token of `gatepass host reenroll {host}` keeps the expired one"
            ));
        }
        let enrolled = enroll_in_time(patience, &self.ask, &token).await;
        let (how, fresh) = match enrolled.map_err(|error| needed::judged(&self.ask, error))? {
            EnrollResult::Now(fresh) => ("enrolled", fresh),
            EnrollResult::Already(fresh) => {
                if self.ask.report.label.is_some() {
                    note(
                        "gatepass: the label of the first call counts: `gatepass host set-label` changes it",
                    );
                }
                ("already enrolled", fresh)
            }
        };
        if self.output == Format::Table {
            line(format!("{how}: {} holds this host's identity", self.ask.cert_dir.display()))?;
            if let Some(Handover::Revoked { host_id }) = &fresh.replaced {
                line(format!("replaced: host {host_id} is revoked"))?;
            }
        }
        show_fresh(self.output, how, &fresh)?;
        set_up_renewals(self.output, &self.ask.cert_dir, &fresh.host, service)
    }
}

impl EnrollCommand {
    fn patience(&self) -> Patience {
        let approval = if self.no_wait { Duration::ZERO } else { self.wait_approval };
        Patience { server: self.wait.unwrap_or_default(), approval }
    }

    fn print_thumbprint(&self) -> Result<(), CliError> {
        let thumbprint = prepare_key(&self.ask)?.to_string();
        match self.output {
            Format::Json => json(&json!({ "key_thumbprint": thumbprint })),
            _ => line(thumbprint),
        }
    }
}

/// Installs the service that renews, or says what renews.
fn set_up_renewals(
    format: Format,
    cert_dir: &Path,
    host: &HostFile,
    service: Option<Installation>,
) -> Result<(), CliError> {
    let text = match service {
        Some(service) => service.install()?.lines().join("\n"),
        None => advice::renewals(cert_dir, host, SystemClock::now())?,
    };
    match format {
        Format::Json => {
            note(text);
            Ok(())
        }
        _ => line(text),
    }
}

/// The rows of an identity.
pub(crate) const ROWS: &[(&str, &str)] = &[
    ("host", "host_id"),
    ("roles", "roles"),
    ("name", "name"),
    ("server", "server"),
    ("also tries", "fallbacks"),
    ("expires", "expires_at"),
    ("renew after", "renew_after"),
];

/// Prints a host's new identity, and a warning if the server has not seen its certificate.
fn show_fresh(format: Format, how: &str, fresh: &Fresh) -> Result<(), CliError> {
    note_fresh(fresh);
    let mut shown = json!(fresh.host);
    shown["outcome"] = json!(how.replace(' ', "_"));
    if let Some(name) = &fresh.name_withdrawn {
        shown["name_withdrawn"] = json!(name);
    }
    if let Some(replaced) = &fresh.replaced {
        shown["replaced"] = json!(replaced);
    }
    one(format, &shown, ROWS)
}

/// Prints the warnings about a new identity.
pub(crate) fn note_fresh(fresh: &Fresh) {
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
    if let Some(Handover::Left { host_id, why }) = &fresh.replaced {
        note(format!(
            "gatepass: the new identity is in place, but the old host {host_id} was not revoked: {why}\nrevoke it at its \
             authority: `gatepass host revoke {host_id}`"
        ));
    }
}

/// Prints a host's identity.
pub(crate) fn show(format: Format, host: &HostFile) -> Result<(), CliError> {
    one(format, &json!(host), ROWS)
}
