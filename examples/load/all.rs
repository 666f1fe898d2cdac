//! Every line of the performance table, each with its floor in the same round.

use std::collections::BTreeMap;

use serde_json::json;

use crate::arguments::{Arguments, Mode, Rate};
use crate::bench::Bench;
use crate::cores::Cores;
use crate::error::LoadError;
use crate::maths::{self, Maths};
use crate::report::{Ratio, Report};

/// One line of the table.
struct Line {
    mode: Mode,
    fresh: bool,
    bar: Option<f64>,
    /// The maths that the floor does not do, with its name.
    maths: (&'static str, fn(Maths) -> f64),
}

const NONE: (&str, fn(Maths) -> f64) = ("", |_| 0.0);
const VERIFY: (&str, fn(Maths) -> f64) = (" + Ed25519 verify", |maths| maths.ed25519_verify);
const REDEEM: (&str, fn(Maths) -> f64) = (" + Ed25519 verify + P-256 verify + P-256 sign", Maths::redeem);
const RENEW: (&str, fn(Maths) -> f64) = (" + P-256 verify + P-256 sign", Maths::renew);
const MINT: (&str, fn(Maths) -> f64) = (" + Ed25519 sign + Ed25519 verify", Maths::mint);

const fn line(mode: Mode, fresh: bool, bar: Option<f64>, maths: (&'static str, fn(Maths) -> f64)) -> Line {
    Line { mode, fresh, bar, maths }
}

const LINES: [Line; 14] = [
    line(Mode::Livez, false, Some(0.85), NONE),
    line(Mode::Livez, true, None, NONE),
    line(Mode::Jwks, false, None, NONE),
    line(Mode::Status, false, None, NONE),
    line(Mode::VerifyHot, false, Some(0.85), NONE),
    line(Mode::VerifyCold, false, None, VERIFY),
    line(Mode::Authorize, false, None, NONE),
    line(Mode::Introspect, false, None, NONE),
    line(Mode::Whoami, false, None, NONE),
    line(Mode::Mint, false, None, MINT),
    line(Mode::Redeem, false, Some(0.7), REDEEM),
    line(Mode::Redeem, true, Some(0.75), REDEEM),
    line(Mode::Mint, true, None, MINT),
    line(Mode::Renew, true, None, RENEW),
];

impl Line {
    fn name(&self) -> String {
        format!("{}{}", self.mode.name(), if self.fresh { ", new connection each" } else { ", keep-alive" })
    }

    /// Measures it and its floor once, and at half of its speed for the latencies in the first round.
    fn measure(
        &self,
        bench: &Bench<'_>,
        maths: Maths,
        first: bool,
        report: &mut Report,
    ) -> Result<Option<f64>, LoadError> {
        let floor = bench.measure_floor(self.mode, self.fresh)?;
        let row = bench.measure(self.mode, self.fresh, Rate::Max)?;
        let ratio = floor.cpu_micros().zip(row.cpu_micros()).filter(|_| row.tally.errors.is_empty());
        let ratio = ratio.map(|(floor, measured)| (floor + (self.maths.1)(maths)) / measured);
        let half = Rate::Fixed((row.achieved() / 2.0).max(1.0));
        report.row(floor);
        report.row(row);
        if first {
            report.row(bench.measure(self.mode, self.fresh, half)?);
        }
        Ok(ratio)
    }
}

/// Measures everything, in rounds.
pub(crate) fn run(arguments: &Arguments, cores: &Cores, report: &mut Report) -> Result<(), LoadError> {
    let bench = Bench::open(arguments, cores, arguments.data_dir.as_deref())?;
    report.started(bench.start());
    let mut found: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    let mut left_out: BTreeMap<String, String> = BTreeMap::new();
    for round in 0..arguments.rounds.max(1) {
        let maths = cores.on_server(maths::measure)?;
        if round == 0 {
            report.maths(&maths);
        }
        for (place, line) in LINES.iter().enumerate() {
            if left_out.contains_key(&line.name()) {
                continue;
            }
            match line.measure(&bench, maths, round == 0, report) {
                Ok(ratio) => found.entry(place).or_default().extend(ratio),
                // A gatepass without this route, or not configured for it: the rest is still worth knowing.
                Err(error @ LoadError::Refused { .. }) => {
                    left_out.insert(line.name(), error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
    }
    for (place, rounds) in found {
        let line = &LINES[place];
        let definition = format!("server CPU: (floor with the same bytes{}) / measured", line.maths.0);
        report.ratio(Ratio { name: line.name(), definition, rounds, bar: line.bar });
    }
    if !left_out.is_empty() {
        report.note("left_out", json!(left_out));
    }
    report.note("resident_kib_at_the_end", json!(bench.resident_kib()));
    Ok(())
}
