//! Reading hosts and their certificates.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::clock::Timestamp;
use crate::id::{HostId, SpkiHash};
use crate::name::{DnsName, Role};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::act::NAME_TAKEN;
use crate::store::sqlite::value::Json;
use crate::store::{Answer, CertificateRecord, HostRecord, Hosts, PageQuery, RevokedCertificate};

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

fn page(connection: &Connection, page: PageQuery<HostId>) -> rusqlite::Result<Vec<HostRecord>> {
    // The greatest id there is stands for no cursor.
    let before = page.after.map_or([0xff; 16], |after| *after.as_bytes());
    let sql = select!("WHERE h.host < ?1 ORDER BY h.host DESC LIMIT ?2");
    connection.prepare_cached(sql)?.query_map(params![before, page.limit], host)?.collect()
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

    fn list_hosts(&self, query: PageQuery<HostId>) -> Answer<'_, Vec<HostRecord>> {
        Box::pin(self.pool.list(move |connection| page(connection, query)))
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
