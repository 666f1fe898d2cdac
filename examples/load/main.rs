//! A load generator for gatepass. It starts a server or uses a running one, and prepares every request before the run. A
//! schedule that does not wait for answers sends the requests. Latency counts from the scheduled time. The cost is the CPU
//! time of the server, because the generator shares the machine.
//!
//! ```sh
//! cargo build --release && cargo run --release --example load -- --mode redeem --rate 500
//! cargo run --release --example load -- --all
//! cargo run --release --example load -- --help
//! ```

mod all;
mod arguments;
mod bench;
mod checkins;
mod child;
mod compare;
mod cores;
mod error;
mod floor;
mod hosts;
mod maths;
mod pace;
mod pair;
mod plan;
mod prepare;
mod ramp;
mod report;
mod resident;
mod run;
mod server;
mod tls;
mod usage;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

use self::arguments::{Arguments, Mode, Rate};
use self::bench::Bench;
use self::cores::Cores;
use self::error::LoadError;
use self::report::Report;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    gatepass::server::process::harden();
    let done = match &arguments.floor_server {
        Some(roots) => floor::serve(roots),
        None => drive(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the requested measurement.
fn drive(arguments: &Arguments) -> Result<(), LoadError> {
    let cores = Cores::split(arguments.no_pin, arguments.server_cores);
    let mut report = Report::new(arguments.json, &cores);
    if arguments.mode == Some(Mode::Maths) {
        report.maths(&cores.on_server(maths::measure)?);
        return report.finish();
    }
    if arguments.all {
        all::run(arguments, &cores, &mut report)?;
        return report.finish();
    }
    if let Some(hosts) = arguments.checkins {
        checkins::run(arguments, &cores, hosts, &mut report)?;
        return report.finish();
    }
    let pair = match (arguments.sign_in, arguments.cluster) {
        (true, _) => Some(pair::SIGN_IN),
        (false, true) => Some(pair::CLUSTER),
        (false, false) => None,
    };
    if let Some(pair) = pair {
        pair.run(arguments, &cores, &mut report)?;
        return report.finish();
    }
    if let Some(full) = &arguments.against {
        compare::run(arguments, &cores, full, &mut report)?;
        return report.finish();
    }
    let mode = arguments.mode.unwrap_or(Mode::Livez);
    let bench = Bench::open(arguments, &cores, arguments.data_dir.as_deref())?;
    report.started(bench.start());
    match arguments.ramp {
        Some(ramp) => ramp::run(&bench, mode, ramp, &mut report)?,
        None => {
            let rate = arguments.rate.unwrap_or(Rate::Max);
            report.row(bench.measure(mode, arguments.fresh(), rate)?);
            if arguments.floor {
                report.row(bench.measure_floor(mode, arguments.fresh())?);
            }
        }
    }
    report.finish()
}
