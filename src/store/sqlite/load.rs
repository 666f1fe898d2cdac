//! What is read once, when the database is opened.

use rusqlite::{Connection, params};

use crate::clock::Timestamp;
use crate::id::{ChainId, HostId, ListId, Serial};
use crate::store::Revocations;
use crate::store::revocations::{Change, PAGE_BYTES};

/// Gives a new database its ledger chain.
pub(super) fn begin_chain(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "INSERT INTO meta (single, chain, head_seq, head_hash) SELECT 1, ?1, 0, ?2 \
               WHERE NOT EXISTS (SELECT 1 FROM meta)";
    connection.execute(sql, params![ChainId::generate(now), [0_u8; 32]]).map(drop)
}

/// Builds what memory knows of revocations. It reads no token: a list of a million takes 256 KiB at most.
pub(super) fn revocations(connection: &Connection) -> rusqlite::Result<Revocations> {
    let revocations = Revocations::default();
    let mut changes =
        rows(connection, "SELECT list FROM status_lists", |list: ListId| Change::ListOpened(list))?;
    let hosts = "SELECT host FROM hosts WHERE revoked_at IS NOT NULL";
    changes.extend(rows(connection, hosts, |host: HostId| Change::HostRevoked(host))?);
    let certificates = "SELECT serial FROM revoked_certificates";
    changes.extend(rows(connection, certificates, |serial: Serial| Change::CertificateRevoked(serial))?);
    revocations.apply(&changes);
    let mut statement = connection.prepare("SELECT list, page, bits FROM status_pages")?;
    let mut pages = statement.query([])?;
    while let Some(page) = pages.next()? {
        revocations.load_page(page.get(0)?, page.get(1)?, &page.get::<_, [u8; PAGE_BYTES]>(2)?);
    }
    Ok(revocations)
}

fn rows<T: rusqlite::types::FromSql>(
    connection: &Connection,
    sql: &str,
    change: impl Fn(T) -> Change,
) -> rusqlite::Result<Vec<Change>> {
    connection.prepare(sql)?.query_map([], |row| row.get(0).map(&change))?.collect()
}
