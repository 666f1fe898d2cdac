//! Reads of the ledger.

use crate::clock::Timestamp;
use crate::id::ChainId;
use crate::ledger::{ChainHead, EntryRecord, Origin};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::{self, Row, Sql, params};
use crate::store::sqlite::value::{IpText, damaged};
use crate::store::{LedgerReads, StoreFuture};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT chain, seq, at, actor, address, request, action, token, host, outcome, reason, bytes, hash \
             FROM ledger ",
            $rest
        )
    };
}

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
    let text = select!("WHERE chain = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3");
    sql.all(text, params![chain, seq, limit], entry)
}

/// Lists the entries of the current chain, newest first.
pub(in crate::store::sqlite) const NEWEST: &str =
    select!("WHERE chain = (SELECT chain FROM meta) AND seq < ?1 ORDER BY seq DESC LIMIT ?2");

/// One statement sees one moment: the head moves with each entry.
pub(in crate::store::sqlite) const PAST_HEAD: &str = "SELECT l.seq, m.head_seq FROM meta AS m JOIN ledger AS l \
     ON l.chain = m.chain AND l.seq > m.head_seq ORDER BY l.seq DESC LIMIT 1";

fn newest_entries(sql: Sql<'_>, before: Option<u64>, limit: u32) -> driver::Result<Vec<EntryRecord>> {
    // No entry has the greatest number.
    let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
    sql.all(NEWEST, params![before, limit], entry)
}

impl LedgerReads for SqliteStore {
    fn newest_entries(&self, before: Option<u64>, limit: u32) -> StoreFuture<'_, Vec<EntryRecord>> {
        self.list(move |sql| newest_entries(sql, before, limit))
    }

    fn entries_after(&self, chain: ChainId, seq: u64, limit: u32) -> StoreFuture<'_, Vec<EntryRecord>> {
        self.list(move |sql| entries_after(sql, chain, seq, limit))
    }

    fn chain_head(&self) -> StoreFuture<'_, ChainHead> {
        self.point(chain_head)
    }

    fn past_head(&self) -> StoreFuture<'_, Option<(u64, u64)>> {
        self.point(|sql| sql.one(PAST_HEAD, [], |row| Ok((row.get(0)?, row.get(1)?))))
    }
}
