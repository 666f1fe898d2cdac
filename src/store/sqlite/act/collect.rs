//! Deletes expired rows, a bounded number at a time: tables and memory stay bounded (I10).

use std::time::Duration;

use super::Execution;
use crate::clock::Timestamp;
use crate::id::{HostId, ListId, SpkiHash, TokenId};
use crate::ledger::{Action, Draft};
use crate::name::Role;
use crate::store::revocations::Change;
use crate::store::sqlite::driver::{self, Row, params};
use crate::store::sqlite::value::Json;
use crate::store::{Collect, Collected, IDEMPOTENCY_WINDOW, KEEP_AFTER_EXPIRY};

/// Maximum delay of the stored use of a session, twice.
const SEEN_EVERY: Duration = Duration::from_secs(120);

impl Execution<'_> {
    pub(super) fn collect(&mut self, command: Collect) -> driver::Result<Collected> {
        let command = &command;
        let mut done = Collected::default();
        self.collect_lists(command, &mut done)?;
        self.collect_enrollments(command, &mut done)?;
        self.collect_ephemeral(command, &mut done)?;
        self.collect_persistent(command, &mut done)?;
        self.collect_uses(command, &mut done)?;
        // The keys of hosts go with their certificates, unless a pair is left.
        self.collect_by_date(command, &mut done)?;
        self.collect_ephemeral_hosts(command, &mut done)?;
        self.collect_hosts(command, &mut done)?;
        self.collect_certificates(command, &mut done)?;
        self.collect_sessions(command, &mut done)?;
        self.collect_counters(command, &mut done)?;
        if done.total() > 0 {
            self.enter(entry(command.now, &done))?;
        }
        Ok(done)
    }

    /// Deletes lists whose tokens expired so long ago that no clock accepts one.
    fn collect_lists(&mut self, command: &Collect, done: &mut Collected) -> driver::Result<()> {
        let sql = "SELECT list FROM status_lists WHERE kind = 'ephemeral' AND ends_at <= ?1";
        let ended = command.now.minus(KEEP_AFTER_EXPIRY);
        let lists: Vec<ListId> = self.all(sql, [ended], |row| row.get(0))?;
        for list in lists.into_iter().filter(|list| !command.open.contains(list)) {
            self.execute("DELETE FROM status_lists WHERE list = ?1", [list])?;
            self.change(Change::ListDropped(list));
            done.lists += 1;
        }
        Ok(())
    }

    /// Deletes mint records of ephemeral tokens. A used-up token stays until its expiry: revoking it keeps its hosts from a new
    /// certificate.
    fn collect_ephemeral(&self, command: &Collect, done: &mut Collected) -> driver::Result<()> {
        let sql = "DELETE FROM mints WHERE token IN ( \
                   SELECT token FROM (SELECT token FROM mints WHERE persistent = 0 AND expires_at <= ?1 LIMIT ?2) AS a UNION \
                   SELECT token FROM (SELECT token FROM mints WHERE persistent = 0 AND revoked_at <= ?1 LIMIT ?2) AS b \
                   LIMIT ?2) \
                   AND NOT EXISTS (SELECT 1 FROM enrollments AS e WHERE e.token = mints.token AND e.state = 'waiting') RETURNING token, roles";
        let ended = command.now.minus(command.retention);
        let deleted = self.all(sql, params![ended, command.most], token_and_roles)?;
        done.tokens += count(deleted.len(), command, &mut done.more);
        deleted.into_iter().try_for_each(|(token, roles)| self.delete_mint_roles(token, &roles))
    }

    fn delete_mint_roles(&self, token: TokenId, roles: &[Role]) -> driver::Result<()> {
        let sql = "DELETE FROM mint_roles WHERE role = ?1 AND token = ?2";
        roles.iter().try_for_each(|role| self.execute(sql, params![role, token]).map(drop))
    }

    /// Deletes ended persistent tokens: first their pairs, then the rows. While pairs remain, the row stays and shows that the token is
    /// revoked.
    fn collect_persistent(&self, command: &Collect, done: &mut Collected) -> driver::Result<()> {
        let sql = "SELECT token FROM ( \
                   SELECT token FROM (SELECT token FROM mints WHERE persistent = 1 AND expires_at <= ?1 LIMIT ?2) AS a UNION \
                   SELECT token FROM (SELECT token FROM mints WHERE persistent = 1 AND revoked_at <= ?1 LIMIT ?2) AS b UNION \
                   SELECT token FROM (SELECT token FROM uses WHERE spent_at <= ?1 AND keep_until IS NULL LIMIT ?2) AS c) AS d \
                   LIMIT ?2";
        // Repeats are answered for a day, even with a shorter retention.
        let ended = command.now.minus(command.retention.max(KEEP_AFTER_EXPIRY));
        let tokens: Vec<TokenId> = self.all(sql, params![ended, command.most], |row| row.get(0))?;
        count(tokens.len(), command, &mut done.more);
        let mut budget = command.most as usize;
        for token in tokens {
            let pairs = self.delete_pairs_of(token, budget)?;
            done.pairs += pairs as u64;
            budget -= pairs.min(budget);
            if budget == 0 {
                done.more = true;
                break;
            }
            done.pairs += self.execute("DELETE FROM uses WHERE token = ?1", [token])? as u64;
            self.execute("DELETE FROM tokens WHERE token = ?1", [token])?;
            let sql = "DELETE FROM mints WHERE token = ?1 RETURNING token, roles";
            if let Some((token, roles)) = self.one(sql, [token], token_and_roles)? {
                self.delete_mint_roles(token, &roles)?;
                done.tokens += 1;
            }
        }
        Ok(())
    }

    /// Deletes pairs of live hosts. Those of revoked hosts stay with the host.
    fn delete_pairs_of(&self, token: TokenId, most: usize) -> driver::Result<usize> {
        let sql = "DELETE FROM pairs WHERE token = ?1 AND key IN ( \
                   SELECT p.key FROM pairs AS p LEFT JOIN hosts AS h ON h.host = p.host \
                   WHERE p.token = ?1 AND h.revoked_at IS NULL LIMIT ?2)";
        self.execute(sql, params![token, u32::try_from(most).unwrap_or(u32::MAX)])
    }

    /// Deletes use counts of ephemeral tokens. They stay while the mint record is listed.
    fn collect_uses(&self, command: &Collect, done: &mut Collected) -> driver::Result<()> {
        let sql = "SELECT u.token, m.token IS NOT NULL FROM uses AS u LEFT JOIN mints AS m ON m.token = u.token \
                   WHERE u.keep_until <= ?1 LIMIT ?2";
        let read = |row: &Row<'_>| Ok((row.get::<_, TokenId>(0)?, row.get::<_, bool>(1)?));
        let due = self.all(sql, params![command.now, command.most], read)?;
        count(due.len(), command, &mut done.more);
        let later = command.now.plus(command.retention.max(KEEP_AFTER_EXPIRY));
        for (token, listed) in due {
            if listed {
                self.execute("UPDATE uses SET keep_until = ?2 WHERE token = ?1", params![token, later])?;
            } else {
                done.pairs += self.execute("DELETE FROM uses WHERE token = ?1", [token])? as u64;
            }
        }
        Ok(())
    }

    /// Deletes pairs that no repeat needs, expired API keys, addresses without a recent sign-in, and old idempotency keys. API keys
    /// stay listed as long as tokens do.
    fn collect_by_date(&self, command: &Collect, done: &mut Collected) -> driver::Result<()> {
        let pairs = "DELETE FROM pairs WHERE (token, key) IN ( \
                     SELECT token, key FROM pairs WHERE keep_until <= ?1 LIMIT ?2)";
        let keys =
            "DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys WHERE expires_at <= ?1 LIMIT ?2)";
        let addresses = "DELETE FROM known_addresses WHERE (user_name, site) IN ( \
                         SELECT user_name, site FROM known_addresses WHERE last_at <= ?1 LIMIT ?2)";
        let once = "DELETE FROM idempotency_keys WHERE (caller, digest) IN ( \
                    SELECT caller, digest FROM idempotency_keys WHERE created_at <= ?1 LIMIT ?2)";
        for (sql, age, deleted) in [
            (pairs, Duration::ZERO, &mut done.pairs),
            (keys, command.retention, &mut done.api_keys),
            (addresses, command.address_retention, &mut done.known_addresses),
            (once, IDEMPOTENCY_WINDOW, &mut done.idempotency_keys),
        ] {
            let rows = self.execute(sql, params![command.now.minus(age), command.most])?;
            *deleted += count(rows, command, &mut done.more);
        }
        Ok(())
    }

    fn collect_hosts(&mut self, command: &Collect, done: &mut Collected) -> driver::Result<()> {
        let sql = "SELECT host, revoked_at IS NOT NULL, roles FROM hosts WHERE ends_at <= ?1 LIMIT ?2";
        let read = |row: &Row<'_>| {
            let Json(roles) = row.get::<_, Json<Vec<Role>>>(2)?;
            Ok((row.get::<_, HostId>(0)?, row.get::<_, bool>(1)?, roles))
        };
        // These hosts have lapsed: the count must not meet their lapses after their rows are gone.
        self.count_hosts_at(command.now)?;
        let ended = command.now.minus(command.host_retention);
        let hosts = self.all(sql, params![ended, command.most], read)?;
        done.hosts += count(hosts.len(), command, &mut done.more);
        for (host, revoked, roles) in hosts {
            self.delete_host(host, &roles)?;
            if revoked {
                self.change(Change::HostCollected(host));
            }
        }
        Ok(())
    }

    /// Deletes a host with its pairs, certificates and keys.
    pub(super) fn delete_host(&self, host: HostId, roles: &[Role]) -> driver::Result<()> {
        self.delete_host_roles(host, roles)?;
        self.execute("DELETE FROM pairs WHERE host = ?1", [host])?;
        // The delete cascades to its certificates and keys.
        self.execute("DELETE FROM hosts WHERE host = ?1", [host]).map(drop)
    }

    fn collect_certificates(&mut self, command: &Collect, done: &mut Collected) -> driver::Result<()> {
        let sql = "DELETE FROM certificates WHERE (host, serial) IN ( \
                   SELECT host, serial FROM certificates WHERE collect_at <= ?1 LIMIT ?2) RETURNING host, key";
        let read = |row: &Row<'_>| Ok((row.get::<_, HostId>(0)?, row.get::<_, SpkiHash>(1)?));
        let deleted = self.all(sql, params![command.now, command.most], read)?;
        done.certificates += count(deleted.len(), command, &mut done.more);
        for (host, key) in deleted {
            // The key stays while a certificate or a pair of the host needs it. A revoked host's keys are also in `revoked_keys`.
            let sql = "DELETE FROM host_keys WHERE host = ?1 AND key = ?2 \
                       AND NOT EXISTS (SELECT 1 FROM certificates WHERE host = ?1 AND key = ?2) \
                       AND NOT EXISTS (SELECT 1 FROM pairs WHERE host = ?1 AND key = ?2)";
            self.execute(sql, params![host, key])?;
        }
        let sql = "DELETE FROM revoked_certificates WHERE serial IN ( \
                   SELECT serial FROM revoked_certificates WHERE not_after <= ?1 LIMIT ?2) RETURNING serial";
        // A peer with a slow clock still accepts an expired certificate.
        let ended = command.now.minus(KEEP_AFTER_EXPIRY);
        let serials = self.all(sql, params![ended, command.most], |row| row.get(0))?;
        done.certificates += count(serials.len(), command, &mut done.more);
        serials.into_iter().for_each(|serial| self.change(Change::CertificateCollected(serial)));
        Ok(())
    }

    /// Deletes sessions that have expired or were idle for too long. Their latest use is known to a minute.
    fn collect_sessions(&self, command: &Collect, done: &mut Collected) -> driver::Result<()> {
        let sql = "DELETE FROM sessions WHERE digest IN ( \
                   SELECT digest FROM (SELECT digest FROM sessions WHERE expires_at <= ?1 LIMIT ?3) AS a UNION \
                   SELECT digest FROM (SELECT digest FROM sessions WHERE seen_at <= ?2 LIMIT ?3) AS b LIMIT ?3)";
        let unused = command.now.minus(command.session_idle + SEEN_EVERY);
        let deleted = self.execute(sql, params![command.now, unused, command.most])?;
        done.sessions += count(deleted, command, &mut done.more);
        Ok(())
    }
}

fn token_and_roles(row: &Row<'_>) -> driver::Result<(TokenId, Vec<Role>)> {
    Ok((row.get(0)?, row.get::<_, Json<Vec<Role>>>(1)?.0))
}

/// Counts rows. Sets `more` if the limit was reached.
pub(super) fn count(rows: usize, command: &Collect, more: &mut bool) -> u64 {
    *more |= rows >= command.most as usize;
    rows as u64
}

fn entry(now: Timestamp, done: &Collected) -> Draft {
    let counts = [
        ("tokens", done.tokens),
        ("pairs", done.pairs),
        ("hosts", done.hosts),
        ("certificates", done.certificates),
        ("lists", done.lists),
        ("enrollments", done.enrollments),
        ("sessions", done.sessions),
        ("api_keys", done.api_keys),
        ("known_addresses", done.known_addresses),
        ("idempotency_keys", done.idempotency_keys),
    ];
    let draft = Draft::done(Action::Collected, now, "system");
    counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .fold(draft, |draft, (name, count)| draft.with(name, count))
}
