//! `gatepass restore`: a backup becomes the server's database, without a server.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::ask::{self, confirm};
use super::error::CliError;
use super::output::{self, Format};
use super::together::{count, of};
use crate::backup::{self, BackupError, Form};
use crate::config::{DEFAULT_DATA_DIR, Environment};
use crate::server::StartError;
use crate::server::restore::{Order, Report, Seal};

/// Restore a backup, so that no spent or revoked token lives again
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass restore gatepass.age --passphrase-file passphrase
  gatepass restore gatepass.db --keys-dir /mnt/keys --crl crl.pem
  gatepass restore --in-place

No server may run on the data directory. The restore suspends persistent tokens, API keys and users, \
ends sessions, and begins a new ledger chain. Hosts that are enrolled go on. --in-place does this to \
the database that is there, after an older copy of it came back.")]
pub(crate) struct RestoreCommand {
    /// Backup to restore
    #[arg(value_name = "FILE", required_unless_present = "in_place", conflicts_with = "in_place")]
    file: Option<PathBuf>,
    /// Restore the database that is in the data directory
    #[arg(long)]
    in_place: bool,
    /// Data directory
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
    /// Keys directory, if it is not in the data directory
    #[arg(long, value_name = "DIR")]
    keys_dir: Option<PathBuf>,
    /// File with the passphrase of a sealed backup, or - for standard input; default: a prompt
    #[arg(long, value_name = "FILE", requires = "file", conflicts_with = "identity")]
    passphrase_file: Option<PathBuf>,
    /// File with the identity (AGE-SECRET-KEY-1…) of a backup that is sealed for a public key
    #[arg(long, value_name = "FILE", requires = "file")]
    identity: Option<PathBuf>,
    /// CRL that is newer than the backup, such as one that `gatepass crl --out` kept
    #[arg(long = "crl", value_name = "FILE")]
    crls: Vec<PathBuf>,
    /// Move files aside that are in the data directory
    #[arg(long, conflicts_with = "in_place")]
    replace: bool,
    /// Skip the confirmation
    #[arg(short, long)]
    yes: bool,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl RestoreCommand {
    /// Runs the command.
    pub(crate) async fn run(self, _environment: &Environment) -> Result<(), CliError> {
        let Self { data_dir, keys_dir, crls, replace, .. } = &self;
        let order = Order { data_dir, keys_dir: keys_dir.as_deref(), crls, replace: *replace };
        let report = match &self.file {
            None => {
                confirm(&question(data_dir.display()), self.yes)?;
                order.in_place().await
            }
            Some(file) => {
                let seal = self.seal(file)?;
                if self.replace {
                    confirm(&replacing(data_dir.display()), self.yes)?;
                }
                order.from_backup(file, seal).await
            }
        };
        let report = report.map_err(CliError::Offline)?;
        output::done(self.output, &as_json(&report), lines(&report).join("\n"))
    }

    /// The secret that the backup needs; `None` for a database alone.
    fn seal(&self, file: &Path) -> Result<Option<Seal>, CliError> {
        let failed = |error: BackupError| CliError::Offline(StartError::of(error));
        Ok(match (backup::form(file).map_err(failed)?, &self.passphrase_file, &self.identity) {
            (Form::Database, ..) => None,
            (Form::Passphrase, Some(path), _) => Some(Seal::Passphrase(ask::read_file(path)?)),
            (Form::Passphrase, None, _) => {
                let instead = "no passphrase: give --passphrase-file FILE";
                Some(Seal::Passphrase(ask::prompt("passphrase of the backup: ", instead)?))
            }
            (Form::Recipient, _, Some(path)) => Some(Seal::Identity(ask::read_file(path)?)),
            (Form::Recipient, _, None) => None,
        })
    }
}

fn replacing(data_dir: impl std::fmt::Display) -> String {
    format!("Replace the server in {data_dir} with the backup? Its files are moved aside, not deleted.")
}

fn question(data_dir: impl std::fmt::Display) -> String {
    format!(
        "Restore the database in {data_dir}? Persistent tokens, API keys and users stay suspended until you release them."
    )
}

fn as_json(report: &Report) -> Value {
    let Report { restored, newest_entry, live_hosts, moved_to, config, .. } = report;
    json!({
        "newest_entry_at": newest_entry.map(|at| at.to_rfc3339()),
        "tokens_suspended": restored.tokens,
        "enrollments_ended": restored.waiting,
        "sessions_ended": restored.sessions,
        "api_keys_suspended": restored.api_keys,
        "users_disabled": restored.users,
        "hosts_revoked": restored.hosts,
        "certificates_kept_revoked": restored.certificates,
        "hosts": live_hosts,
        "former_files": moved_to,
        "configuration": config,
    })
}

/// The report for people: each fact, then the next steps.
fn lines(report: &Report) -> Vec<String> {
    let Report { restored, newest_entry, live_hosts, moved_to, config, had_crls } = report;
    let newest =
        newest_entry.map_or_else(String::new, |at| format!(" The ledger ends at {}.", at.to_rfc3339()));
    let mut lines = vec![format!("restored.{newest} Later acts are unknown."), String::new()];
    let mut fact = |text: String| lines.push(format!("  {text}"));
    fact(format!("{} suspended", count(restored.tokens, "persistent token")));
    fact("every ephemeral token, and the emergency token, ended".to_owned());
    fact(format!(
        "{} suspended, {} disabled",
        count(restored.api_keys, "API key"),
        count(restored.users.len() as u64, "user")
    ));
    fact(format!(
        "{} and {} ended",
        count(restored.sessions, "session"),
        count(restored.waiting, "waiting enrollment")
    ));
    fact(format!("{} can go on", count(*live_hosts, "host")));
    match had_crls {
        true => fact(format!(
            "{} revoked by a CRL; {} of later revocations {} on the CRL",
            count(restored.hosts, "host"),
            count(restored.certificates, "certificate"),
            of(restored.certificates, "stays", "stay")
        )),
        false => fact("no CRL was found: hosts revoked after the backup can go on".to_owned()),
    }
    if let Some(moved_to) = moved_to {
        fact(format!("the former files are in {}", moved_to.display()));
    }
    if let Some(config) = config {
        fact(format!("the configuration of the backup is in {}", config.display()));
    }
    lines.push(String::new());
    lines.push("Next:".to_owned());
    lines.extend(NEXT.iter().map(|step| format!("  {step}")));
    lines
}

/// The steps after a restore.
const NEXT: [&str; 7] = [
    "start the server: it writes a new emergency token to emergency.token",
    "gatepass user enable NAME            for each user that may sign in",
    "gatepass api-key release ID          for each API key that is still needed",
    "gatepass token list --state suspended, then gatepass token release ID",
    "gatepass host list                   revoke hosts that must stay out",
    "gatepass ledger list --action host_adopted   later: hosts that renewed after the backup",
    "gatepass rule list, gatepass policy list: later changes of both are lost",
];
