//! A sign-in by user and password that is remembered against a session, in turns, on the same route of one server.

use crate::arguments::{Arguments, Mode, Rate};
use crate::bench::Bench;
use crate::cores::Cores;
use crate::error::LoadError;
use crate::report::{Ratio, Report};

/// Minimum ratio of a remembered sign-in to a session.
const BAR: f64 = 0.8;

/// Measures both.
pub(crate) fn run(arguments: &Arguments, cores: &Cores, report: &mut Report) -> Result<(), LoadError> {
    let bench = Bench::open(arguments, cores, arguments.data_dir.as_deref())?;
    report.started(bench.start());
    let rate = arguments.rate.unwrap_or(Rate::Max);
    let (mut by_cpu, mut by_clock) = (Vec::new(), Vec::new());
    for _ in 0..arguments.rounds.max(1) {
        let session = bench.measure(Mode::Session, arguments.fresh(), rate)?;
        let sign_in = bench.measure(Mode::SignIn, arguments.fresh(), rate)?;
        // A share of refusals is no speed.
        if session.tally.errors.is_empty() && sign_in.tally.errors.is_empty() {
            let cpu = session.cpu_micros().zip(sign_in.cpu_micros());
            by_cpu.extend(cpu.map(|(session, sign_in)| session / sign_in));
            by_clock.push(sign_in.achieved() / session.achieved());
        }
        report.row(session);
        report.row(sign_in);
    }
    let ratio = |name: &str, definition: &str, rounds| Ratio {
        name: format!("sign-in / session, {name}"),
        definition: definition.to_owned(),
        rounds,
        bar: Some(BAR),
    };
    report.ratio(ratio("per core", "server CPU per request, session / remembered sign-in", by_cpu));
    report.ratio(ratio("by the clock", "requests per second, remembered sign-in / session", by_clock));
    Ok(())
}
