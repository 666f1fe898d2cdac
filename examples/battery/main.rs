//! A battery of faults against a real server: kills, failing system calls, full disks, power cuts. Each mode counts
//! acknowledged acts that were lost, and tokens with too many uses. Each mode has a control that must find a loss.
//!
//! ```sh
//! cargo build --release && cargo run --release --example battery -- --all
//! cargo run --release --example battery -- kill --rounds 10
//! cargo run --release --example battery -- --help
//! ```

mod arguments;
mod authority;
mod caller;
#[path = "../load/child.rs"]
mod child;
mod control;
mod cut;
mod disk;
mod drive;
mod files;
mod findings;
mod flood;
mod full;
mod judge;
mod kill;
mod load;
mod power;
mod record;
mod report;
#[path = "../load/resident.rs"]
mod resident;
mod review;
mod rows;
mod site;
mod strace;
mod syscalls;
mod tools;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser as _;

use self::arguments::{Arguments, Mode};
use self::report::{Report, Row};

/// Any failure that is not a finding about the server.
type Fault = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    gatepass::server::process::harden();
    let mut report = Report::default();
    for mode in arguments.modes() {
        let began = Instant::now();
        match run(mode, &arguments).await {
            Ok(row) => report.add(mode, row, began.elapsed()),
            Err(error) => report.failed(mode, &error.to_string()),
        }
    }
    report.print(arguments.output);
    if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(mode: Mode, arguments: &Arguments) -> Result<Row, Fault> {
    let rounds = arguments.rounds(mode);
    match mode {
        Mode::Kill => kill::run(arguments, rounds).await,
        Mode::Syscalls => syscalls::run(arguments, rounds).await,
        Mode::Files => files::run(arguments, rounds).await,
        Mode::Full => full::run(arguments, rounds).await,
        Mode::Flood => flood::run(arguments, rounds).await,
        Mode::Power => power::run(arguments, rounds).await,
        Mode::Drive => cut::run(arguments, rounds).await,
    }
}
