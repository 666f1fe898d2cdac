//! Search for the knee: the highest rate that is sustained without errors, with a p99 below the limit.

use serde_json::json;

use crate::arguments::{Mode, Ramp, Rate};
use crate::bench::Bench;
use crate::error::LoadError;
use crate::report::{Report, Row};

/// The first rate of an automatic ramp.
const FIRST: f64 = 100.0;
/// The last rate of an automatic ramp.
const LAST: f64 = 1e6;
/// An automatic ramp ends when the knee is known to this part of its rate.
const CLOSE: f64 = 0.05;
/// A rate is kept if so much of it was answered in time.
const KEPT: f64 = 0.97;

/// Measures `mode` at rising rates, and reports the knee.
pub(crate) fn run(bench: &Bench<'_>, mode: Mode, ramp: Ramp, report: &mut Report) -> Result<(), LoadError> {
    let knee = match ramp {
        Ramp::Steps { from, to, step } => {
            let (mut knee, mut rate) = (None, from);
            while rate <= to {
                if !holds(bench, mode, rate, report)? {
                    break;
                }
                knee = Some(rate);
                rate += step;
            }
            knee
        }
        Ramp::Auto => automatic(bench, mode, report)?,
    };
    report.note("knee", json!({ "rate": knee, "p99_below_ms": bench.knee_p99() }));
    Ok(())
}

fn automatic(bench: &Bench<'_>, mode: Mode, report: &mut Report) -> Result<Option<f64>, LoadError> {
    let (mut good, mut next) = (None, FIRST);
    while next < LAST && holds(bench, mode, next, report)? {
        good = Some(next);
        next *= 2.0;
    }
    let mut bad = next;
    while let Some(kept) = good.filter(|kept| bad - kept > kept * CLOSE) {
        let middle = (kept + bad) / 2.0;
        if holds(bench, mode, middle, report)? { good = Some(middle) } else { bad = middle }
    }
    Ok(good)
}

fn holds(bench: &Bench<'_>, mode: Mode, rate: f64, report: &mut Report) -> Result<bool, LoadError> {
    let row = bench.measure(mode, bench.fresh(), Rate::Fixed(rate))?;
    let held = keeps(&row, rate, bench.knee_p99());
    report.row(row);
    Ok(held)
}

fn keeps(row: &Row, rate: f64, p99: f64) -> bool {
    row.is_clean() && row.achieved() >= rate * KEPT && row.millis(0.99) <= p99
}
