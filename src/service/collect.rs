//! Collection: what has expired goes, a bounded number of rows at a time, and never while the clock is in doubt.

use super::{Authority, ServiceError};
use crate::store::{Collect, Collected};

/// How many rows of each kind go in one transaction: few enough that redemptions do not wait behind it.
const AT_ONCE: u32 = 500;

impl Authority {
    /// Deletes what has expired. For a timer.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be written.
    pub async fn collect(&self) -> Result<Collected, ServiceError> {
        // What was used a moment ago must not be taken for idle.
        self.write_seen_sessions().await?;
        let mut all = Collected::default();
        loop {
            let command = Collect {
                now: self.time.trusted()?,
                retention: self.spans().retention,
                host_retention: self.settings.host_retention,
                session_idle: self.settings.sessions.idle,
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
        more: false,
    }
}
