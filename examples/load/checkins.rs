//! A fleet that checks in: the cost of a check-in, and the writes of all of them.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::arguments::{Arguments, Mode, Rate};
use crate::bench::Bench;
use crate::cores::Cores;
use crate::error::LoadError;
use crate::report::{Ratio, Report};

/// The interval of a host.
const INTERVAL: f64 = 300.0;
/// Time within which the server writes what it has gathered, twice.
const WRITTEN: Duration = Duration::from_secs(130);
/// Transactions of the server's store, and the commands in them.
const COMMITS: [&str; 2] = ["gatepass_commit_batch_size_count", "gatepass_commit_batch_size_sum"];
/// The writes of the gathered check-ins.
const ROUNDS: (&str, &str) = ("gatepass_timer_runs_total", "timer=\"uses\"");

/// The writes of a server so far.
struct Writes {
    commits: f64,
    commands: f64,
    bytes: u64,
}

impl Writes {
    fn of(bench: &Bench<'_>) -> Result<Self, LoadError> {
        let [commits, commands] = COMMITS;
        let text = bench.pid().and_then(|pid| fs::read_to_string(format!("/proc/{pid}/io")).ok());
        let line = text.as_deref().and_then(|text| text.lines().find(|line| line.starts_with("write_bytes")));
        let bytes = line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0);
        Ok(Self { commits: bench.metric(commits, "")?, commands: bench.metric(commands, "")?, bytes })
    }
}

/// Lets `hosts` hosts check in, each once over a connection of its own.
pub(crate) fn run(
    arguments: &Arguments,
    cores: &Cores,
    hosts: usize,
    report: &mut Report,
) -> Result<(), LoadError> {
    let bench = Bench::open(arguments, cores, arguments.data_dir.as_deref())?;
    report.started(bench.start());
    // Enrolled, and seen once, so that the first use of their certificates is written before the clock starts.
    let plan = bench.plan_all(Mode::Checkin, hosts)?;
    let rate = arguments.rate.unwrap_or(Rate::Max);
    bench.measure_all(plan.clone(), Rate::Max)?;
    let (mut by_cpu, mut per_write) = (Vec::new(), Vec::new());
    for round in 0..arguments.rounds.max(1) {
        let floor = bench.measure_floor(Mode::Checkin, true)?;
        settle(&bench)?;
        let before = Writes::of(&bench)?;
        let row = bench.measure_all(plan.clone(), rate)?;
        settle(&bench)?;
        let after = Writes::of(&bench)?;
        let cpu = floor.cpu_micros().zip(row.cpu_micros()).filter(|_| row.tally.errors.is_empty());
        by_cpu.extend(cpu.map(|(floor, measured)| floor / measured));
        let commits = after.commits - before.commits;
        per_write.push(row.tally.answers as f64 / commits.max(1.0));
        let a_second = hosts as f64 / INTERVAL;
        report.note(
            &format!("round_{round}"),
            json!({
                "check_ins": row.tally.answers, "commits": commits, "commands": after.commands - before.commands,
                "kib_written": (after.bytes - before.bytes) / 1024, "hosts": hosts, "a_second_every_five_minutes": a_second,
                "cores_every_five_minutes": row.cpu_micros().map(|spent| spent * a_second / 1e6),
            }),
        );
        report.row(floor);
        report.row(row);
    }
    let definition = String::from("server CPU: floor with the same bytes and handshake / measured");
    report.ratio(Ratio {
        name: String::from("check-in, new connection each"),
        definition,
        rounds: by_cpu,
        bar: None,
    });
    let definition = String::from("check-ins per transaction; a write for each would be 1");
    report.ratio(Ratio {
        name: String::from("check-ins written together"),
        definition,
        rounds: per_write,
        bar: None,
    });
    Ok(())
}

/// Waits until the server has written everything that it has gathered so far.
fn settle(bench: &Bench<'_>) -> Result<(), LoadError> {
    let (name, label) = ROUNDS;
    let (began, before) = (Instant::now(), bench.metric(name, label)?);
    while began.elapsed() < WRITTEN && bench.metric(name, label)? < before + 2.0 {
        sleep(Duration::from_secs(1));
    }
    Ok(())
}
