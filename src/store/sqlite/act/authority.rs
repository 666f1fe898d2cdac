//! Founding, external URLs, DNS names, settings and CRL numbers.

use super::Execution;
use crate::clock::Timestamp;
use crate::id::{FleetKeyId, SealKeyId};
use crate::name::DnsName;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::value::damaged;
use crate::store::{
    AuthorityIdentity, ChangeSettings, Found, Founded, NextCrlNumber, RecordBackup, RecordIdentity,
    RetireIssuer, Retired, Retirement, RevocationReason, SetTrustDomain,
};

impl Execution<'_> {
    pub(super) fn found(&mut self, command: Found) -> driver::Result<Founded> {
        let Found { keys, lists, identity, admin, entry } = command;
        let sql = "UPDATE meta SET founded_at = ?1 WHERE single = 1 AND founded_at IS NULL";
        if self.execute(sql, [entry.at()])? == 0 {
            return self.undo(Founded::Before);
        }
        for key in &keys {
            self.insert_key(key)?;
        }
        for list in &lists {
            self.insert_list(list)?;
        }
        self.insert_fleet_key(FleetKeyId::FIRST, entry.at())?;
        self.insert_seal_key(SealKeyId::FIRST, entry.at())?;
        self.adopt(&identity, entry.at())?;
        self.enter(entry)?;
        self.set_password(admin)?;
        Ok(Founded::Now)
    }

    pub(super) fn record_identity(&mut self, command: RecordIdentity) -> driver::Result<()> {
        let RecordIdentity { identity, taken, entry } = command;
        if self.adopt(&identity, entry.at())? {
            self.enter(entry)?;
        }
        for (host, entry) in taken {
            self.revoke_certificates(host, entry.at(), RevocationReason::NameWithdrawn)?;
            self.enter(entry)?;
        }
        Ok(())
    }

    /// Records what is new in `identity`. Returns whether anything was.
    fn adopt(&self, identity: &AuthorityIdentity, at: Timestamp) -> driver::Result<bool> {
        let AuthorityIdentity { issuer, names, trust_domain } = identity;
        let moved = self.make_issuer_current(issuer, at)?;
        let added = self.add_names(names, at)?;
        Ok(self.fix_trust_domain(trust_domain)? || moved || added)
    }

    /// Records the trust domain of an authority that has none. Returns whether it had none.
    fn fix_trust_domain(&self, name: &str) -> driver::Result<bool> {
        let sql = "UPDATE meta SET trust_domain = ?1 WHERE single = 1 AND trust_domain IS NULL";
        Ok(self.execute(sql, [name])? > 0)
    }

    pub(super) fn set_trust_domain(&mut self, command: SetTrustDomain) -> driver::Result<()> {
        let SetTrustDomain { name, entry } = command;
        let former: Option<Option<String>> =
            self.one("SELECT trust_domain FROM meta WHERE single = 1", [], |row| row.get(0))?;
        self.execute("UPDATE meta SET trust_domain = ?1 WHERE single = 1", [&name])?;
        self.enter(entry.with("trust_domain", name).with("trust_domain_before", former.flatten()))?;
        Ok(())
    }

    /// Returns whether anything changed.
    fn make_issuer_current(&self, url: &str, at: Timestamp) -> driver::Result<bool> {
        if self.exists("SELECT 1 FROM issuers WHERE url = ?1 AND current = 1", [url])? {
            return Ok(false);
        }
        self.execute("UPDATE issuers SET current = 0 WHERE current = 1", [])?;
        let sql = "INSERT INTO issuers (url, since, current) VALUES (?1, ?2, 1) \
                   ON CONFLICT (url) DO UPDATE SET since = excluded.since, current = 1, retired_at = NULL";
        self.execute(sql, params![url, at])?;
        Ok(true)
    }

    /// Returns whether any of them was new.
    fn add_names(&self, names: &[DnsName], at: Timestamp) -> driver::Result<bool> {
        let sql = "INSERT INTO authority_names (name, since) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        let mut added = 0;
        for name in names {
            added += self.execute(sql, params![name, at])?;
        }
        Ok(added > 0)
    }

    pub(super) fn retire_issuer(&mut self, command: RetireIssuer) -> driver::Result<Retirement> {
        let RetireIssuer { issuer, even_needed, emergency, entry } = command;
        let at = entry.at();
        let sql = "SELECT current FROM issuers WHERE url = ?1 AND retired_at IS NULL";
        match self.one(sql, [&issuer], |row| row.get(0))? {
            None => self.undo(Retirement::Unknown),
            Some(true) => self.undo(Retirement::InUse),
            Some(false) => {
                let needing = self.live_of_issuer(&issuer, at)?;
                let tokens = needing.len() as u64;
                if tokens > 0 && !even_needed {
                    return self.undo(Retirement::Needed { tokens });
                }
                self.execute("UPDATE issuers SET retired_at = ?2 WHERE url = ?1", params![issuer, at])?;
                self.enter(entry.with("tokens", tokens))?;
                let emergency = self.end_tokens(&needing, emergency, at)?;
                Ok(Retirement::Retired(Retired { tokens, emergency }))
            }
        }
    }

    pub(super) fn change_settings(&mut self, command: ChangeSettings) -> driver::Result<()> {
        let ChangeSettings { changes, entry } = command;
        for (name, value) in changes {
            match value {
                Some(value) => {
                    let sql = "INSERT INTO settings (name, value, changed_at) VALUES (?1, ?2, ?3) \
                               ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at";
                    self.execute(sql, params![name, value, entry.at()])?
                }
                None => self.execute("DELETE FROM settings WHERE name = ?1", [name])?,
            };
        }
        self.enter(entry)?;
        Ok(())
    }

    pub(super) fn record_backup(&mut self, command: RecordBackup) -> driver::Result<()> {
        self.execute("UPDATE meta SET backed_up_at = ?1 WHERE single = 1", [command.entry.at()])?;
        self.enter(command.entry)
    }

    /// The number of a CRL only grows (RFC 5280 section 5.2.3).
    pub(super) fn next_crl_number(&self, command: NextCrlNumber) -> driver::Result<u64> {
        let sql = "INSERT INTO crl_numbers (ski, number) VALUES (?1, 1) \
                   ON CONFLICT (ski) DO UPDATE SET number = crl_numbers.number + 1 RETURNING number";
        let number = self.one(sql, [command.ski], |row| row.get(0))?;
        number.ok_or_else(|| damaged("a CRL number was not counted"))
    }
}
