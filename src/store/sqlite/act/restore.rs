//! A restored database: later acts are unknown, so all that could have ended since waits for a release.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;

use super::Execution;
use crate::clock::Timestamp;
use crate::id::{EnrollmentId, HostId, ListId, Serial, StatusRef, TokenId, hex};
use crate::ledger::{Action, Draft, Subjects};
use crate::store::revocations::PAGE_BYTES;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::read::chain_head;
use crate::store::{
    AdoptCertificate, KEEP_AFTER_EXPIRY, ListedCertificate, Restore, Restored, RevocationReason,
};
use crate::token::{STATUS_LIST_CAPACITY, Status};

/// Suspends the persistent tokens that could be redeemed.
const SUSPEND_TOKENS: &str = "UPDATE mints SET suspended_at = ?1 WHERE persistent = 1 AND audience IS NULL AND revoked_at IS NULL \
     AND coalesce(kind, '') <> 'emergency' AND (expires_at IS NULL OR expires_at > ?1) \
     AND NOT EXISTS (SELECT 1 FROM uses AS u WHERE u.token = mints.token AND u.spent_at IS NOT NULL) RETURNING list, idx";

/// The unknown host of a certificate that stands on a CRL and not in the database.
const NO_HOST: [u8; 16] = [0; 16];

impl Execution<'_> {
    /// The store must be opened again afterwards: memory does not follow. No other command may be in the batch, because the entry is the
    /// first one of the new chain.
    pub(super) fn restore(&mut self, command: Restore) -> driver::Result<Restored> {
        let Restore { keys, chain, lists, revoked, ends_at, entry } = command;
        let (head, at) = (chain_head(self.sql)?, entry.at());
        let waiting = self.end_waiting(at)?;
        self.end_emergency_token(at)?;
        self.begin_epoch(keys, at)?;
        self.close_lists()?;
        let tokens = self.suspend_tokens(at)?;
        lists.iter().try_for_each(|list| self.insert_list(list))?;
        let (api_keys, users) = self.suspend_accounts(at)?;
        let sessions = self.execute("DELETE FROM sessions", [])? as u64;
        let (hosts, certificates) = self.follow_crls(&revoked, ends_at, at)?;
        // The number of a CRL only grows (RFC 5280 section 5.2.3), and the backup does not know the last one.
        let sql = "UPDATE crl_numbers SET number = ?1 WHERE number < ?1";
        self.execute(sql, [at.secs()])?;
        let sql = "UPDATE meta SET chain = ?1, restored_at = ?2, backed_up_at = NULL WHERE single = 1";
        self.execute(sql, params![chain, at])?;
        let done = Restored { tokens, waiting, sessions, api_keys, users, hosts, certificates };
        let entry = entry.with("chain", head.chain.to_string()).with("seq", head.seq);
        self.effects.drafts.insert(0, numbers(entry.with("hash", hex(&head.hash)), &done).into());
        Ok(done)
    }

    /// Ends the waits of hosts. Their tokens get the held uses back.
    fn end_waiting(&mut self, at: Timestamp) -> driver::Result<u64> {
        let sql = "SELECT enrollment, token FROM enrollments WHERE state = 'waiting'";
        let waiting: Vec<(EnrollmentId, TokenId)> =
            self.all(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (id, token) in &waiting {
            self.expire(*id, *token, at, at.plus(KEEP_AFTER_EXPIRY))?;
        }
        Ok(waiting.len() as u64)
    }

    /// Revokes the emergency token. The next start mints another one.
    fn end_emergency_token(&mut self, at: Timestamp) -> driver::Result<()> {
        let sql = "SELECT token, list, idx FROM tokens WHERE emergency = 1 AND revoked_at IS NULL";
        let read = |row: &driver::Row<'_>| {
            Ok((row.get::<_, TokenId>(0)?, StatusRef { list: row.get(1)?, index: row.get(2)? }))
        };
        let Some((token, status)) = self.one(sql, [], read)? else { return Ok(()) };
        self.write_end(token, None, at)?;
        self.set_revoked(&[status])?;
        let entry = Draft::done(Action::TokenRevoked, at, "system").about(Subjects::token(token));
        self.enter(entry.with("emergency", true))
    }

    fn suspend_tokens(&mut self, at: Timestamp) -> driver::Result<u64> {
        let read = |row: &driver::Row<'_>| Ok(StatusRef { list: row.get(0)?, index: row.get(1)? });
        let suspended = self.all(SUSPEND_TOKENS, [at], read)?;
        self.set(&suspended, Status::Suspended)?;
        Ok(suspended.len() as u64)
    }

    /// Suspends API keys and disables users. Returns the number of the keys, and the names.
    fn suspend_accounts(&self, at: Timestamp) -> driver::Result<(u64, Vec<String>)> {
        let sql = "UPDATE api_keys SET suspended_at = ?1 WHERE suspended_at IS NULL";
        let api_keys = self.execute(sql, [at])? as u64;
        let sql = "UPDATE users SET disabled_at = ?1, epoch = epoch + 1, version = version + 1 \
                   WHERE disabled_at IS NULL RETURNING name";
        let mut users: Vec<String> = self.all(sql, [at], |row| row.get(0))?;
        users.sort_unstable();
        Ok((api_keys, users))
    }

    /// Publishes every index that the database does not know as revoked, and gives no more of them.
    fn close_lists(&self) -> driver::Result<()> {
        let mut known: HashMap<ListId, BTreeSet<u32>> = HashMap::new();
        let read = |row: &driver::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        for (list, index) in self.all::<(ListId, u32)>("SELECT list, idx FROM mints", [], read)? {
            known.entry(list).or_default().insert(index);
        }
        let lists: Vec<ListId> = self.all("SELECT list FROM status_lists", [], |row| row.get(0))?;
        for list in lists {
            self.close_list(list, &known.remove(&list).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Publishes the unknown indexes of one list as revoked.
    fn close_list(&self, list: ListId, known: &BTreeSet<u32>) -> driver::Result<()> {
        let sql = "INSERT INTO status_pages (list, page, bits) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (list, page) DO UPDATE SET bits = excluded.bits";
        let entries = PAGE_BYTES as u32 * 4;
        for page in 0..STATUS_LIST_CAPACITY / entries {
            let mut bits = self.page(list, page)?.unwrap_or([0; PAGE_BYTES]);
            for index in (0..entries).filter(|index| !known.contains(&(page * entries + index))) {
                let (byte, shift) = (index as usize / 4, index % 4 * 2);
                bits[byte] = bits[byte] & !(3 << shift) | Status::Revoked.bits() << shift;
            }
            self.execute(sql, params![list, page, bits])?;
        }
        self.execute("UPDATE status_lists SET next = ?2 WHERE list = ?1", params![list, STATUS_LIST_CAPACITY])
            .map(drop)
    }

    /// Revokes hosts whose certificate ended on a CRL with its host, and keeps certificates that the database does not know on the next
    /// CRL. Returns both numbers.
    fn follow_crls(
        &mut self,
        revoked: &[ListedCertificate],
        ends_at: Timestamp,
        at: Timestamp,
    ) -> driver::Result<(u64, u64)> {
        let sql =
            "SELECT c.serial, c.host, c.not_after FROM certificates AS c JOIN hosts AS h ON h.host = c.host";
        let read = |row: &driver::Row<'_>| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)));
        let known: HashMap<Serial, (HostId, Timestamp)> = self.all(sql, [], read)?.into_iter().collect();
        let (mut ended, mut kept) = (BTreeSet::new(), 0);
        for ListedCertificate { serial, revoked_at, reason } in revoked {
            let found = known.get(serial);
            if let (Some((host, _)), RevocationReason::HostRevoked) = (found, reason) {
                ended.insert(*host);
            }
            let host = found.map_or(NO_HOST, |(host, _)| *host.as_bytes());
            let not_after = found.map_or(ends_at, |(_, not_after)| *not_after);
            let sql = "INSERT INTO revoked_certificates (serial, host, revoked_at, not_after, reason) \
                       VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
            kept += self.execute(sql, params![serial, host, revoked_at, not_after, reason])? as u64;
        }
        let mut hosts = 0;
        for host in ended {
            if self.lineage(host)?.is_some_and(|lineage| !lineage.revoked) {
                self.shut_out(host, at)?;
                let entry = Draft::done(Action::HostRevoked, at, "system").about(Subjects::host(host));
                self.enter(entry.with("by_crl", true))?;
                hosts += 1;
            }
        }
        Ok((hosts, kept))
    }

    /// Makes a certificate that a host got after the backup the newest of its lineage. Returns false if the database knows one that is
    /// later, or its revocation.
    pub(super) fn adopt_certificate(&mut self, command: AdoptCertificate) -> driver::Result<bool> {
        let AdoptCertificate { certificate, entry } = command;
        let new = certificate.record;
        if !self.is_adoptable(certificate.host, new)? || self.certificate_is_revoked(new.serial)? {
            return self.undo(false);
        }
        let Some(lineage) = self.lineage(certificate.host)?.filter(|lineage| !lineage.revoked) else {
            return self.undo(false);
        };
        let at = entry.at();
        self.move_end(lineage.ends_at, new.not_after);
        let sql = "UPDATE certificates SET collect_at = not_after, superseded_at = coalesce(superseded_at, ?2) \
                   WHERE host = ?1 AND collect_at IS NULL";
        self.execute(sql, params![lineage.host, at])?;
        self.insert_certificate(&certificate)?;
        let sql = "UPDATE hosts SET newest = ?2, newest_seen = 1, previous = ?3, ends_at = ?4, revision = revision + 1 \
                   WHERE host = ?1";
        self.execute(sql, params![lineage.host, new.serial, lineage.newest, new.not_after])?;
        self.enter(entry.with("newest_before", lineage.newest.to_string()))?;
        Ok(true)
    }
}

fn numbers(entry: Draft, done: &Restored) -> Draft {
    entry
        .with("tokens", done.tokens)
        .with("waiting", done.waiting)
        .with("sessions", done.sessions)
        .with("api_keys", done.api_keys)
        .with("users", json!(done.users))
        .with("hosts", done.hosts)
        .with("certificates", done.certificates)
}
