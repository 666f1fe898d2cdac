//! Certificate revocation lists (RFC 5280 section 5), one per issuing CA and per root, signed in advance and served from
//! memory.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::files::CRL;
use super::root_crl::RootCrls;
use super::set::{CaSet, Certificate};
use crate::ca::{
    CertificateAuthority, CrlEntry, CrlReason, crl_bounds, der_to_pem, not_after, subject_key_identifier,
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

/// Time before the end of an imported root's CRL at which warnings begin.
const ENDS_SOON: Duration = Duration::from_secs(7 * 86_400);

/// The warning while the current root has no CRL.
const NO_ROOT_CRL: &str = "the root has no CRL, so servers that check whole chains refuse every host: set ca.root_crl for an \
imported root, or copy the root's private key back to the keys directory, and restart";

/// The newest CRL of each issuing CA and root.
pub struct Crls {
    base: Base,
    cas: Arc<LiveCas>,
    roots: RootCrls,
    pub(super) data_dir: PathBuf,
    served: ArcSwap<Served>,
    /// The fault of the file of a root's CRL.
    root_fault: Mutex<Option<String>>,
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
    ends_at: Timestamp,
}

impl Crl {
    /// Reads a CRL; `None` if `der` is not one.
    fn read(der: Vec<u8>) -> Option<Self> {
        let (signed_at, ends_at) = crl_bounds(&der)?;
        let document = Document::new("application/pkix-crl", MAX_AGE, der).compressed();
        Some(Self { document, signed_at, ends_at })
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
        let (root_fault, signing) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { base, cas, roots, data_dir, served, root_fault, signing }
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

    /// Returns a warning about the CRL of the current root: it is missing, its file cannot be read, or it ends within a
    /// week.
    pub fn root_warning(&self, now: Timestamp) -> Option<String> {
        if let Some(fault) = &*self.root_fault.lock() {
            return Some(format!(
                "{fault}; the previous CRL of the root is served: mend the file, which is read every hour"
            ));
        }
        let ski = subject_key_identifier(self.cas.load().current().root_der())?;
        let served = self.served.load();
        let Some(crl) = served.get(&hex(&ski)) else { return Some(NO_ROOT_CRL.to_owned()) };
        let soon = self.roots.is_imported() && crl.ends_at.since(now) < ENDS_SOON;
        let verb = if crl.ends_at <= now { "ended" } else { "ends" };
        soon.then(|| {
            format!(
                "the CRL of the root {verb} at {}; after that, servers that check whole chains refuse every host: put a newer CRL \
                 into the file of ca.root_crl, which is read every hour",
                crl.ends_at
            )
        })
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
            let crl = Crl::read(ca.sign_crl(number, &entries, now)?);
            crls.extend(crl.map(|crl| (hex(ski), crl)));
        }
        let kept = self.keep(&crls);
        let roots = self.add_roots(&cas, &mut crls, now).await;
        self.served.store(Arc::new(Served::new(crls)));
        kept.and(roots)
    }

    /// Adds the CRLs of the roots. If one cannot be read, signed or written, the previous one is served. A broken file of
    /// a root without its key is a warning: signing again would not mend it. A former root that has expired needs no CRL.
    async fn add_roots(&self, cas: &CaSet, crls: &mut Signed, now: Timestamp) -> Result<(), ServiceError> {
        let (before, mut outcome, mut fault) = (self.served.load_full(), Ok(()), None);
        let needed = |root: &&Certificate| {
            root.der == cas.current().root_der() || not_after(&root.der).is_none_or(|ends| now < ends)
        };
        for root in cas.roots().filter(needed) {
            let Some(ski) = ski(root) else { continue };
            let crl = match self.roots.load_or_sign(root, cas.revoked(), now).await {
                Ok(der) => der.and_then(Crl::read),
                Err(error) => {
                    let told = match &error {
                        ServiceError::Keys(error) => Some(error.to_string()),
                        _ => None,
                    };
                    if told.is_none() || self.roots.can_sign(root) {
                        outcome = Err(error);
                    }
                    fault = fault.or(told);
                    before.get(&ski).cloned()
                }
            };
            crls.extend(crl.map(|crl| (ski, crl)));
        }
        self.set_root_fault(fault);
        outcome
    }

    /// Keeps the fault of a root's CRL for the warnings, and logs a new one.
    fn set_root_fault(&self, fault: Option<String>) {
        let mut known = self.root_fault.lock();
        if let Some(error) = fault.as_ref().filter(|fault| known.as_ref() != Some(fault)) {
            tracing::warn!(%error, "the root's CRL cannot be read or written; the previous one is served");
        }
        *known = fault;
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
        RevocationReason::Reenrolled | RevocationReason::Replaced => CrlReason::Superseded,
    };
    CrlEntry { serial: revoked.serial, revoked_at: revoked.revoked_at, reason }
}
