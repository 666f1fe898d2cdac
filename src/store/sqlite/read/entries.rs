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
    sql.all(&format!("SELECT {COLUMNS} {AFTER}"), params![chain, seq, limit], entry)
}

/// Chains follow each other in the order of their ids, and their numbers go on.
pub(in crate::store::sqlite) const AFTER: &str =
    "FROM ledger AS l WHERE (l.chain, l.seq) > (?1, ?2) ORDER BY l.chain, l.seq LIMIT ?3";

pub(in crate::store::sqlite) const CHAIN_BEFORE: &str =
    "SELECT chain FROM ledger WHERE chain < ?1 ORDER BY chain DESC LIMIT 1";

/// Returns the chain that the restore continued from which `chain` began.
fn chain_before(sql: Sql<'_>, chain: ChainId) -> driver::Result<Option<ChainId>> {
    sql.one(CHAIN_BEFORE, [chain], |row| row.get(0))
}

/// Returns the chain of the entry after `seq`, or the current one without such an entry. There are few chains.
fn chain_after(sql: Sql<'_>, seq: u64) -> driver::Result<ChainId> {
    let mut chain = chain_head(sql)?.chain;
    loop {
        let text = "SELECT seq FROM ledger WHERE chain = ?1 ORDER BY seq LIMIT 1";
        let first: Option<u64> = sql.one(text, [chain], |row| row.get(0))?;
        let begins_later = first.is_none_or(|first| first > seq.saturating_add(1));
        match begins_later.then(|| chain_before(sql, chain)).transpose()?.flatten() {
            Some(before) => chain = before,
            None => return Ok(chain),
        }
    }
}

/// Reads a page of a list, from the current chain back to the first one.
fn page(
    sql: Sql<'_>,
    filter: &EntryFilter,
    query: &PageQuery<u64>,
) -> driver::Result<Page<EntryRecord, u64>> {
    let mut walked = Some(chain_head(sql)?.chain);
    let mut page: Page<EntryRecord, u64> = Page { items: Vec::new(), next: None };
    while let Some(chain) = walked {
        let room = query.limit.saturating_sub(u32::try_from(page.items.len()).unwrap_or(u32::MAX));
        if room == 0 {
            page.next = page.items.last().map(|last| last.seq);
            break;
        }
        let query = PageQuery { limit: room, ..*query };
        let more = select(filter, chain, query.after).page_by_id(sql, &query, entry, |entry| entry.seq)?;
        page.items.extend(more.items);
        page.next = more.next;
        walked = page.next.is_none().then(|| chain_before(sql, chain)).transpose()?.flatten();
    }
    Ok(page)
}

/// Selects the entries of a chain for a list, before `before`. They are walked by number: an index for each condition would
/// slow down every act.
pub(in crate::store::sqlite) fn select(
    filter: &EntryFilter,
    chain: ChainId,
    before: Option<u64>,
) -> ListStatement {
    let EntryFilter { after, actor, action, outcome, token, host, since, until } = filter;
    // No entry has the greatest number.
    let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
    let mut list = ListStatement::new(COLUMNS, LEDGER, before);
    let chain = list.bind(chain);
    list.walk(LEDGER, Some(&format!("l.chain = {chain}")));
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
     ON l.chain > m.chain OR (l.chain = m.chain AND l.seq > m.head_seq) ORDER BY l.chain DESC, l.seq DESC LIMIT 1";

/// The sum is cast: a sum of integers is no integer in PostgreSQL.
pub(in crate::store::sqlite) const COUNTERS: &str = "SELECT begin_at - begin_at % ?2 AS begin, kind, CAST(sum(number) AS BIGINT) \
     FROM hourly_counters WHERE begin_at >= ?1 GROUP BY begin_at - begin_at % ?2, kind ORDER BY begin, kind";

impl LedgerReads for SqliteStore {
    fn list_entries(
        &self,
        filter: EntryFilter,
        query: PageQuery<u64>,
    ) -> StoreFuture<'_, Page<EntryRecord, u64>> {
        self.list(move |sql| page(sql, &filter, &query))
    }

    fn entries_after(&self, chain: ChainId, seq: u64, limit: u32) -> StoreFuture<'_, Vec<EntryRecord>> {
        self.list(move |sql| entries_after(sql, chain, seq, limit))
    }

    fn chain_head(&self) -> StoreFuture<'_, ChainHead> {
        self.point(chain_head)
    }

    fn chain_after(&self, seq: u64) -> StoreFuture<'_, ChainId> {
        self.point(move |sql| chain_after(sql, seq))
    }

    fn knows_chain(&self, chain: ChainId) -> StoreFuture<'_, bool> {
        self.point(move |sql| {
            let text = "SELECT 1 FROM ledger WHERE chain = ?1 LIMIT 1";
            let entry: Option<i64> = sql.one(text, [chain], |row| row.get(0))?;
            Ok(entry.is_some() || chain_head(sql)?.chain == chain)
        })
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
