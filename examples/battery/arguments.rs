//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Faults against a real server under load, and their losses
///
/// Starts the `gatepass` beside its own executable on directories of its own. Clients mint tokens, redeem them over TLS and
/// revoke them, and a record keeps each answer. Then the fault strikes, the server starts again, and everything in the
/// record is asked for once more. A control follows each mode: the same check on a store that has lost something must find
/// the loss, otherwise the mode fails.
#[derive(Parser)]
#[command(
    name = "battery",
    max_term_width = 110,
    after_long_help = "Examples:
  battery --all                     every mode; as root, with strace installed
  battery kill                      100 kills, without root
  battery kill power --rounds 10    two modes, 10 rounds each
  battery syscalls --keep /var/tmp/battery
  battery --all -o json

Columns: rounds, faults that struck, acts that the server acknowledged, acts that were lost, uses beyond a limit, other
findings, and the losses that the control found. A finding names the token or host and the round.

Exit codes: 0 nothing lost, nothing over-used, every control found its loss; 1 otherwise; 2 usage"
)]
pub(crate) struct Arguments {
    /// Faults to try
    #[arg(value_enum, value_name = "MODE", required_unless_present = "all", conflicts_with = "all")]
    modes: Vec<Mode>,
    /// Try every mode
    #[arg(long)]
    all: bool,
    /// Number of rounds, instead of each mode's default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Connections that mint, redeem and revoke at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) connections: u16,
    /// The binary to start; default: `gatepass` beside this program's directory
    #[arg(long, value_name = "FILE")]
    pub(crate) gatepass: Option<PathBuf>,
    /// Keep data directories, logs and traces here instead of deleting them
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Form of the result
    #[arg(short, long, value_enum, default_value_t = Output::Table, value_name = "FORMAT")]
    pub(crate) output: Output,
}

impl Arguments {
    /// The modes in their order, each once.
    pub(crate) fn modes(&self) -> Vec<Mode> {
        Mode::value_variants().iter().copied().filter(|mode| self.all || self.modes.contains(mode)).collect()
    }

    /// Number of rounds of a mode.
    pub(crate) fn rounds(&self, mode: Mode) -> u32 {
        self.rounds.unwrap_or(match mode {
            Mode::Kill => 100,
            Mode::Syscalls => 120,
            Mode::Files => 20,
            Mode::Full | Mode::Flood => 2,
            Mode::Power | Mode::Drive => 60,
        })
    }
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// SIGKILL under load; 100 rounds
    Kill,
    /// System calls that fail with EIO, ENOSPC and the like; needs strace; 120 rounds
    Syscalls,
    /// The write-ahead log or its index is removed or replaced under load; 20 rounds
    Files,
    /// A disk without room for the data, for the log and for both; needs root; 2 rounds
    Full,
    /// A file system that ends at once, with everything unsynced lost; needs root; 60 rounds
    Power,
    /// Answers that nobody reads and bodies that never end: resident memory before, during and a minute after; 2 rounds
    Flood,
    /// A drive that loses, tears or reorders the writes since its last flush; needs root and /dev/fuse; 60 rounds
    Drive,
}

impl Mode {
    /// The name, as on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// The form of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A table for people
    Table,
    /// One JSON document for scripts
    Json,
}
