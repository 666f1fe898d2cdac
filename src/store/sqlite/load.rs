//! The reads of a start.

use super::driver::{self, FromSql, Sql, params};
use crate::clock::Timestamp;
use crate::id::ChainId;
use crate::store::revocations::StoredRevocations;

/// Gives a new database its ledger chain.
pub(super) fn begin_chain(sql: Sql<'_>, now: Timestamp) -> driver::Result<()> {
    let text =
        "INSERT INTO meta (single, chain, head_seq, head_hash) VALUES (1, ?1, 0, ?2) ON CONFLICT DO NOTHING";
    sql.execute(text, params![ChainId::generate(now), [0_u8; 32]]).map(drop)
}

/// Reads every revocation. No token is read: a list of a million takes 256 KiB at most.
pub(super) fn revocations(sql: Sql<'_>) -> driver::Result<StoredRevocations> {
    Ok(StoredRevocations {
        lists: ids(sql, "SELECT list FROM status_lists")?,
        pages: sql.all("SELECT list, page, bits FROM status_pages", [], |page| {
            Ok((page.get(0)?, page.get(1)?, page.get(2)?))
        })?,
        hosts: ids(sql, "SELECT host FROM hosts WHERE revoked_at IS NOT NULL")?,
        certificates: ids(sql, "SELECT serial FROM revoked_certificates")?,
    })
}

fn ids<Id: FromSql>(sql: Sql<'_>, text: &str) -> driver::Result<Vec<Id>> {
    sql.all(text, [], |row| row.get(0))
}
