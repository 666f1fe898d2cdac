//! The reads of a start.

use super::driver::{self, FromSql, Sql, params};
use crate::clock::Timestamp;
use crate::id::{ChainId, ListId};
use crate::store::Revocations;
use crate::store::revocations::{Change, PAGE_BYTES};

/// Gives a new database its ledger chain.
pub(super) fn begin_chain(sql: Sql<'_>, now: Timestamp) -> driver::Result<()> {
    let text =
        "INSERT INTO meta (single, chain, head_seq, head_hash) VALUES (1, ?1, 0, ?2) ON CONFLICT DO NOTHING";
    sql.execute(text, params![ChainId::generate(now), [0_u8; 32]]).map(drop)
}

/// Builds the revocations in memory. No token is read: a list of a million takes 256 KiB at most.
pub(super) fn revocations(sql: Sql<'_>) -> driver::Result<Revocations> {
    let revocations = Revocations::default();
    let lists: Vec<ListId> = ids(sql, "SELECT list FROM status_lists")?;
    let hosts = ids(sql, "SELECT host FROM hosts WHERE revoked_at IS NOT NULL")?;
    let certificates = ids(sql, "SELECT serial FROM revoked_certificates")?;
    let changes = lists.iter().copied().map(Change::ListOpened);
    let changes = changes.chain(hosts.into_iter().map(Change::HostRevoked));
    let changes = changes.chain(certificates.into_iter().map(Change::CertificateRevoked));
    revocations.apply(&changes.collect::<Vec<_>>());
    for list in lists {
        let pages = sql.all("SELECT page, bits FROM status_pages WHERE list = ?1", [list], |page| {
            Ok((page.get(0)?, page.get::<_, [u8; PAGE_BYTES]>(1)?))
        })?;
        pages.iter().for_each(|(page, bits)| revocations.load_page(list, *page, bits));
    }
    Ok(revocations)
}

fn ids<Id: FromSql>(sql: Sql<'_>, text: &str) -> driver::Result<Vec<Id>> {
    sql.all(text, [], |row| row.get(0))
}
