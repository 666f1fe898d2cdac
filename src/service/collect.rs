//! Collection: expired rows are deleted, a bounded number at a time, and never while the clock is in doubt.

use std::sync::Arc;
use std::time::Duration;

use super::accounts::unwritten::UnwrittenUses;
use super::settings::LiveSpans;
use super::tokens::indexes::Indexes;
use super::{ServiceError, TimeKeeper};
use crate::store::{Collect, Collected, Store};

/// Rows of each kind that one transaction deletes: few, so that redemptions do not wait long.
const AT_ONCE: u32 = 500;

/// The use case of deleting expired rows.
pub struct Collection {
    pub(super) store: Arc<dyn Store>,
    pub(super) time: Arc<TimeKeeper>,
    pub(super) spans: Arc<LiveSpans>,
    pub(super) indexes: Arc<Indexes>,
    pub(super) unwritten: Arc<UnwrittenUses>,
    pub(super) host_retention: Duration,
    pub(super) session_idle: Duration,
    pub(super) address_retention: Duration,
}

impl Collection {
    /// Deletes expired rows. For a timer.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be written.
    pub async fn run(&self) -> Result<Collected, ServiceError> {
        // A session that was just used must not count as idle.
        self.unwritten.write(self.store.as_ref()).await?;
        let mut all = Collected::default();
        loop {
            let command = Collect {
                now: self.time.trusted()?,
                retention: self.spans.load().retention,
                host_retention: self.host_retention,
                session_idle: self.session_idle,
                address_retention: self.address_retention,
                most: AT_ONCE,
                open: self.indexes.open().await,
            };
            let collected = self.store.collect(command).await?;
            all = sum(all, collected);
            if !collected.more {
                return Ok(all);
            }
        }
    }
}

const fn sum(one: Collected, other: Collected) -> Collected {
    Collected {
        tokens: one.tokens + other.tokens,
        pairs: one.pairs + other.pairs,
        hosts: one.hosts + other.hosts,
        certificates: one.certificates + other.certificates,
        lists: one.lists + other.lists,
        sessions: one.sessions + other.sessions,
        api_keys: one.api_keys + other.api_keys,
        known_addresses: one.known_addresses + other.known_addresses,
        more: false,
    }
}
