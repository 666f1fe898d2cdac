//! Reading hosts and their certificates.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::clock::Timestamp;
use crate::id::{HostId, SpkiHash, TokenId};
use crate::name::{DnsName, Role};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::act::NAME_TAKEN;
use crate::store::sqlite::read::walk;
use crate::store::sqlite::value::{Count, Json};
use crate::store::{
    Answer, CertificateRecord, HostFilter, HostRecord, Hosts, Page, PageQuery, RevokedCertificate,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT h.host, h.name, h.cluster, h.roles, h.token, h.enrolled_at, h.revoked_at, h.newest, c.key, \
             c.issued_at, c.not_after, h.newest_seen, h.previous \
             FROM hosts AS h JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest ",
            $rest
        )
    };
}

/// One host by its id.
pub(in crate::store::sqlite) const HOST_BY_ID: &str = select!("WHERE h.host = ?1");

pub(in crate::store::sqlite) fn host(row: &Row<'_>) -> rusqlite::Result<HostRecord> {
    Ok(HostRecord {
        id: row.get(0)?,
        name: row.get(1)?,
        cluster: row.get(2)?,
        roles: row.get::<_, Json<Vec<Role>>>(3)?.0,
        token: row.get(4)?,
        enrolled_at: row.get(5)?,
        revoked_at: row.get(6)?,
        newest: CertificateRecord {
            serial: row.get(7)?,
            key: row.get(8)?,
            issued_at: row.get(9)?,
            not_after: row.get(10)?,
        },
        newest_seen: row.get(11)?,
        previous: row.get(12)?,
    })
}

/// What lists hosts, newest first; those of one token (`?2`), or NULL in its place for all.
pub(in crate::store::sqlite) const fn listing(of_token: bool) -> &'static str {
    match of_token {
        true => select!("WHERE h.host < ?1 AND h.token = ?2 ORDER BY h.host DESC"),
        false => select!("WHERE h.host < ?1 AND ?2 IS NULL ORDER BY h.host DESC"),
    }
}

fn page(
    connection: &Connection,
    filter: &HostFilter,
    query: PageQuery<HostId>,
) -> rusqlite::Result<Page<HostRecord, HostId>> {
    // The greatest id there is stands for no cursor.
    let before = query.after.map_or([0xff; 16], |after| *after.as_bytes());
    let mut statement = connection.prepare_cached(listing(filter.token.is_some()))?;
    let rows = statement.query_map(params![before, filter.token], host)?;
    walk(rows, query, |host| host.id, |host| filter.shows(host))
}

fn count_live(connection: &Connection, tokens: &[TokenId]) -> rusqlite::Result<u64> {
    let mut statement =
        connection.prepare_cached("SELECT count(*) FROM hosts WHERE token = ?1 AND revoked_at IS NULL")?;
    tokens
        .iter()
        .try_fold(0, |sum, token| Ok(sum + statement.query_row([token], |row| row.get::<_, Count>(0))?.0))
}

fn revoked(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<RevokedCertificate>> {
    let sql = "SELECT serial, revoked_at, not_after, reason FROM revoked_certificates WHERE not_after > ?1 \
               ORDER BY revoked_at, serial";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([now], |row| {
        Ok(RevokedCertificate {
            serial: row.get(0)?,
            revoked_at: row.get(1)?,
            not_after: row.get(2)?,
            reason: row.get(3)?,
        })
    })?;
    rows.collect()
}

impl Hosts for SqliteStore {
    fn host(&self, id: HostId) -> Answer<'_, Option<HostRecord>> {
        Box::pin(async move {
            self.pool
                .read(|connection| connection.prepare_cached(HOST_BY_ID)?.query_row([id], host).optional())
        })
    }

    fn list_hosts(
        &self,
        filter: HostFilter,
        query: PageQuery<HostId>,
    ) -> Answer<'_, Page<HostRecord, HostId>> {
        Box::pin(self.pool.list(move |connection| page(connection, &filter, query)))
    }

    fn count_live_hosts(&self, tokens: Vec<TokenId>) -> Answer<'_, u64> {
        Box::pin(self.pool.list(move |connection| count_live(connection, &tokens)))
    }

    fn key_of_revoked_host(&self, key: SpkiHash) -> Answer<'_, bool> {
        Box::pin(async move {
            self.pool.read(|connection| {
                connection.prepare_cached("SELECT 1 FROM revoked_keys WHERE key = ?1")?.exists([key])
            })
        })
    }

    fn name_taken(&self, name: DnsName) -> Answer<'_, bool> {
        Box::pin(
            async move { self.pool.read(|connection| connection.prepare_cached(NAME_TAKEN)?.exists([name])) },
        )
    }

    fn revoked_certificates(&self, now: Timestamp) -> Answer<'_, Vec<RevokedCertificate>> {
        Box::pin(self.pool.list(move |connection| revoked(connection, now)))
    }
}
