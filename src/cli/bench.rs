//! `gatepass bench`: what measuring needs and nobody else does. It is hidden from the help.

mod list;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::error::CliError;
use super::output::line;
use crate::config::Environment;
use crate::server::seeding::{self, Amounts};

/// Prepare measurements
#[derive(Subcommand)]
pub(crate) enum BenchCommand {
    /// Fill the database of a stopped server with made-up tokens, pairs, hosts and ledger entries
    Seed(Seed),
    List(list::List),
}

impl BenchCommand {
    /// Does it.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::Seed(command) => command.run(),
            Self::List(command) => command.run(environment).await,
        }
    }
}

/// `bench seed`.
#[derive(Args)]
#[command(
    after_long_help = "The server must have run on the data directory once, and must be stopped. An interrupted run leaves a database \
that is worth nothing.

Examples:
  gatepass bench seed --data-dir /var/tmp/full
  gatepass bench seed --data-dir small --tokens 1000 --pairs 1000 --hosts 100 --entries 500

Exit codes: 0 filled; 2 not filled, with the reason"
)]
pub(crate) struct Seed {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Persistent tokens
    #[arg(long, default_value_t = 10_000_000, value_name = "N")]
    tokens: u64,
    /// Pairs of token and key
    #[arg(long, default_value_t = 10_000_000, value_name = "N")]
    pairs: u64,
    /// Hosts
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    hosts: u64,
    /// Ledger entries
    #[arg(long, default_value_t = 5_000_000, value_name = "N")]
    entries: u64,
    /// What the made-up ids and keys come from
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

impl Seed {
    fn run(self) -> Result<(), CliError> {
        let Self { data_dir, tokens, pairs, hosts, entries, seed } = self;
        let amounts = Amounts { tokens, pairs, hosts, entries, number: seed };
        let bar = ProgressBar::new(0);
        if let Ok(style) =
            ProgressStyle::with_template("{msg:8} {wide_bar} {pos}/{len}, {per_sec}, {eta} left")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        let mut current = "";
        let filled = seeding::seed(&data_dir, amounts, |what, done, all| {
            if what != current {
                current = what;
                bar.reset();
                bar.set_message(what);
            }
            bar.set_length(all);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        filled.map_err(CliError::Offline)?;
        line(format!("seeded {tokens} tokens, {pairs} pairs, {hosts} hosts and {entries} ledger entries"))
    }
}
