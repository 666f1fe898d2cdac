//! Fills the database of a stopped server, to measure the cost of a full store.
//!
//! ```sh
//! gatepass serve --data-dir full            # once, then stop it
//! cargo run --release --example seed -- --data-dir full
//! ```

mod dice;
mod fill;
mod rows;
mod specimen;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use gatepass::clock::{Clock as _, SystemClock};
use indicatif::{ProgressBar, ProgressStyle};

use self::fill::{Amounts, SeedError};
use self::specimen::Specimen;

/// Fill the database of a stopped server with generated tokens, pairs, hosts and ledger entries
#[derive(Parser)]
#[command(
    name = "seed",
    after_long_help = "Start the server on the data directory once, then stop it. An interrupted run leaves an unusable database: delete it.

Examples:
  seed --data-dir /var/tmp/full
  seed --data-dir small --tokens 1000 --pairs 1000 --hosts 100 --entries 500"
)]
struct Seed {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Number of persistent tokens
    #[arg(long, default_value_t = 10_000_000, value_name = "N")]
    tokens: u64,
    /// Number of pairs of token and key
    #[arg(long, default_value_t = 10_000_000, value_name = "N")]
    pairs: u64,
    /// Number of hosts
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    hosts: u64,
    /// Number of ledger entries
    #[arg(long, default_value_t = 5_000_000, value_name = "N")]
    entries: u64,
    /// Number that all ids and keys are derived from
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

fn main() -> ExitCode {
    let Seed { data_dir, tokens, pairs, hosts, entries, seed } = Seed::parse();
    let amounts = Amounts { tokens, pairs, hosts, entries, number: seed };
    let bar = bar();
    let mut current = "";
    let filled = fill(&data_dir, amounts, |rows, done, all| {
        if rows != current {
            current = rows;
            bar.reset();
            bar.set_message(rows);
        }
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    match filled {
        Ok(()) => {
            println!("added {tokens} tokens, {pairs} pairs, {hosts} hosts and {entries} ledger entries");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("seed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn fill(
    data_dir: &Path,
    amounts: Amounts,
    progress: impl FnMut(&'static str, u64, u64),
) -> Result<(), SeedError> {
    let now = SystemClock.read().wall;
    fill::seed(&data_dir.join("gatepass.db"), amounts, &Specimen::generate(now)?, now, progress)
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg:8} {wide_bar} {pos}/{len}, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
