//! Certificate revocation lists (RFC 5280 section 5), one per issuing CA and per root, signed in advance and served from
//! memory.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::files::CRL;
use super::root_crl::RootCrls;
use super::set::{CaSet, Certificate};
use crate::ca::{
    CertificateAuthority, CrlEntry, CrlReason, crl_signed_at, der_to_pem, subject_key_identifier,
};
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

/// The newest CRL of each issuing CA and root.
pub struct Crls {
    base: Base,
    cas: Arc<LiveCas>,
    roots: RootCrls,
    pub(super) data_dir: PathBuf,
    served: ArcSwap<Served>,
    /// One signing at a time: a slower one must not replace a newer list with an older one.
    signing: tokio::sync::Mutex<()>,
}

/// CRLs with the subject key identifier of their issuer (hexadecimal): issuing CAs first, the current one leading.
type Signed = Vec<(String, Crl)>;

/// The CRLs, and all of them together, PEM.
struct Served {
    crls: Signed,
    all: Document,
}

impl Served {
    /// Some servers read the first CRL of a file alone. An issuing CA's lists every revoked host, a root's none, so they
    /// would admit revoked hosts with a root's in front.
    fn new(crls: Signed) -> Self {
        let text = crls.iter().map(|(_, crl)| der_to_pem(CRL, &crl.document.plain.bytes)).collect::<String>();
        Self { crls, all: Document::new("application/x-pem-file", MAX_AGE, text).compressed() }
    }

    fn get(&self, ski: &str) -> Option<&Crl> {
        self.crls.iter().find(|(issuer, _)| issuer == ski).map(|(_, crl)| crl)
    }
}

/// A signed CRL, DER.
#[derive(Clone)]
struct Crl {
    document: Document,
    signed_at: Timestamp,
}

impl Crl {
    /// Reads a CRL; `None` if `der` is not one.
    fn read(der: Vec<u8>) -> Option<Self> {
        let signed_at = crl_signed_at(&der)?;
        Some(Self::new(der, signed_at))
    }

    fn new(der: Vec<u8>, signed_at: Timestamp) -> Self {
        Self { document: Document::new("application/pkix-crl", MAX_AGE, der).compressed(), signed_at }
    }
}

/// The file of the newest CRL of an issuing CA, in the data directory.
fn file(ski: &str) -> String {
    format!("crl-{ski}.der")
}

impl Crls {
    /// Serves the last CRLs of an earlier process. No newer one can be signed while the store cannot be written.
    pub(in crate::service) fn resume(
        base: Base,
        cas: Arc<LiveCas>,
        roots: RootCrls,
        data_dir: PathBuf,
    ) -> Self {
        let of_issuing = |ca: &CertificateAuthority| {
            let ski = hex(ca.issuing_ski());
            let der = std::fs::read(data_dir.join(file(&ski))).ok()?;
            Some((ski, Crl::read(der)?))
        };
        let of_root = |root: &Certificate| Some((ski(root)?, Crl::read(roots.load(root).ok().flatten()?)?));
        let set = cas.load();
        let crls = set.all().filter_map(of_issuing).chain(set.roots().filter_map(of_root)).collect();
        let served = ArcSwap::from_pointee(Served::new(crls));
        Self { base, cas, roots, data_dir, served, signing: tokio::sync::Mutex::default() }
    }

    /// A counter that moves when certificates were revoked: new CRLs are due.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.base.store.revocations().changes()
    }

    /// The newest CRL of the CA with this subject key identifier (hexadecimal), DER.
    pub fn get(&self, ski: &str) -> Option<Document> {
        self.served.load().get(ski).map(|crl| crl.document.clone())
    }

    /// The newest CRL of every issuing CA and root, PEM.
    pub fn all(&self) -> Document {
        self.served.load().all.clone()
    }

    /// Time of signing of the oldest CRL of an issuing CA; `None` while one is missing.
    pub fn signed_at(&self) -> Option<Timestamp> {
        let served = self.served.load();
        let skis = self.cas.load().all().map(|ca| hex(ca.issuing_ski())).collect::<Vec<_>>();
        skis.iter().map(|ski| served.get(ski).map(|crl| crl.signed_at)).min().flatten()
    }

    /// Returns true if the current root has a CRL. Otherwise it was never signed, and the root's key is not here.
    pub fn has_root(&self) -> bool {
        let ski = subject_key_identifier(self.cas.load().current().root_der());
        ski.is_some_and(|ski| self.served.load().get(&hex(&ski)).is_some())
    }

    /// Signs a new CRL for every issuing CA, and the first one of a root whose key is here. A timer calls it hourly, and
    /// within a second of a revocation.
    ///
    /// # Errors
    /// The clock is in doubt, or the store or a file cannot be written. The previous CRLs are still served.
    pub async fn sign(&self) -> Result<(), ServiceError> {
        let _one_at_a_time = self.signing.lock().await;
        let now = self.base.time.trusted()?;
        let revoked = self.base.store.revoked_certificates(now).await?;
        let entries = revoked.iter().map(entry).collect::<Vec<_>>();
        let cas = self.cas.load();
        let mut crls = Signed::new();
        for ca in cas.all() {
            let ski = ca.issuing_ski();
            let number = self.base.store.next_crl_number(NextCrlNumber { ski: ski.to_vec() }).await?;
            crls.push((hex(ski), Crl::new(ca.sign_crl(number, &entries, now)?, now)));
        }
        let kept = self.keep(&crls);
        let roots = self.add_roots(&cas, &mut crls, now).await;
        self.served.store(Arc::new(Served::new(crls)));
        kept.and(roots)
    }

    /// Adds the CRLs of the roots. If one cannot be read or signed, the previous one is served.
    async fn add_roots(&self, cas: &CaSet, crls: &mut Signed, now: Timestamp) -> Result<(), ServiceError> {
        let (before, mut outcome) = (self.served.load_full(), Ok(()));
        for root in cas.roots() {
            let Some(ski) = ski(root) else { continue };
            let crl = match self.roots.load_or_sign(root, now).await {
                Ok(der) => der.and_then(Crl::read),
                Err(error) => {
                    outcome = Err(error);
                    before.get(&ski).cloned()
                }
            };
            crls.extend(crl.map(|crl| (ski, crl)));
        }
        outcome
    }

    /// Writes the CRLs of issuing CAs to the data directory, for a start that cannot sign any.
    fn keep(&self, crls: &[(String, Crl)]) -> Result<(), ServiceError> {
        let write = |(ski, crl): &(String, Crl)| {
            write_public(&self.data_dir.join(file(ski)), &crl.document.plain.bytes)
        };
        Ok(crls.iter().try_for_each(write)?)
    }
}

/// The subject key identifier of a root, in hexadecimal.
fn ski(root: &Certificate) -> Option<String> {
    subject_key_identifier(&root.der).map(|ski| hex(&ski))
}

const fn entry(revoked: &RevokedCertificate) -> CrlEntry {
    let reason = match revoked.reason {
        RevocationReason::HostRevoked => CrlReason::CessationOfOperation,
        RevocationReason::RolesChanged | RevocationReason::NameWithdrawn => CrlReason::PrivilegeWithdrawn,
    };
    CrlEntry { serial: revoked.serial, revoked_at: revoked.revoked_at, reason }
}
