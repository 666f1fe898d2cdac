//! The hourly counters of a commit: one write for each hour and kind, whatever the number of entries.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Execution;
use crate::ledger::Draft;
use crate::store::sqlite::driver::{self, Sql, params};
use crate::store::{COUNTERS_KEPT, Collect, Collected, Counter};

/// Adds the entries of a commit to the counters.
pub(in crate::store::sqlite) fn count(sql: Sql<'_>, entries: &[Arc<Draft>]) -> driver::Result<()> {
    let mut sums = BTreeMap::<_, u64>::new();
    for Counter { begin_at, kind, number } in entries.iter().filter_map(|entry| Counter::of(entry)) {
        let sum = sums.entry((begin_at, kind)).or_default();
        *sum = sum.saturating_add(number);
    }
    let text = "INSERT INTO hourly_counters (begin_at, kind, number) VALUES (?1, ?2, ?3) \
                ON CONFLICT (begin_at, kind) DO UPDATE SET number = hourly_counters.number + excluded.number";
    for ((begin_at, kind), number) in sums {
        sql.execute(text, params![begin_at, kind, number])?;
    }
    Ok(())
}

impl Execution<'_> {
    /// Deletes old counters. They have no entry: a number of them says nothing about the authority.
    pub(super) fn collect_counters(&self, command: &Collect, done: &mut Collected) -> driver::Result<()> {
        let text = "DELETE FROM hourly_counters WHERE (begin_at, kind) IN ( \
                    SELECT begin_at, kind FROM hourly_counters WHERE begin_at <= ?1 LIMIT ?2)";
        let deleted = self.execute(text, params![command.now.minus(COUNTERS_KEPT), command.most])?;
        super::collect::count(deleted, command, &mut done.more);
        Ok(())
    }
}
