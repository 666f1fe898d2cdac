//! Certificate revocation lists (RFC 5280 section 5), one per issuing CA, signed in advance and served from memory.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::ca::{CertificateAuthority, CrlEntry, CrlReason, crl_signed_at};
use crate::clock::Timestamp;
use crate::id::hex;
use crate::service::ServiceError;
use crate::service::base::Base;
use crate::service::ca::live::LiveCas;
use crate::service::document::Document;
use crate::service::vault::write_public;
use crate::store::{NextCrlNumber, RevocationReason, RevokedCertificate};

/// Time that caches may keep a CRL, in seconds: a revocation is on the next CRL within a second.
const MAX_AGE: u32 = 30;

/// The newest CRL of each issuing CA, by the hexadecimal of its subject key identifier.
pub struct Crls {
    base: Base,
    cas: Arc<LiveCas>,
    pub(super) data_dir: PathBuf,
    served: ArcSwap<HashMap<String, Crl>>,
    /// One signing at a time: a slower one must not replace a newer list with an older one.
    signing: tokio::sync::Mutex<()>,
}

/// A signed CRL.
#[derive(Clone)]
pub struct Crl {
    /// The list, DER.
    pub document: Document,
    /// Time of signing.
    pub signed_at: Timestamp,
}

impl Crl {
    fn new(der: Vec<u8>, signed_at: Timestamp) -> Self {
        Self { document: Document::new("application/pkix-crl", MAX_AGE, der), signed_at }
    }
}

/// The file of the newest CRL of an issuing CA, in the data directory.
fn file(ski: &str) -> String {
    format!("crl-{ski}.der")
}

impl Crls {
    /// Serves the last CRLs of an earlier process. No newer one can be signed while the store cannot be written.
    pub(in crate::service) fn resume(base: Base, cas: Arc<LiveCas>, data_dir: PathBuf) -> Self {
        let read = |ca: &CertificateAuthority| {
            let ski = hex(ca.issuing_ski());
            let der = std::fs::read(data_dir.join(file(&ski))).ok()?;
            let signed_at = crl_signed_at(&der)?;
            Some((ski, Crl::new(der, signed_at)))
        };
        let served = ArcSwap::from_pointee(cas.load().all().filter_map(read).collect());
        Self { base, cas, data_dir, served, signing: tokio::sync::Mutex::default() }
    }

    /// A counter that moves when certificates were revoked: new CRLs are due.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.base.store.revocations().changes()
    }

    /// The newest CRL of the issuing CA with this subject key identifier (hexadecimal).
    pub fn get(&self, ski: &str) -> Option<Crl> {
        self.served.load().get(ski).cloned()
    }

    /// Time of signing of the oldest served CRL; `None` while one is missing.
    pub fn signed_at(&self) -> Option<Timestamp> {
        let crls = self.served.load();
        let skis = self.cas.load().all().map(|ca| hex(ca.issuing_ski())).collect::<Vec<_>>();
        skis.iter().map(|ski| crls.get(ski).map(|crl| crl.signed_at)).min().flatten()
    }

    /// Signs a new CRL for every issuing CA. A timer calls it hourly, and within a second of a revocation.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be written. The previous CRLs are still served.
    pub async fn sign(&self) -> Result<(), ServiceError> {
        let _one_at_a_time = self.signing.lock().await;
        let now = self.base.time.trusted()?;
        let revoked = self.base.store.revoked_certificates(now).await?;
        let entries = revoked.iter().map(entry).collect::<Vec<_>>();
        let cas = self.cas.load();
        let mut crls = HashMap::new();
        for ca in cas.all() {
            let ski = ca.issuing_ski();
            let number = self.base.store.next_crl_number(NextCrlNumber { ski: ski.to_vec() }).await?;
            crls.insert(hex(ski), Crl::new(ca.sign_crl(number, &entries, now)?, now));
        }
        let crls = Arc::new(crls);
        self.served.store(Arc::clone(&crls));
        self.keep(&crls)
    }

    /// Writes the CRLs to the data directory, for a start that cannot sign any.
    fn keep(&self, crls: &HashMap<String, Crl>) -> Result<(), ServiceError> {
        let write = |(ski, crl): (&String, &Crl)| {
            write_public(&self.data_dir.join(file(ski)), &crl.document.plain.bytes)
        };
        Ok(crls.iter().try_for_each(write)?)
    }
}

const fn entry(revoked: &RevokedCertificate) -> CrlEntry {
    let reason = match revoked.reason {
        RevocationReason::HostRevoked => CrlReason::CessationOfOperation,
        RevocationReason::RolesChanged => CrlReason::PrivilegeWithdrawn,
    };
    CrlEntry { serial: revoked.serial, revoked_at: revoked.revoked_at, reason }
}
