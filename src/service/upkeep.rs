//! The work of the timers: deletion of expired rows, due revocations, and writing the records that memory gathers.

use std::sync::Arc;
use std::time::Duration;

use super::ServiceError;
use super::accounts::unwritten::UnwrittenUses;
use super::base::Base;
use super::capacity::FleetCapacity;
use super::ledger_mark::MarkKeeper;
use super::outputs::keys::OutputKeys;
use super::refusals::Refusals;
use super::settings::LiveSpans;
use super::tokens::due::DueRevocations;
use super::tokens::indexes::Indexes;
use crate::access::throttle::Throttles;
use crate::admission::Capacity;
use crate::store::{AppendEntries, Collect, Collected, HostState, MarkClock};

/// Rows of each kind that one transaction deletes: few, so that redemptions do not wait long.
const AT_ONCE: u32 = 500;

/// The use cases of the timers.
pub struct Upkeep {
    pub(super) base: Base,
    pub(super) spans: Arc<LiveSpans>,
    pub(super) indexes: Arc<Indexes>,
    pub(super) unwritten: Arc<UnwrittenUses>,
    pub(super) refusals: Arc<Refusals>,
    pub(super) throttles: Arc<Throttles>,
    /// Revoking due tokens.
    pub due: Arc<DueRevocations>,
    pub(super) capacity: Arc<FleetCapacity>,
    pub(super) output_keys: Arc<OutputKeys>,
    pub(super) mark: Arc<MarkKeeper>,
    pub(super) host_retention: Duration,
    pub(super) session_idle: Duration,
    pub(super) address_retention: Duration,
}

impl Upkeep {
    /// Deletes expired rows, a bounded number at a time, and never while the clock is in doubt.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be written.
    pub async fn collect(&self) -> Result<Collected, ServiceError> {
        // A session that was just used must not count as idle.
        self.unwritten.write().await?;
        let mut all = Collected::default();
        loop {
            let command = Collect {
                now: self.base.time.trusted()?,
                retention: self.spans.load().retention,
                host_retention: self.host_retention,
                session_idle: self.session_idle,
                address_retention: self.address_retention,
                most: AT_ONCE,
                open: self.indexes.open().await,
            };
            let collected = self.base.store.collect(command).await?;
            all = sum(all, collected);
            if !collected.more {
                return Ok(all);
            }
        }
    }

    /// Writes the entries about refusals that are due. Call it once a second.
    ///
    /// # Errors
    /// The store cannot be written. The due entries are lost: refusals change nothing.
    pub async fn write_refusals(&self) -> Result<(), ServiceError> {
        let Ok(now) = self.base.time.trusted() else { return Ok(()) };
        let entries = self.refusals.due(now);
        if !entries.is_empty() {
            self.base.store.append_entries(AppendEntries { entries }).await?;
        }
        Ok(())
    }

    /// Writes the latest uses of API keys and sessions, and the last contacts of hosts.
    ///
    /// # Errors
    /// The store cannot be written; the next call tries it again.
    pub async fn write_uses(&self) -> Result<(), ServiceError> {
        self.unwritten.write().await
    }

    /// Stores the mark of the clock for the next start.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be written.
    pub async fn mark_clock(&self) -> Result<(), ServiceError> {
        let at = self.base.time.trusted()?;
        Ok(self.base.store.mark_clock(MarkClock { at }).await?)
    }

    /// Writes the mark of the newest entry of the ledger beside the keys.
    ///
    /// # Errors
    /// The store cannot be read, or the file cannot be written. Readiness shows the reason.
    pub async fn write_ledger_mark(&self) -> Result<(), ServiceError> {
        self.mark.write().await
    }

    /// Looks whether the store can be written, so that readiness changes without a request.
    ///
    /// # Errors
    /// Writes fail.
    pub async fn probe_store(&self) -> Result<(), ServiceError> {
        Ok(self.base.store.probe().await?)
    }

    /// Measures hosts and tokens by state, for the metrics. A scrape must not count rows: anyone may ask for one.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn measure_states(&self) -> Result<(), ServiceError> {
        let (store, now) = (&self.base.store, self.base.time.now());
        let mut overdue = 0;
        for (state, number) in store.count_hosts(now).await? {
            metrics::gauge!("gatepass_hosts", "state" => <&'static str>::from(state)).set(number as f64);
            overdue += if matches!(state, HostState::Expiring | HostState::Lapsed) { number } else { 0 };
        }
        metrics::gauge!("gatepass_hosts_overdue").set(overdue as f64);
        let Capacity { node_limit, enrolled } = self.capacity.show().await?;
        metrics::gauge!("gatepass_hosts_enrolled").set(enrolled as f64);
        let waiting = store.waiting(now).await?;
        let oldest = waiting.oldest.map_or(0.0, |at| now.since(at).as_secs_f64());
        metrics::gauge!("gatepass_enrollments_waiting").set(waiting.count as f64);
        metrics::gauge!("gatepass_enrollments_oldest_waiting_seconds").set(oldest);
        metrics::gauge!("gatepass_node_limit").set(f64::from(node_limit.unwrap_or(0)));
        for (state, number) in store.count_tokens(now).await? {
            metrics::gauge!("gatepass_tokens", "state" => state.as_str()).set(number as f64);
        }
        let expiring = store.count_expiring_tokens(now).await?;
        metrics::gauge!("gatepass_tokens_expiring_soon").set(expiring as f64);
        self.output_keys.measure().await
    }

    /// Forgets full buckets of the rate limits.
    pub fn sweep_limits(&self) {
        self.throttles.sweep();
    }
}

const fn sum(one: Collected, other: Collected) -> Collected {
    Collected {
        tokens: one.tokens + other.tokens,
        pairs: one.pairs + other.pairs,
        hosts: one.hosts + other.hosts,
        certificates: one.certificates + other.certificates,
        lists: one.lists + other.lists,
        enrollments: one.enrollments + other.enrollments,
        sessions: one.sessions + other.sessions,
        api_keys: one.api_keys + other.api_keys,
        known_addresses: one.known_addresses + other.known_addresses,
        idempotency_keys: one.idempotency_keys + other.idempotency_keys,
        more: false,
    }
}
