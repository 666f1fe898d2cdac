//! The certificate authorities: the issuing CA that signs, and former ones whose certificates are still in the field.

use std::sync::Arc;

use super::{Authority, Caller, ServiceError};
use crate::ca::CertificateAuthority;
use crate::id::hex;
use crate::ledger::Action;
use crate::secret::Secret;
use crate::store::AppendEntries;

/// The file of the root certificate, in the keys directory.
pub const ROOT_CERTIFICATE: &str = "ca-root.pem";
/// The file of the root's private key. It may be taken away and brought back for a rotation.
pub const ROOT_KEY: &str = "ca-root.key";
/// The file that names the issuing CAs, one subject key identifier a line, the newest last.
pub const ISSUING_INDEX: &str = "ca-issuing.list";

/// The file of the certificate of the issuing CA with this subject key identifier.
pub fn issuing_certificate(ski: &str) -> String {
    format!("ca-issuing-{ski}.pem")
}

/// The file of its private key.
pub fn issuing_key(ski: &str) -> String {
    format!("ca-issuing-{ski}.key")
}

/// The issuing CA that signs, and former ones under the same root. Former ones still sign their CRLs.
pub struct CaSet {
    current: CertificateAuthority,
    former: Vec<CertificateAuthority>,
}

impl CaSet {
    /// `current` signs; the `former` ones only sign CRLs.
    pub const fn new(current: CertificateAuthority, former: Vec<CertificateAuthority>) -> Self {
        Self { current, former }
    }

    /// The issuing CA that signs.
    pub const fn current(&self) -> &CertificateAuthority {
        &self.current
    }

    /// Every issuing CA, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &CertificateAuthority> {
        std::iter::once(&self.current).chain(&self.former)
    }

    /// The chain (issuing CA, then root) of a certificate that one of these signed; the current one's if none did.
    pub fn chain_of(&self, certificate: &[u8]) -> String {
        self.all().find(|ca| ca.issued(certificate)).unwrap_or(&self.current).chain_pem()
    }
}

impl Authority {
    /// Replaces the issuing CA by a new one under the same root.
    ///
    /// # Errors
    /// The root's key is away, or files or the store cannot be written.
    pub async fn rotate_ca(&self, caller: &Caller) -> Result<(), ServiceError> {
        let _one_at_a_time = self.changing.lock().await;
        let now = self.time.trusted()?;
        if !self.vault.holds(ROOT_KEY) {
            return Err(ServiceError::RootKeyAway);
        }
        let root_key = self.vault.load(ROOT_KEY)?;
        let before = self.cas.load_full();
        let root_pem = before.current.root_pem().to_owned();
        let name = format!("gatepass {}", self.settings.trust_domain);
        let (pem, key) = CertificateAuthority::new_issuing(&root_pem, &root_key, &name, now)?;
        let load = |pem: &str, key: &Secret<String>| {
            CertificateAuthority::from_pem(&root_pem, pem, key, now).map_err(|error| {
                super::vault::VaultError::Io { path: "issuing CA".to_owned(), cause: error.to_string() }
            })
        };
        let ca = load(&pem, &key)?;
        let ski = hex(&ca.issuing_ski());
        self.vault.save(&issuing_certificate(&ski), &Secret::new(pem))?;
        self.vault.save(&issuing_key(&ski), &key)?;
        let entry = caller.did(Action::CaRotated, now).with("issuing_ski", ski.as_str());
        self.store.append_entries(AppendEntries { entries: vec![entry] }).await?;
        // The list is the switch: a crash before it leaves the old issuing CA in charge.
        let mut index = self.vault.load(ISSUING_INDEX)?.expose().clone();
        index.push_str(&ski);
        index.push('\n');
        self.vault.save(ISSUING_INDEX, &Secret::new(index))?;
        let mut former = Vec::new();
        for ca in before.all() {
            let key = self.vault.load(&issuing_key(&hex(&ca.issuing_ski())))?;
            former.push(load(ca.issuing_pem(), &key)?);
        }
        self.cas.store(Arc::new(CaSet::new(ca, former)));
        self.sign_crls().await
    }
}
