//! Certificate revocation lists (RFC 5280 section 5), one per issuing CA, signed ahead and served from memory.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{Authority, ServiceError};
use crate::ca::{CrlEntry, CrlReason};
use crate::clock::Timestamp;
use crate::id::hex;
use crate::store::{NextCrlNumber, RevocationReason, RevokedCertificate};

/// The newest CRL of each issuing CA, by the hexadecimal of its subject key identifier.
#[derive(Default)]
pub struct Crls(ArcSwap<HashMap<String, Crl>>);

/// A signed CRL.
#[derive(Clone)]
pub struct Crl {
    /// The list, DER.
    pub der: Arc<[u8]>,
    /// Its number: it only grows.
    pub number: u64,
    /// When it was signed.
    pub signed_at: Timestamp,
}

impl Authority {
    /// The newest CRL of the issuing CA with this subject key identifier (hexadecimal).
    pub fn crl(&self, ski: &str) -> Option<Crl> {
        self.crls.0.load().get(ski).cloned()
    }

    /// When the oldest of the served CRLs was signed; `None` while one is missing.
    pub fn crls_signed_at(&self) -> Option<Timestamp> {
        let crls = self.crls.0.load();
        let skis = self.cas.load().all().map(|ca| hex(&ca.issuing_ski())).collect::<Vec<_>>();
        skis.iter().map(|ski| crls.get(ski).map(|crl| crl.signed_at)).min().flatten()
    }

    /// Signs the CRL of every issuing CA anew. For a timer: hourly, and within a second of a revocation.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be written; the CRLs signed before are still served.
    pub async fn sign_crls(&self) -> Result<(), ServiceError> {
        let now = self.time.trusted()?;
        let revoked = self.store.revoked_certificates(now).await?;
        let entries = revoked.iter().map(entry).collect::<Vec<_>>();
        let cas = self.cas.load_full();
        let mut crls = HashMap::new();
        for ca in cas.all() {
            let ski = ca.issuing_ski();
            let number = self.store.next_crl_number(NextCrlNumber { ski: ski.clone() }).await?;
            let der = ca.sign_crl(number, &entries, now)?.into();
            crls.insert(hex(&ski), Crl { der, number, signed_at: now });
        }
        self.crls.0.store(Arc::new(crls));
        Ok(())
    }
}

const fn entry(revoked: &RevokedCertificate) -> CrlEntry {
    let reason = match revoked.reason {
        RevocationReason::HostRevoked => CrlReason::CessationOfOperation,
        RevocationReason::RolesChanged => CrlReason::PrivilegeWithdrawn,
    };
    CrlEntry { serial: revoked.serial, revoked_at: revoked.revoked_at, reason }
}
