//! `gatepass ledger`: the log of every decision, its export, and the verification of its chains.

mod export;
mod list;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::error::CliError;
use super::output::{self, Format, line};
use super::progress;
use super::remote::Remote;
use crate::config::Environment;
use crate::id::hex;
use crate::server::offline;

/// List, export and verify the ledger
#[derive(Subcommand)]
pub(crate) enum LedgerCommand {
    List(Box<list::LedgerList>),
    Export(export::LedgerExport),
    /// Verify every entry, also over restores; names the first entry that was changed, removed, moved or inserted
    Verify(LedgerVerify),
}

impl LedgerCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment).await,
            Self::Export(command) => command.run(environment).await,
            Self::Verify(command) => command.run(environment).await,
        }
    }
}

/// Arguments of `ledger verify`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass ledger verify
  gatepass ledger verify --offline gatepass-data     reads the database; the server may be stopped

Exit codes: 0 intact; 1 not intact, with the first wrong entry; 2 usage")]
pub(crate) struct LedgerVerify {
    #[command(flatten)]
    remote: Remote,
    /// Read the database in this data directory, without a server
    #[arg(long, value_name = "DIR")]
    offline: Option<PathBuf>,
}

impl LedgerVerify {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        if let Some(dir) = &self.offline {
            return verify_offline(dir, self.remote.output);
        }
        let api = self.remote.connect(environment)?;
        let spinner = progress::spinner(String::from("the server reads every entry"));
        let answer = api.get("/api/v1/ledger/verification").await;
        spinner.finish_and_clear();
        conclude(self.remote.output, &answer?)
    }
}

fn conclude(format: Format, answer: &Value) -> Result<(), CliError> {
    if format == Format::Json {
        output::json(answer)?;
    }
    match (answer["intact"].as_bool(), format) {
        (Some(true), Format::Json) => Ok(()),
        (Some(true), _) => line(format!(
            "the ledger is intact: {} entries; the current chain is {}",
            answer["entries"],
            answer["chain"].as_str().unwrap_or("-")
        )),
        _ => {
            let what = answer["fault"]["what"].as_str().unwrap_or("the server names no fault");
            let what = crate::text::printable(what);
            Err(CliError::Unsound(format!(
                "the ledger is NOT intact: {what}; keep the database as it is and compare with backups"
            )))
        }
    }
}

fn verify_offline(dir: &Path, format: Format) -> Result<(), CliError> {
    let ledger = offline::open_ledger(dir).map_err(CliError::Offline)?;
    let bar = progress::bar(0, "entries");
    let verified = ledger.verify(|done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    match verified {
        Ok(head) => conclude(
            format,
            &json!({"chain": head.chain, "entries": head.seq, "hash": hex(&head.hash), "intact": true, "fault": null}),
        ),
        Err(error) => Err(CliError::Unsound(error.to_string())),
    }
}
