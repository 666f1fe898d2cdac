//! Reads of the ledger.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::ChainId;
use crate::ledger::{Action, ChainHead, EntryRecord, Origin, Outcome};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::{self, Row, Sql, params};
use crate::store::sqlite::read::list_statement::{ListStatement, Tables};
use crate::store::sqlite::value::{IpText, Millis, damaged};
use crate::store::{Counter, EntryFilter, LedgerReads, Page, PageQuery, StoreFuture};

const COLUMNS: &str = "l.chain, l.seq, l.at, l.actor, l.address, l.request, l.action, l.token, l.host, l.outcome, \
                       l.reason, l.bytes, l.hash";

const LEDGER: Tables = Tables { all: "ledger AS l", walked: "ledger AS l", id: "l.seq", join: "" };

fn entry(row: &Row<'_>) -> driver::Result<EntryRecord> {
    Ok(EntryRecord {
        chain: row.get(0)?,
        seq: row.get(1)?,
        origin: Origin {
            at: row.get(2)?,
            actor: row.get(3)?,
            address: row.get::<_, Option<IpText>>(4)?.map(|address| address.0),
            request: row.get(5)?,
        },
        action: row.get(6)?,
        token: row.get(7)?,
        host: row.get(8)?,
        outcome: row.get(9)?,
        reason: row.get(10)?,
        bytes: row.get(11)?,
        hash: row.get(12)?,
    })
}

/// Returns the current chain with its last entry, which the writer keeps beside the entries.
pub(in crate::store::sqlite) fn chain_head(sql: Sql<'_>) -> driver::Result<ChainHead> {
    head_and_mark(sql).map(|(head, _)| head)
}

/// Returns the head of the chain and the clock mark.
pub(in crate::store::sqlite) fn head_and_mark(
    sql: Sql<'_>,
) -> driver::Result<(ChainHead, Option<Timestamp>)> {
    let text = "SELECT chain, head_seq, head_hash, clock_mark FROM meta WHERE single = 1";
    let meta = sql.one(text, [], |row| {
        let head = ChainHead { chain: row.get(0)?, seq: row.get(1)?, hash: row.get(2)? };
        Ok((head, row.get(3)?))
    })?;
    meta.ok_or_else(|| damaged("the database has no ledger chain"))
}

pub(in crate::store::sqlite) fn entries_after(
    sql: Sql<'_>,
    chain: ChainId,
    seq: u64,
    limit: u32,
) -> driver::Result<Vec<EntryRecord>> {
    let text = format!(
        "SELECT {COLUMNS} FROM ledger AS l WHERE l.chain = ?1 AND l.seq > ?2 ORDER BY l.seq LIMIT ?3"
    );
    sql.all(&text, params![chain, seq, limit], entry)
}

/// Selects the entries of a list, before `before`. They are walked by number: an index for each condition would slow down
/// every act.
pub(in crate::store::sqlite) fn select(filter: &EntryFilter, before: Option<u64>) -> ListStatement {
    let EntryFilter { after, actor, action, outcome, token, host, since, until } = filter;
    // No entry has the greatest number.
    let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
    let mut list = ListStatement::new(COLUMNS, LEDGER, before);
    list.walk(LEDGER, Some("l.chain = (SELECT chain FROM meta)"));
    if let Some(after) = after {
        let after = list.bind(i64::try_from(*after).unwrap_or(i64::MAX));
        list.walk(LEDGER, Some(&format!("l.seq > {after}")));
    }
    list.equal("l.actor", actor.clone());
    list.equal("l.action", action.map(Action::as_str));
    list.equal("l.outcome", outcome.map(Outcome::as_str));
    list.equal("l.token", *token);
    list.equal("l.host", *host);
    for (moment, compared) in [(since, "l.at >="), (until, "l.at <")] {
        if let Some(moment) = moment {
            let moment = list.bind(*moment);
            list.only(&format!("{compared} {moment}"));
        }
    }
    list
}

/// One statement sees one moment: the head moves with each entry.
pub(in crate::store::sqlite) const PAST_HEAD: &str = "SELECT l.seq, m.head_seq FROM meta AS m JOIN ledger AS l \
     ON l.chain = m.chain AND l.seq > m.head_seq ORDER BY l.seq DESC LIMIT 1";

/// The sum is cast: a sum of integers is no integer in PostgreSQL.
pub(in crate::store::sqlite) const COUNTERS: &str = "SELECT begin_at - begin_at % ?2 AS begin, kind, CAST(sum(number) AS BIGINT) \
     FROM hourly_counters WHERE begin_at >= ?1 GROUP BY begin_at - begin_at % ?2, kind ORDER BY begin, kind";

impl LedgerReads for SqliteStore {
    fn list_entries(
        &self,
        filter: EntryFilter,
        query: PageQuery<u64>,
    ) -> StoreFuture<'_, Page<EntryRecord, u64>> {
        self.list(move |sql| select(&filter, query.after).page_by_id(sql, &query, entry, |entry| entry.seq))
    }

    fn entries_after(&self, chain: ChainId, seq: u64, limit: u32) -> StoreFuture<'_, Vec<EntryRecord>> {
        self.list(move |sql| entries_after(sql, chain, seq, limit))
    }

    fn chain_head(&self) -> StoreFuture<'_, ChainHead> {
        self.point(chain_head)
    }

    fn counters(&self, since: Timestamp, span: Duration) -> StoreFuture<'_, Vec<Counter>> {
        let read =
            |row: &Row<'_>| Ok(Counter { begin_at: row.get(0)?, kind: row.get(1)?, number: row.get(2)? });
        self.list(move |sql| sql.all(COUNTERS, params![since, Millis(span)], read))
    }

    fn past_head(&self) -> StoreFuture<'_, Option<(u64, u64)>> {
        self.point(|sql| sql.one(PAST_HEAD, [], |row| Ok((row.get(0)?, row.get(1)?))))
    }
}
