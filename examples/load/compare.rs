//! A full store against an empty one, in turns, so that whatever else the machine does disturbs both.

use std::path::Path;

use crate::arguments::{Arguments, Mode, Rate};
use crate::bench::Bench;
use crate::cores::Cores;
use crate::error::LoadError;
use crate::report::{Ratio, Report};

/// Measures the mode (redeeming by default) on the store in `full` and on a new one.
pub(crate) fn run(
    arguments: &Arguments,
    cores: &Cores,
    full: &Path,
    report: &mut Report,
) -> Result<(), LoadError> {
    let (mode, rate) = (arguments.mode.unwrap_or(Mode::Redeem), arguments.rate.unwrap_or(Rate::Max));
    let (mut by_cpu, mut by_clock) = (Vec::new(), Vec::new());
    for round in 0..arguments.rounds.max(1) {
        let mut measure = |name: &str, data_dir: Option<&Path>| {
            let bench = Bench::open(arguments, cores, data_dir)?;
            if round == 0 {
                report.started_as(name, bench.start());
            }
            let mut row = bench.measure(mode, arguments.fresh(), rate)?;
            row.name = format!("{}, {name} store", row.name);
            let (cpu, clock) = (row.cpu_micros(), row.achieved());
            report.row(row);
            Ok::<_, LoadError>((cpu, clock))
        };
        let (empty_cpu, empty_clock) = measure("empty", None)?;
        let (full_cpu, full_clock) = measure("full", Some(full))?;
        by_cpu.extend(empty_cpu.zip(full_cpu).map(|(empty, full)| empty / full));
        by_clock.push(full_clock / empty_clock);
    }
    let ratio = |name: &str, definition: &str, rounds| Ratio {
        name: format!("{} {name}", mode.name()),
        definition: definition.to_owned(),
        rounds,
        bar: Some(0.9),
    };
    report.ratio(ratio("full / empty, per core", "server CPU per request, empty store / full store", by_cpu));
    report.ratio(ratio(
        "full / empty, by the clock",
        "requests per second, full store / empty store",
        by_clock,
    ));
    Ok(())
}
