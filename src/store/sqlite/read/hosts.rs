//! Reads of hosts and their certificates.

pub(in crate::store::sqlite) use self::filter::select;
use crate::clock::Timestamp;
use crate::id::{HostId, Serial, SpkiHash, TokenId};
use crate::name::{DnsName, Labels, Role};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::act::NAME_TAKEN;
use crate::store::sqlite::driver::{self, Row, Sql, params};
use crate::store::sqlite::read::list_statement::choose;
use crate::store::sqlite::value::{IpText, Json};
use crate::store::{
    CertificateRecord, CheckIn, Contact, HeldOpaqueKey, HostFacts, HostFilter, HostReads, HostRecord,
    HostState, KeyRefusal, Page, PageQuery, Position, Quarantine, Reported, RevokedCertificate, StoreFuture,
};
use crate::wire::HostReport;

/// Finds a name that the authority has or had.
pub(in crate::store::sqlite) const OWN_NAME: &str = "SELECT 1 FROM authority_names WHERE name = ?1";

/// Finds a refused key, and whether it is refused for a quarantine alone.
pub(in crate::store::sqlite) const REFUSED_KEY: &str = "SELECT h.revoked_at IS NULL AND h.quarantined_at IS NOT NULL FROM revoked_keys AS r \
     JOIN hosts AS h ON h.host = r.host WHERE r.key = ?1 ORDER BY 1 LIMIT 1";

impl Sql<'_> {
    /// Returns the reason for which the key is refused under every token.
    pub(in crate::store::sqlite) fn refused_key(
        &self,
        host_key: SpkiHash,
    ) -> driver::Result<Option<KeyRefusal>> {
        let refusal = |quarantined| if quarantined { KeyRefusal::Quarantined } else { KeyRefusal::Revoked };
        Ok(self.one(REFUSED_KEY, [host_key], |row| row.get(0))?.map(refusal))
    }
}

/// Finds the live host whose newest certificate has a name. A host whose certificate was revoked for its name has lost it.
pub(in crate::store::sqlite) const HOST_NAMED: &str = "SELECT h.host FROM hosts AS h \
     WHERE h.name = ?1 AND h.name IS NOT NULL AND h.revoked_at IS NULL AND h.ends_at > ?2 \
     AND NOT EXISTS (SELECT 1 FROM revoked_certificates AS r WHERE r.serial = h.newest)";

macro_rules! columns {
    () => {
        "h.host, h.name, h.cluster, h.roles, h.token, h.enrolled_at, h.revoked_at, h.newest, c.key, c.issued_at, c.not_after, \
         h.newest_seen, h.previous, h.reached_url, h.label, h.token_label, coalesce(h.seen_at, h.enrolled_at), h.seen_from, \
         h.reported_at, h.reported_hostname, h.reported_os, h.reported_arch, h.reported_version, h.reported_label, \
         h.quarantined_at, h.conflict_serial, h.conflict_from, h.revision, h.policy, h.moved_at, c.renew_after, \
         (SELECT p.name FROM policies AS p WHERE p.policy = h.policy), \
         k.at, k.version, k.status, k.message, k.labels, k.policy, k.policy_revision, \
         o.issued_at, o.used_at"
    };
}

mod filter;

/// Finds a host by its id.
pub(in crate::store::sqlite) const HOST_BY_ID: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM hosts AS h JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest \
     LEFT JOIN checkins AS k ON k.host = h.host LEFT JOIN opaque_keys AS o ON o.host = h.host WHERE h.host = ?1"
);

/// Counts the live hosts by the URL at which they last reached the server.
pub(in crate::store::sqlite) const REACHED_URLS: &str = "SELECT reached_url, count(*) FROM hosts \
     WHERE revoked_at IS NULL AND ends_at > ?1 GROUP BY reached_url ORDER BY reached_url";

pub(in crate::store::sqlite) fn host(row: &Row<'_>) -> driver::Result<HostRecord> {
    Ok(HostRecord {
        id: row.get(0)?,
        facts: HostFacts {
            name: row.get(1)?,
            cluster: row.get(2)?,
            roles: row.get::<_, Json<Vec<Role>>>(3)?.0,
            policy: row.get(28)?,
        },
        policy_name: row.get(31)?,
        token: row.get(4)?,
        enrolled_at: row.get(5)?,
        revoked_at: row.get(6)?,
        newest: CertificateRecord {
            serial: row.get(7)?,
            host_key: row.get(8)?,
            issued_at: row.get(9)?,
            not_after: row.get(10)?,
            due_at: row.get(30)?,
        },
        newest_seen: row.get(11)?,
        previous: row.get(12)?,
        reached_url: row.get(13)?,
        label: row.get(14)?,
        token_label: row.get(15)?,
        contact: Contact { at: row.get(16)?, from: row.get::<_, Option<IpText>>(17)?.map(|from| from.0) },
        reported: reported(row)?,
        quarantine: quarantine(row)?,
        moved_at: row.get(29)?,
        checkin: checkin(row)?,
        opaque_key: opaque_key(row)?,
        revision: row.get(27)?,
    })
}

fn quarantine(row: &Row<'_>) -> driver::Result<Option<Quarantine>> {
    let Some(at) = row.get(24)? else { return Ok(None) };
    let from = row.get::<_, Option<IpText>>(26)?.map(|from| from.0);
    Ok(Some(Quarantine { at, serial: row.get(25)?, from }))
}

/// The place of the first column of a check-in.
const CHECKIN: usize = 32;

fn checkin(row: &Row<'_>) -> driver::Result<Option<CheckIn>> {
    let Some(at) = row.get(CHECKIN)? else { return Ok(None) };
    Ok(Some(CheckIn {
        at,
        version: row.get(CHECKIN + 1)?,
        status: row.get(CHECKIN + 2)?,
        message: row.get(CHECKIN + 3)?,
        labels: row.get::<_, Json<Labels>>(CHECKIN + 4)?.0,
        policy: row.get(CHECKIN + 5)?,
        policy_revision: row.get(CHECKIN + 6)?,
    }))
}

/// The place of the first column of an opaque key.
const OPAQUE_KEY: usize = CHECKIN + 7;

fn opaque_key(row: &Row<'_>) -> driver::Result<Option<HeldOpaqueKey>> {
    let Some(issued_at) = row.get(OPAQUE_KEY)? else { return Ok(None) };
    Ok(Some(HeldOpaqueKey { issued_at, first_used_at: row.get(OPAQUE_KEY + 1)? }))
}

fn reported(row: &Row<'_>) -> driver::Result<Option<Reported>> {
    let Some(at) = row.get(18)? else { return Ok(None) };
    let report = HostReport {
        hostname: row.get(19)?,
        os: row.get(20)?,
        arch: row.get(21)?,
        version: row.get(22)?,
        label: row.get(23)?,
    };
    Ok(Some(Reported { report, at }))
}

fn count_live(sql: Sql<'_>, tokens: &[TokenId]) -> driver::Result<u64> {
    let text = "SELECT count(*) FROM hosts WHERE token = ?1 AND revoked_at IS NULL";
    tokens.iter().try_fold(0, |sum, token| {
        let hosts: Option<u64> = sql.one(text, [token], |row| row.get(0))?;
        Ok(sum + hosts.unwrap_or(0))
    })
}

fn revoked(sql: Sql<'_>, now: Timestamp) -> driver::Result<Vec<RevokedCertificate>> {
    let text = "SELECT serial, revoked_at, reason FROM revoked_certificates WHERE not_after > ?1 ORDER BY revoked_at, serial";
    sql.all(text, [now], |row| {
        Ok(RevokedCertificate { serial: row.get(0)?, revoked_at: row.get(1)?, reason: row.get(2)? })
    })
}

/// Finds a live host whose newest certificate is earlier than one that the database does not know, issued before the last restore.
const IS_ADOPTABLE: &str = "SELECT 1 FROM hosts AS h JOIN certificates AS n ON n.host = h.host AND n.serial = h.newest \
     WHERE h.host = ?1 AND h.revoked_at IS NULL AND h.quarantined_at IS NULL AND n.issued_at < ?3 \
     AND (SELECT restored_at FROM meta WHERE single = 1) > ?3 \
     AND NOT EXISTS (SELECT 1 FROM certificates AS c WHERE c.host = ?1 AND c.serial = ?2)";

impl Sql<'_> {
    /// Returns whether the host got a certificate that the database does not know between the backup and its restore.
    pub(in crate::store::sqlite) fn is_adoptable(
        &self,
        host: HostId,
        certificate: CertificateRecord,
    ) -> driver::Result<bool> {
        self.exists(IS_ADOPTABLE, params![host, certificate.serial, certificate.issued_at])
    }
}

impl HostReads for SqliteStore {
    fn host(&self, id: HostId) -> StoreFuture<'_, Option<HostRecord>> {
        self.point(move |sql| sql.one(HOST_BY_ID, [id], host))
    }

    fn list_hosts(
        &self,
        filter: HostFilter,
        query: PageQuery<Position<HostId>>,
    ) -> StoreFuture<'_, Page<HostRecord, Position<HostId>>> {
        self.list(move |sql| {
            let PageQuery { after, limit, look_at } = query;
            let way = (filter::order(&filter), filter.search.is_some());
            let list = choose(sql, way, look_at, |way| select(&filter, after.as_ref(), way))?;
            list.page(sql, (limit, look_at), host, |host| host.id)
        })
    }

    fn count_hosts(&self, now: Timestamp) -> StoreFuture<'_, Vec<(HostState, u64)>> {
        self.list(move |sql| filter::count(sql, now))
    }

    fn enrolled(&self, now: Timestamp) -> StoreFuture<'_, u64> {
        // The count is taken before the read begins: a read that sees less than the count was made from would be wrong.
        let count = *self.hosts.lock();
        self.point(move |sql| Ok(count.at(sql, now)?.enrolled))
    }

    fn newest_certificate(&self) -> StoreFuture<'_, Option<Vec<u8>>> {
        let text = "SELECT c.der FROM hosts AS h JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest \
                    ORDER BY h.host DESC LIMIT 1";
        self.point(move |sql| sql.one(text, [], |row| row.get(0)))
    }

    fn reached_urls(&self, now: Timestamp) -> StoreFuture<'_, Vec<(Option<String>, u64)>> {
        self.list(move |sql| sql.all(REACHED_URLS, [now], |row| Ok((row.get(0)?, row.get(1)?))))
    }

    fn hosts_under(&self, ski: Vec<u8>, now: Timestamp) -> StoreFuture<'_, Vec<HostId>> {
        let text = "SELECT h.host, c.der FROM hosts AS h JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest \
                    WHERE h.revoked_at IS NULL AND h.ends_at > ?1 ORDER BY h.host";
        self.list(move |sql| {
            // The identifier of 20 bytes stands in a certificate only as the authority key identifier.
            let signed = |der: Vec<u8>| !ski.is_empty() && der.windows(ski.len()).any(|part| part == ski);
            let hosts = sql.all(text, [now], |row| Ok(signed(row.get(1)?).then_some(row.get(0)?)))?;
            Ok(hosts.into_iter().flatten().collect())
        })
    }

    fn count_live_hosts(&self, tokens: Vec<TokenId>) -> StoreFuture<'_, u64> {
        self.list(move |sql| count_live(sql, &tokens))
    }

    fn certificates_of(&self, host: HostId, now: Timestamp) -> StoreFuture<'_, Vec<Vec<u8>>> {
        let text = "SELECT der FROM certificates WHERE host = ?1 AND not_after > ?2 ORDER BY issued_at DESC LIMIT 64";
        self.point(move |sql| sql.all(text, params![host, now], |row| row.get(0)))
    }

    fn refused_key(&self, host_key: SpkiHash) -> StoreFuture<'_, Option<KeyRefusal>> {
        self.point(move |sql| sql.refused_key(host_key))
    }

    fn name_taken(&self, name: DnsName, lapsed_before: Timestamp) -> StoreFuture<'_, bool> {
        self.point(move |sql| sql.exists(NAME_TAKEN, params![name, lapsed_before]))
    }

    fn own_name(&self, name: DnsName) -> StoreFuture<'_, bool> {
        self.point(|sql| sql.exists(OWN_NAME, [name]))
    }

    fn host_named(&self, name: DnsName, now: Timestamp) -> StoreFuture<'_, Option<HostId>> {
        self.point(move |sql| sql.one(HOST_NAMED, params![name, now], |row| row.get(0)))
    }

    fn superseded_at(&self, host: HostId, serial: Serial) -> StoreFuture<'_, Option<Timestamp>> {
        let text = "SELECT superseded_at FROM certificates WHERE host = ?1 AND serial = ?2";
        self.point(move |sql| Ok(sql.one(text, params![host, serial], |row| row.get(0))?.flatten()))
    }

    fn is_adoptable(&self, host: HostId, certificate: CertificateRecord) -> StoreFuture<'_, bool> {
        self.point(move |sql| sql.is_adoptable(host, certificate))
    }

    fn lost_its_name(&self, serial: Serial) -> StoreFuture<'_, bool> {
        let text = "SELECT 1 FROM revoked_certificates WHERE serial = ?1 AND reason = 'name_withdrawn'";
        self.point(move |sql| sql.exists(text, [serial]))
    }

    fn revoked_certificates(&self, now: Timestamp) -> StoreFuture<'_, Vec<RevokedCertificate>> {
        self.list(move |sql| revoked(sql, now))
    }
}
