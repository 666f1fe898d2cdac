//! Sending a plan on a schedule, and counting what came of it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::arguments::Rate;
use crate::error::LoadError;
use crate::pace::Schedule;
use crate::plan::{Plan, Shot};
use crate::wire::{Answer, Connection, Place};

/// Latencies are kept in microseconds, up to a minute, to three digits.
const LONGEST: u64 = 60_000_000;

/// The results of a run.
pub(crate) struct Tally {
    /// From the intended start to the last byte of the answer, in microseconds; what was never sent counts as long as it
    /// waited.
    pub(crate) latencies: Histogram<u64>,
    /// Number of answers, including failures.
    pub(crate) answers: u64,
    /// Failures, by status and code, and broken connections.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Requests that never had a turn, because the server was too slow for the rate.
    pub(crate) unsent: u64,
    /// Body size of a successful answer, in bytes.
    pub(crate) body: usize,
    /// From the start to the last answer.
    pub(crate) elapsed: Duration,
}

impl Tally {
    fn new() -> Result<Self, LoadError> {
        let latencies = Histogram::new_with_bounds(1, LONGEST, 3);
        let latencies = latencies.map_err(|error| LoadError::Usage(error.to_string()))?;
        let (answers, unsent, body, elapsed) = (0, 0, 0, Duration::ZERO);
        Ok(Self { latencies, answers, errors: BTreeMap::new(), unsent, body, elapsed })
    }

    fn record(&mut self, latency: Duration) {
        self.latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LONGEST));
    }

    fn error(&mut self, what: String) {
        *self.errors.entry(what).or_default() += 1;
    }

    fn answered(&mut self, answer: &Answer) {
        self.answers += 1;
        match answer.status {
            200..=299 => self.body = answer.body.len(),
            status => self.error(format!("{status} {}", code(&answer.body)).trim().to_owned()),
        }
    }

    fn merge(&mut self, other: Self) -> Result<(), LoadError> {
        self.latencies.add(other.latencies).map_err(|error| LoadError::Usage(error.to_string()))?;
        self.answers += other.answers;
        other.errors.into_iter().for_each(|(what, count)| *self.errors.entry(what).or_default() += count);
        self.body = self.body.max(other.body);
        self.elapsed = self.elapsed.max(other.elapsed);
        Ok(())
    }
}

/// The code of a problem (RFC 9457), if the body is one.
pub(crate) fn code(body: &[u8]) -> String {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = problem["code"].as_str().or_else(|| problem["error"].as_str());
    code.unwrap_or_default().to_owned()
}

/// Connections that are open before the clock starts.
pub(crate) struct Ready {
    place: Place,
    plan: Arc<Plan>,
    connections: Vec<Option<Connection>>,
}

impl Ready {
    /// Opens the kept connections of `plan`.
    pub(crate) async fn open(place: &Place, plan: Plan, connections: usize) -> Result<Self, LoadError> {
        let plan = Arc::new(plan);
        let mut opening = JoinSet::new();
        for number in 0..connections {
            let (place, plan) = (place.clone(), Arc::clone(&plan));
            opening.spawn(async move {
                if plan.fresh { Ok(None) } else { Connection::open(&place, plan.tls(number)).await.map(Some) }
            });
        }
        let opened = opening.join_all().await.into_iter().collect::<io::Result<_>>();
        let connections = opened.map_err(LoadError::io("opening the connections"))?;
        Ok(Self { place: place.clone(), plan, connections })
    }

    /// Sends at `rate` for `length`.
    pub(crate) async fn run(self, rate: Rate, length: Duration) -> Result<(Tally, Arc<Plan>), LoadError> {
        let schedule = Schedule::begin(rate, length, self.connections.len());
        let mut workers = JoinSet::new();
        for (number, connection) in self.connections.into_iter().enumerate() {
            let worker = Worker {
                place: self.place.clone(),
                plan: Arc::clone(&self.plan),
                schedule: Arc::clone(&schedule),
                connection,
                number,
                tally: Tally::new()?,
            };
            workers.spawn(worker.run());
        }
        let mut all = Tally::new()?;
        for tally in workers.join_all().await {
            all.merge(tally)?;
        }
        for waited in schedule.unsent() {
            all.unsent += 1;
            all.record(waited);
        }
        Ok((all, self.plan))
    }
}

/// One connection's worth of requests.
struct Worker {
    place: Place,
    plan: Arc<Plan>,
    schedule: Arc<Schedule>,
    connection: Option<Connection>,
    number: usize,
    tally: Tally,
}

impl Worker {
    async fn run(mut self) -> Tally {
        let plan = Arc::clone(&self.plan);
        while let Some(turn) = self.schedule.turn().await {
            let Some(shot) = plan.shot(turn.index) else { break };
            let outcome = self.send(shot).await;
            let now = Instant::now();
            self.tally.record(now.saturating_duration_since(turn.intended));
            self.tally.elapsed = now.saturating_duration_since(self.schedule.began());
            match outcome {
                Ok(answer) => self.tally.answered(&answer),
                Err(error) => self.tally.error(broken(&error)),
            }
        }
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
        self.tally
    }

    async fn send(&mut self, shot: &Shot) -> io::Result<Answer> {
        if self.plan.fresh || shot.tls.is_some() {
            let tls = shot.tls.as_ref().unwrap_or_else(|| self.plan.tls(self.number));
            let mut connection = Connection::open(&self.place, tls).await?;
            let answer = connection.exchange(&shot.request).await;
            connection.close().await;
            return answer;
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.place, self.plan.tls(self.number)).await?,
        };
        let answer = connection.exchange(&shot.request).await?;
        if !answer.closes {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

fn broken(error: &io::Error) -> String {
    format!("broken: {:?}", error.kind())
}
