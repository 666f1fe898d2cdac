//! Revoking an issuing CA: its root's CRL lists it, and the authority refuses its hosts.

use super::files::Manifest;
use super::rotation::{CaAdmin, finish_rotation};
use super::set::{CaSet, RevokedCa};
use crate::clock::Timestamp;
use crate::id::{HostId, hex, unhex};
use crate::ledger::Action;
use crate::service::{CaError, Caller, ServiceError};
use crate::store::RevokeHosts;

/// Hosts per transaction.
const AT_ONCE: usize = 256;

/// The result of revoking an issuing CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaRevocation {
    /// False if it was revoked before.
    pub changed: bool,
    /// Number of live hosts whose newest certificate it signed. They are revoked with it.
    pub hosts: u64,
}

impl CaAdmin {
    /// Returns the consequences of revoking an issuing CA, by its subject key identifier (hexadecimal). Nothing is done.
    ///
    /// # Errors
    /// As [`Self::revoke`].
    pub async fn count_revocation(&self, ski: &str) -> Result<CaRevocation, ServiceError> {
        let now = self.base.time.trusted()?;
        if self.is_revoked(ski) {
            return Ok(CaRevocation { changed: false, hosts: 0 });
        }
        self.revocable(&self.cas.load(), ski, now)?;
        Ok(CaRevocation { changed: true, hosts: self.hosts_under(ski, now).await?.len() as u64 })
    }

    /// Revokes a former issuing CA and its hosts. The CRL of its root lists it, and the bundle no longer has it. Its private
    /// key is destroyed.
    ///
    /// # Errors
    /// The CA is the current one, unknown or imported, or the key of its root is missing. The clock is in doubt, or a file or
    /// the store cannot be written. If hosts or the CRL are missing yet, the same call continues.
    pub async fn revoke(&self, caller: &Caller, ski: &str) -> Result<CaRevocation, ServiceError> {
        let _one_at_a_time = self.changing.lock().await;
        let now = self.base.time.trusted()?;
        finish_rotation(self.base.store.as_ref(), &self.vault).await?;
        let changed = !self.is_revoked(ski);
        if changed {
            let ca = self.revocable(&self.cas.load(), ski, now)?;
            let next = Manifest::load(&self.vault)?.revoke(ca);
            let after = self.base.store.chain_head().await?.seq;
            let entry = |_: &CaSet| caller.did(Action::CaRevoked, now).with("issuing_ski", ski);
            self.cas.replace(self.record(&next, after, now, entry).await?);
            self.take_up();
        }
        let hosts = self.revoke_hosts(caller, ski, now).await?;
        self.crls.sign().await?;
        Manifest::load(&self.vault)?.require_listed(ski, &self.vault)?;
        self.destroy_former_keys();
        Ok(CaRevocation { changed, hosts })
    }

    fn is_revoked(&self, ski: &str) -> bool {
        self.cas.load().revoked().iter().any(|ca| ca.ski == ski)
    }

    /// The entry of an issuing CA that can be revoked.
    fn revocable(&self, cas: &CaSet, ski: &str, now: Timestamp) -> Result<RevokedCa, ServiceError> {
        if self.outside {
            return Err(CaError::Imported.into());
        }
        let known = || cas.all().map(|ca| hex(ca.issuing_ski())).collect::<Vec<_>>().join(", ");
        let ca = cas.all().find(|ca| hex(ca.issuing_ski()) == ski);
        let ca = ca.ok_or_else(|| CaError::UnknownIssuing { known: known() })?;
        if ca.issuing_ski() == cas.current().issuing_ski() {
            return Err(CaError::IssuingInUse.into());
        }
        let root = ca.root_fingerprint();
        if !Manifest::holds_root_key(&self.vault, root) {
            let file = Manifest::root_key_file(root);
            return Err(match root == cas.current().root_fingerprint() {
                true => CaError::RootKeyAway.into(),
                false => CaError::FormerRootKeyAway { file }.into(),
            });
        }
        let serial = ca.issuing_serial().ok_or(CaError::Imported)?;
        Ok(RevokedCa { ski: ski.to_owned(), root, serial, revoked_at: now })
    }

    async fn hosts_under(&self, ski: &str, now: Timestamp) -> Result<Vec<HostId>, ServiceError> {
        let ski = unhex(ski).unwrap_or_default();
        Ok(self.base.store.hosts_under(ski, now).await?)
    }

    /// Revokes the live hosts of a revoked issuing CA. Each has its entry.
    async fn revoke_hosts(&self, caller: &Caller, ski: &str, now: Timestamp) -> Result<u64, ServiceError> {
        let mut revoked = 0;
        for some in self.hosts_under(ski, now).await?.chunks(AT_ONCE) {
            let entry = caller.did(Action::HostRevoked, now).with("issuing_ski", ski);
            let done = self.base.store.revoke_hosts(RevokeHosts { hosts: some.to_vec(), entry }).await?;
            revoked += done.hosts as u64;
        }
        Ok(revoked)
    }
}
