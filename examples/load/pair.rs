//! Two kinds of request in turns on one server, so that whatever else the machine does disturbs both.

use crate::arguments::{Arguments, Mode, Rate};
use crate::bench::Bench;
use crate::cores::Cores;
use crate::error::LoadError;
use crate::report::{Ratio, Report};

/// Two modes, and the minimum ratio of the second one's rate to the first one's.
pub(crate) struct Pair {
    name: &'static str,
    base: Mode,
    measured: Mode,
    bar: f64,
}

/// A sign-in by user and password that is remembered against a session, on the same route.
pub(crate) const SIGN_IN: Pair =
    Pair { name: "sign-in / session", base: Mode::Session, measured: Mode::SignIn, bar: 0.8 };

/// One cluster token for all hosts against a token for each.
pub(crate) const CLUSTER: Pair = Pair {
    name: "one cluster token / a token each",
    base: Mode::Redeem,
    measured: Mode::RedeemCluster,
    bar: 0.8,
};

impl Pair {
    /// Measures both.
    pub(crate) fn run(
        &self,
        arguments: &Arguments,
        cores: &Cores,
        report: &mut Report,
    ) -> Result<(), LoadError> {
        let bench = Bench::open(arguments, cores, arguments.data_dir.as_deref())?;
        report.started(bench.start());
        let rate = arguments.rate.unwrap_or(Rate::Max);
        let (mut by_cpu, mut by_clock) = (Vec::new(), Vec::new());
        for _ in 0..arguments.rounds.max(1) {
            let base = bench.measure(self.base, arguments.fresh(), rate)?;
            let measured = bench.measure(self.measured, arguments.fresh(), rate)?;
            // A share of refusals is no speed.
            if base.tally.errors.is_empty() && measured.tally.errors.is_empty() {
                let cpu = base.cpu_micros().zip(measured.cpu_micros());
                by_cpu.extend(cpu.map(|(base, measured)| base / measured));
                by_clock.push(measured.achieved() / base.achieved());
            }
            report.row(base);
            report.row(measured);
        }
        let (base, measured) = (self.base.name(), self.measured.name());
        let ratio = |name: &str, definition: String, rounds| Ratio {
            name: format!("{}, {name}", self.name),
            definition,
            rounds,
            bar: Some(self.bar),
        };
        let cpu = format!("server CPU per request, {base} / {measured}");
        report.ratio(ratio("per core", cpu, by_cpu));
        let clock = format!("requests per second, {measured} / {base}");
        report.ratio(ratio("by the clock", clock, by_clock));
        Ok(())
    }
}
