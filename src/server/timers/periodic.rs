//! Periodic tasks: each timer calls one use case once in its period.

use std::sync::Arc;
use std::time::Duration;

use strum::VariantArray as _;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::{Pulse, Supervisor};
use crate::id::random;
use crate::service::ServiceError;
use crate::service::upkeep::Upkeep;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A periodic task of a running server. The metric `gatepass_timer_runs_total` counts its runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Timer {
    /// Writes the summarized refusals to the ledger.
    Refusals,
    /// Stores the latest moment of a decision.
    #[strum(serialize = "clock mark")]
    ClockMark,
    /// Writes the mark of the newest entry of the ledger beside the keys.
    #[strum(serialize = "ledger mark")]
    LedgerMark,
    /// Writes the latest uses of API keys and sessions, and the last contacts of hosts.
    Uses,
    /// Deletes expired rows.
    Collection,
    /// Revokes due tokens.
    #[strum(serialize = "due revocations")]
    DueRevocations,
    /// Forgets full buckets of the rate limits.
    #[strum(serialize = "rate limits")]
    RateLimits,
    /// Tests whether the store can be written.
    #[strum(serialize = "store probe")]
    StoreProbe,
    /// Compacts the measured values.
    Metrics,
    /// Measures hosts and tokens by state.
    States,
}

impl Timer {
    /// Its name in metrics and logs.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The time from one run to the next.
    pub(in crate::server) const fn period(self) -> Duration {
        match self {
            Self::Refusals => SECOND,
            Self::StoreProbe => Duration::from_secs(2),
            Self::DueRevocations | Self::Metrics => Duration::from_secs(5),
            Self::ClockMark | Self::LedgerMark | Self::Uses | Self::RateLimits | Self::States => MINUTE,
            // A lapsed ephemeral host is deleted within an hour, and a period can be a tenth longer.
            Self::Collection => MINUTE.saturating_mul(50),
        }
    }

    /// Runs the task. Returns whether more work is left that is to follow at once.
    async fn run(self, upkeep: &Upkeep) -> Result<bool, ServiceError> {
        match self {
            Self::Refusals => upkeep.write_refusals().await?,
            Self::ClockMark => upkeep.mark_clock().await?,
            Self::LedgerMark => upkeep.write_ledger_mark().await?,
            Self::Uses => upkeep.write_uses().await?,
            Self::Collection => collect(upkeep).await?,
            Self::DueRevocations => return revoke_due(upkeep).await,
            Self::RateLimits => upkeep.sweep_limits(),
            Self::StoreProbe => upkeep.probe_store().await?,
            Self::Metrics => crate::http::metrics::upkeep(),
            Self::States => upkeep.measure_states().await?,
        }
        Ok(false)
    }

    /// Returns when there is work before the period ends.
    async fn called(self, upkeep: &Upkeep) {
        match self {
            Self::DueRevocations => upkeep.due.more().await,
            _ => std::future::pending().await,
        }
    }
}

/// Starts every timer, each with its `period`. Each run is part of the `pulse`.
pub(in crate::server) fn start(
    timers: &Supervisor,
    upkeep: &Arc<Upkeep>,
    period: fn(Timer) -> Duration,
    pulse: &Arc<Pulse>,
) {
    for timer in Timer::VARIANTS.iter().copied() {
        let (upkeep, pulse) = (Arc::clone(upkeep), Arc::clone(pulse));
        timers.run(timer.name(), move |stop| {
            every(timer, period(timer), Arc::clone(&upkeep), Arc::clone(&pulse), stop)
        });
    }
}

async fn collect(upkeep: &Upkeep) -> Result<(), ServiceError> {
    let collected = upkeep.collect().await?;
    metrics::counter!("gatepass_collected_total").increment(collected.total());
    Ok(())
}

/// Revokes some of the due tokens. The server also calls it before it answers requests.
pub(in crate::server) async fn revoke_due(upkeep: &Upkeep) -> Result<bool, ServiceError> {
    Ok(upkeep.due.revoke().await?.more)
}

/// Runs `timer` every `period` plus or minus a tenth, until `stop`. A failure is logged once, and the next period tries
/// again.
async fn every(
    timer: Timer,
    period: Duration,
    upkeep: Arc<Upkeep>,
    pulse: Arc<Pulse>,
    stop: CancellationToken,
) {
    let name = timer.name();
    // A scrape after the start finds the states. Other work has nothing to do yet.
    let first = if matches!(timer, Timer::States) { Duration::ZERO } else { jittered(period) };
    let mut ticks = interval_at(Instant::now() + first, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The series exists before the first run, so that a timer that never runs shows as zero.
    metrics::counter!("gatepass_timer_runs_total", "timer" => name, "outcome" => "done").increment(0);
    let mut logged = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
            () = timer.called(&upkeep) => {}
        }
        let outcome = timer.run(&upkeep).await;
        pulse.ran(timer);
        metrics::counter!("gatepass_timer_runs_total", "timer" => name,
            "outcome" => if outcome.is_ok() { "done" } else { "failed" })
        .increment(1);
        if matches!(outcome, Ok(true)) {
            ticks.reset_immediately();
        }
        // A full disk must not get the same line every two seconds.
        let error = outcome.err().map(|error| error.to_string());
        if let Some(error) = error.as_ref().filter(|_| error != logged) {
            tracing::warn!(timer = name, error, "a timer failed; the next period tries again");
        }
        logged = error;
    }
}

fn jittered(period: Duration) -> Duration {
    let [byte] = random::<1>();
    period.mul_f64(0.9 + 0.2 * f64::from(byte) / 255.0)
}

#[cfg(test)]
mod tests;
