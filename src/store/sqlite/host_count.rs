//! The number of hosts that hold a slot, kept in memory by the writer: exact, without a row that each enrollment changes.

use super::driver::{self, Sql, params};
use crate::clock::Timestamp;

/// Counts the hosts whose certificate ends after `?1`, without the revoked ones. The sum keeps SQLite to the small index of revoked hosts.
pub(in crate::store::sqlite) const LOAD: &str = "SELECT (SELECT count(*) FROM hosts WHERE ends_at > ?1) \
     - (SELECT count(*) FROM hosts WHERE revoked_at IS NOT NULL AND ends_at + 0 > ?1)";
const LAPSES: &str = "SELECT count(*) FROM hosts WHERE revoked_at IS NULL AND ends_at > ?1 AND ends_at <= ?2";

/// The number of hosts that hold a slot at a moment: those that are not revoked, with a newest certificate that has not expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostCount {
    pub(super) enrolled: u64,
    /// A whole second, as the ends of certificates are.
    at: Timestamp,
}

impl HostCount {
    /// Counts the hosts at `now`.
    pub(super) fn load(sql: Sql<'_>, now: Timestamp) -> driver::Result<Self> {
        let at = now.whole_second();
        let enrolled = sql.one(LOAD, [at], |row| row.get(0))?.unwrap_or(0);
        Ok(Self { enrolled, at })
    }

    /// The count at `now`. Time may also go back, when an operator accepts a clock.
    pub(super) fn at(self, sql: Sql<'_>, now: Timestamp) -> driver::Result<Self> {
        let at = now.whole_second();
        let lapses =
            |from, to| sql.one(LAPSES, params![from, to], |row| row.get(0)).map(|found| found.unwrap_or(0));
        let enrolled = match at.cmp(&self.at) {
            std::cmp::Ordering::Equal => self.enrolled,
            std::cmp::Ordering::Greater => self.enrolled.saturating_sub(lapses(self.at, at)?),
            std::cmp::Ordering::Less => self.enrolled + lapses(at, self.at)?,
        };
        Ok(Self { enrolled, at })
    }

    /// Returns whether a host that is not revoked holds a slot with a certificate that ends at `end`.
    pub(super) fn holds(&self, end: Timestamp) -> bool {
        end > self.at
    }

    /// Counts a host whose certificate ends at `end`.
    pub(super) fn add(&mut self, end: Timestamp) {
        self.enrolled += u64::from(self.holds(end));
    }

    /// No longer counts a host whose certificate ends at `end`.
    pub(super) fn remove(&mut self, end: Timestamp) {
        self.enrolled = self.enrolled.saturating_sub(u64::from(self.holds(end)));
    }
}
