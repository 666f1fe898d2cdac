//! The results.

use std::fmt;
use std::time::Duration;

use serde_json::json;

use crate::resident::resident_kib;
use crate::usage::CpuTime;

/// Resource use of the server.
#[derive(Clone)]
pub(crate) struct Spent {
    cpu: Option<CpuTime>,
    resident_kib: u64,
}

impl Spent {
    pub(crate) fn of(pid: u32) -> Self {
        Self { cpu: CpuTime::of(pid), resident_kib: resident_kib(pid).unwrap_or(0) }
    }

    fn cpu_since(&self, before: &Self) -> Duration {
        match (&self.cpu, &before.cpu) {
            (Some(now), Some(before)) => now.since(before),
            _ => Duration::ZERO,
        }
    }
}

/// Everything, over all revocations.
pub(crate) struct Outcome {
    subscribers: usize,
    connecting: Duration,
    connecting_cpu: Duration,
    idle_kib: u64,
    connected_kib: u64,
    resident_kib: u64,
    answered: Vec<Duration>,
    /// From the answer until one subscriber has seen it: of each subscriber and revocation.
    each: Vec<Duration>,
    /// The same until the last has seen it: of each revocation.
    all: Vec<Duration>,
    cpu: Vec<Duration>,
}

impl Outcome {
    pub(crate) fn new(subscribers: usize, connecting: Duration, idle: Spent, connected: Spent) -> Self {
        Self {
            subscribers,
            connecting,
            connecting_cpu: connected.cpu_since(&idle),
            idle_kib: idle.resident_kib,
            connected_kib: connected.resident_kib,
            resident_kib: connected.resident_kib,
            answered: Vec::new(),
            each: Vec::new(),
            all: Vec::new(),
            cpu: Vec::new(),
        }
    }

    /// A revocation: delays of its answer and of each subscriber, from the request.
    pub(crate) fn add(&mut self, answered: Duration, seen: Vec<Duration>, before: Spent, after: Spent) {
        // An event before the answer has no delay.
        let after_answer = seen.into_iter().map(|seen| seen.saturating_sub(answered)).collect::<Vec<_>>();
        self.all.push(after_answer.iter().max().copied().unwrap_or_default());
        self.each.extend(after_answer);
        self.answered.push(answered);
        self.cpu.push(after.cpu_since(&before));
        self.resident_kib = after.resident_kib;
    }

    pub(crate) fn to_json(&self) -> String {
        let of = |values: &[Duration]| {
            let [median, p99, most] = percentiles(values).map(millis);
            json!({ "p50_ms": median, "p99_ms": p99, "max_ms": most })
        };
        let report = json!({
            "subscribers": self.subscribers, "revocations": self.all.len(),
            "connecting_s": self.connecting.as_secs_f64(), "connecting_server_cpu_s": self.connecting_cpu.as_secs_f64(),
            "answered": of(&self.answered), "seen_by_each": of(&self.each), "seen_by_all": of(&self.all),
            "server_cpu": of(&self.cpu), "server_idle_kib": self.idle_kib, "server_connected_kib": self.connected_kib,
            "server_resident_kib": self.resident_kib,
        });
        report.to_string()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subscribers, connecting, connecting_cpu, .. } = self;
        writeln!(
            f,
            "{subscribers} subscribers connected in {connecting:.1?}, {connecting_cpu:.1?} of the server's CPU"
        )?;
        let lines = [
            ("revocation answered", &self.answered),
            ("answered -> seen by each", &self.each),
            ("answered -> seen by all", &self.all),
            ("server CPU per revocation", &self.cpu),
        ];
        writeln!(
            f,
            "{:<28}{:>12}{:>12}{:>12}",
            format!("{} revocations", self.all.len()),
            "median",
            "p99",
            "max"
        )?;
        for (name, values) in lines {
            let [median, p99, most] = percentiles(values).map(|value| format!("{:.1} ms", millis(value)));
            writeln!(f, "{name:<28}{median:>12}{p99:>12}{most:>12}")?;
        }
        let mib = |kib: u64| kib as f64 / 1024.0;
        let grown = self.resident_kib.saturating_sub(self.idle_kib) as f64;
        write!(
            f,
            "server resident: {:.0} MiB before, {:.0} MiB connected, {:.0} MiB at the end ({:.1} KiB a subscriber)",
            mib(self.idle_kib),
            mib(self.connected_kib),
            mib(self.resident_kib),
            grown / (*subscribers).max(1) as f64
        )
    }
}

/// Median, 99th percentile, maximum.
fn percentiles(values: &[Duration]) -> [Duration; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let at = |part: f64| {
        let place = (sorted.len() as f64 * part).ceil() as usize;
        sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
    };
    [at(0.5), at(0.99), at(1.0)]
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}
