//! The results, as a table for people or one JSON document.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::arguments::Rate;
use crate::cores::Cores;
use crate::error::LoadError;
use crate::maths::Maths;
use crate::run::Tally;

/// The start of a server.
pub(crate) struct Start {
    /// Time from its start to its first answer; `None` for a running server.
    pub(crate) answers_after: Option<Duration>,
    /// Its resident size after that answer, in KiB.
    pub(crate) resident_kib: Option<u64>,
}

/// One measurement.
pub(crate) struct Row {
    /// Name of the measurement.
    pub(crate) name: String,
    /// True if each request had a new connection.
    pub(crate) fresh: bool,
    /// The requested rate.
    pub(crate) rate: Rate,
    /// The results.
    pub(crate) tally: Tally,
    /// CPU time of the server, all threads.
    pub(crate) server_cpu: Option<Duration>,
    /// CPU time of this program.
    pub(crate) generator_cpu: Option<Duration>,
    /// Duration.
    pub(crate) wall: Duration,
    /// Resident size of the server before, in KiB.
    pub(crate) resident_before: Option<u64>,
    /// And after.
    pub(crate) resident_after: Option<u64>,
}

impl Row {
    /// Answers per second of the run.
    pub(crate) fn achieved(&self) -> f64 {
        let rate = self.tally.answers as f64 / self.tally.elapsed.as_secs_f64().max(1e-9);
        // The last request leaves before the run is over: a schedule that was kept is not one that was overtaken.
        if let Rate::Fixed(asked) = self.rate { rate.min(asked) } else { rate }
    }

    /// Microseconds of the server's CPU per answer.
    pub(crate) fn cpu_micros(&self) -> Option<f64> {
        let spent = self.server_cpu?;
        (self.tally.answers > 0).then(|| spent.as_secs_f64() * 1e6 / self.tally.answers as f64)
    }

    /// A percentile of the latencies, in milliseconds.
    pub(crate) fn millis(&self, quantile: f64) -> f64 {
        self.tally.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// CPU use of the process, in cores.
    fn busy(&self, spent: Option<Duration>) -> Option<f64> {
        Some(spent?.as_secs_f64() / self.wall.as_secs_f64().max(1e-9))
    }

    /// Returns true if every request succeeded.
    pub(crate) fn is_clean(&self) -> bool {
        self.tally.errors.is_empty() && self.tally.unsent == 0
    }

    fn to_json(&self) -> Value {
        let asked = if let Rate::Fixed(rate) = self.rate { Some(rate) } else { None };
        json!({
            "mode": self.name, "connections": if self.fresh { "new" } else { "kept" },
            "rate_asked": asked, "rate": self.achieved(), "answers": self.tally.answers,
            "p50_ms": self.millis(0.5), "p99_ms": self.millis(0.99), "p999_ms": self.millis(0.999),
            "max_ms": self.millis(1.0), "errors": self.tally.errors, "unsent": self.tally.unsent,
            "seconds": self.tally.elapsed.as_secs_f64(),
            "server_cpu_us": self.cpu_micros(), "per_core_second": self.cpu_micros().map(|spent| 1e6 / spent),
            "server_cores_busy": self.busy(self.server_cpu), "generator_cores_busy": self.busy(self.generator_cpu),
            "resident_kib_before": self.resident_before, "resident_kib_after": self.resident_after,
        })
    }

    fn cells(&self) -> Vec<String> {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| String::from("-"), |value| format!("{value:.digits$}"))
        };
        let asked =
            if let Rate::Fixed(rate) = self.rate { format!("{rate:.0}") } else { String::from("max") };
        let kib = |size: Option<u64>| size.map(|size| size as f64 / 1024.0);
        let mut errors: Vec<_> =
            self.tally.errors.iter().map(|(what, count)| format!("{count} × {what}")).collect();
        if self.tally.unsent > 0 {
            errors.push(format!("{} never sent", self.tally.unsent));
        }
        vec![
            format!("{}{}", self.name, if self.fresh { " (new)" } else { "" }),
            asked,
            format!("{:.0}", self.achieved()),
            format!("{:.2}", self.millis(0.5)),
            format!("{:.2}", self.millis(0.99)),
            format!("{:.2}", self.millis(0.999)),
            number(self.cpu_micros(), 1),
            number(self.cpu_micros().map(|spent| 1e6 / spent), 0),
            number(self.busy(self.server_cpu), 2),
            number(self.busy(self.generator_cpu), 2),
            format!("{} → {}", number(kib(self.resident_before), 1), number(kib(self.resident_after), 1)),
            if errors.is_empty() { String::from("none") } else { errors.join(", ") },
        ]
    }
}

const HEADINGS: [&str; 12] = [
    "WHAT",
    "ASKED/s",
    "DONE/s",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "CPU µs",
    "PER CORE/s",
    "SRV CORES",
    "GEN CORES",
    "MiB",
    "ERRORS",
];

/// A ratio and its definition.
pub(crate) struct Ratio {
    /// Its name.
    pub(crate) name: String,
    /// The formula, in words.
    pub(crate) definition: String,
    /// Its value in each round.
    pub(crate) rounds: Vec<f64>,
    /// Minimum, if any.
    pub(crate) bar: Option<f64>,
}

impl Ratio {
    /// The middle one.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Everything that was measured.
pub(crate) struct Report {
    json: bool,
    document: Value,
    rows: Vec<Row>,
    ratios: Vec<Ratio>,
    lines: Vec<String>,
}

impl Report {
    /// An empty one.
    pub(crate) fn new(json: bool, cores: &Cores) -> Self {
        let lines = vec![format!("cores: {}", cores.describe())];
        let document = json!({ "cores": cores.describe() });
        Self { json, document, rows: Vec::new(), ratios: Vec::new(), lines }
    }

    /// Reports the start of a server.
    pub(crate) fn started(&mut self, start: &Start) {
        self.started_as("start", start);
    }

    /// Reports the start of one of several servers.
    pub(crate) fn started_as(&mut self, name: &str, start: &Start) {
        let millis = start.answers_after.map(|after| after.as_secs_f64() * 1000.0);
        self.note(name, json!({ "answers_after_ms": millis, "resident_kib": start.resident_kib }));
    }

    /// Prints a note immediately.
    pub(crate) fn note(&mut self, name: &str, value: Value) {
        self.lines.push(format!("{name}: {value}"));
        self.document[name] = value;
    }

    /// Reports the public-key operations.
    pub(crate) fn maths(&mut self, maths: &Maths) {
        let value = json!({
            "ed25519_verify_us": maths.ed25519_verify, "ed25519_sign_us": maths.ed25519_sign,
            "p256_verify_us": maths.p256_verify, "p256_sign_us": maths.p256_sign,
        });
        self.note("maths", value);
    }

    /// A measurement.
    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Reports a ratio.
    pub(crate) fn ratio(&mut self, ratio: Ratio) {
        self.ratios.push(ratio);
    }

    /// Prints it.
    pub(crate) fn finish(mut self) -> Result<(), LoadError> {
        if self.json {
            self.document["rows"] = self.rows.iter().map(Row::to_json).collect();
            let ratio = |ratio: &Ratio| {
                json!({
                    "name": ratio.name, "definition": ratio.definition, "median": ratio.median(),
                    "rounds": ratio.rounds, "bar": ratio.bar,
                })
            };
            self.document["ratios"] = self.ratios.iter().map(ratio).collect();
            println!("{:#}", self.document);
            return Ok(());
        }
        self.lines.iter().for_each(|line| println!("{line}"));
        if !self.rows.is_empty() {
            println!("{}", table(&HEADINGS, self.rows.iter().map(Row::cells)));
        }
        if !self.ratios.is_empty() {
            let cells = self.ratios.iter().map(|ratio| {
                let bar = ratio.bar.map_or_else(|| String::from("-"), |bar| format!("{bar:.2}"));
                let rounds: Vec<_> = ratio.rounds.iter().map(|value| format!("{value:.3}")).collect();
                vec![
                    ratio.name.clone(),
                    format!("{:.3}", ratio.median()),
                    bar,
                    rounds.join(" "),
                    ratio.definition.clone(),
                ]
            });
            println!("{}", table(&["RATIO", "MEDIAN", "BAR", "ROUNDS", "DEFINITION"], cells));
        }
        Ok(())
    }
}

fn table(headings: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings.iter().copied());
    rows.for_each(|row| {
        table.add_row(row);
    });
    for column in table.column_iter_mut().skip(1).take(9) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
