//! The figures: one table, or one JSON document.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::arguments::{Mode, Output};
use crate::control::Control;
use crate::findings::Findings;

/// Resident sizes of a server around a flood, in MiB.
pub(crate) struct Memory {
    pub(crate) name: &'static str,
    pub(crate) before: u64,
    pub(crate) during: u64,
    /// A minute later.
    pub(crate) after: u64,
}

impl Memory {
    fn to_json(&self) -> Value {
        let Self { name, before, during, after } = self;
        json!({ "flood": name, "before": before, "during": during, "after": after })
    }
}

/// The result of a mode.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) rounds: u32,
    /// Faults that struck: kills, failed calls, full disks, power cuts.
    pub(crate) faults: u64,
    pub(crate) acknowledged: u64,
    pub(crate) findings: Findings,
    pub(crate) control: Control,
    pub(crate) memory: Vec<Memory>,
    /// Number of ends of the server, by exit code.
    pub(crate) ends: BTreeMap<String, u64>,
}

impl Row {
    /// Counts an end of the server.
    pub(crate) fn ended(&mut self, how: &str) {
        *self.ends.entry(how.to_owned()).or_default() += 1;
    }

    fn passed(&self) -> bool {
        let Findings { lost, over_used, other } = &self.findings;
        lost.is_empty() && over_used.is_empty() && other.is_empty() && self.control.passed()
    }
}

/// The results of all modes.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<(Mode, Row, Duration)>,
    failures: Vec<(Mode, String)>,
}

impl Report {
    /// Adds a mode that ran to its end.
    pub(crate) fn add(&mut self, mode: Mode, row: Row, took: Duration) {
        self.rows.push((mode, row, took));
    }

    /// Adds a mode that could not run.
    pub(crate) fn failed(&mut self, mode: Mode, why: &str) {
        eprintln!("battery: {}: {why}", mode.name());
        self.failures.push((mode, why.to_owned()));
    }

    /// True if every mode ran, lost nothing, and its control found its loss.
    pub(crate) fn passed(&self) -> bool {
        self.failures.is_empty() && self.rows.iter().all(|(_, row, _)| row.passed())
    }

    /// Prints it.
    pub(crate) fn print(&self, output: Output) {
        match output {
            Output::Json => println!("{:#}", self.to_json()),
            Output::Table => self.print_table(),
        }
    }

    fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|(mode, row, took)| {
            json!({
                "mode": mode.name(), "rounds": row.rounds, "faults": row.faults, "acknowledged": row.acknowledged,
                "lost": row.findings.lost, "over_used": row.findings.over_used, "other": row.findings.other,
                "control": control_json(row.control), "memory_mib": row.memory.iter().map(Memory::to_json).collect::<Vec<_>>(),
                "ends": row.ends, "seconds": took.as_secs(), "passed": row.passed(),
            })
        });
        let failures = self.failures.iter().map(|(mode, why)| json!({ "mode": mode.name(), "why": why }));
        json!({
            "passed": self.passed(), "modes": rows.collect::<Vec<_>>(), "not_run": failures.collect::<Vec<_>>(),
        })
    }

    fn print_table(&self) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header([
            "MODE",
            "ROUNDS",
            "FAULTS",
            "ACKNOWLEDGED",
            "LOST",
            "OVER-USED",
            "OTHER",
            "SECONDS",
            "CONTROL",
        ]);
        for (mode, row, took) in &self.rows {
            let Findings { lost, over_used, other } = &row.findings;
            let numbers = [u64::from(row.rounds), row.faults, row.acknowledged];
            let found = [lost.len() as u64, over_used.len() as u64, other.len() as u64, took.as_secs()];
            let cells = numbers.into_iter().chain(found).map(|number| number.to_string());
            table.add_row([mode.name()].into_iter().chain(cells).chain([control(row.control)]));
        }
        for column in table.column_iter_mut().skip(1).take(7) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        println!("{table}");
        for (mode, row, _) in &self.rows {
            for (end, count) in &row.ends {
                println!("{}: {count} times {end}", mode.name());
            }
            for Memory { name: flood, before, during, after } in &row.memory {
                println!(
                    "{}: {flood}: {before} MiB before, {during} during, {after} a minute later",
                    mode.name()
                );
            }
            let Findings { lost, over_used, other } = &row.findings;
            for (kind, found) in [("lost", lost), ("over-used", over_used), ("other", other)] {
                found.iter().for_each(|(subject, why)| println!("{}: {kind}: {subject}: {why}", mode.name()));
            }
        }
        self.failures.iter().for_each(|(mode, why)| println!("{}: not run: {why}", mode.name()));
    }
}

fn control(control: Control) -> String {
    let verdict = if control.passed() { "as it must" } else { "BUT IT MUST FIND MORE" };
    match control {
        Control::Found { lost, over_used } => format!("{lost} lost, {over_used} over-used, {verdict}"),
        Control::Asked { mib, allowed } => format!("{mib} MiB asked for, {allowed} allowed, {verdict}"),
    }
}

fn control_json(control: Control) -> Value {
    match control {
        Control::Found { lost, over_used } => json!({ "lost": lost, "over_used": over_used }),
        Control::Asked { mib, allowed } => json!({ "asked_mib": mib, "allowed_mib": allowed }),
    }
}

/// A bar on standard error, where that is a terminal.
pub(crate) fn bar(mode: Mode, rounds: u32) -> ProgressBar {
    let bar = ProgressBar::new(rounds.into()).with_message(mode.name());
    match ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
