//! The CRL of each root. It is signed when the root's key is here and the CRL is missing or lacks a revoked issuing CA. It is
//! kept beside the root's certificate. The CRL of an imported root is a file of the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{self, CRL, Manifest};
use super::set::{Certificate, RevokedCa};
use crate::ca::{
    CrlEntry, CrlReason, crl_lists, is_crl_of, not_after, pem_to_der, sign_root_crl, subject_key_identifier,
};
use crate::clock::Timestamp;
use crate::id::Fingerprint;
use crate::service::ServiceError;
use crate::service::vault::{Vault, VaultError};
use crate::store::{NextCrlNumber, Store};

/// The source of the roots' CRLs.
pub(in crate::service) struct RootCrls {
    store: Arc<dyn Store>,
    vault: Vault,
    imported: Option<PathBuf>,
}

impl RootCrls {
    /// `imported` is the file of an imported root's CRL.
    pub(in crate::service) const fn new(
        store: Arc<dyn Store>,
        vault: Vault,
        imported: Option<PathBuf>,
    ) -> Self {
        Self { store, vault, imported }
    }

    /// Returns true if the root is imported with a file of its CRL.
    pub(super) const fn is_imported(&self) -> bool {
        self.imported.is_some()
    }

    /// Returns true if the private key of `root` is here.
    pub(super) fn can_sign(&self, root: &Certificate) -> bool {
        self.imported.is_none() && Manifest::holds_root_key(&self.vault, Fingerprint::of(&root.der))
    }

    /// Reads the CRL of `root`, DER; `None` before it was signed.
    pub(super) fn load(&self, root: &Certificate) -> Result<Option<Vec<u8>>, VaultError> {
        match &self.imported {
            Some(file) => read(file, &root.der).map(Some),
            None => files::root_crl(&self.vault, Fingerprint::of(&root.der)),
        }
    }

    /// The same. Signs a CRL first, if the root's key is here and the CRL is missing, broken or lacks one of the `revoked`
    /// issuing CAs.
    pub(super) async fn load_or_sign(
        &self,
        root: &Certificate,
        revoked: &[RevokedCa],
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, ServiceError> {
        let found = self.load(root);
        let fingerprint = Fingerprint::of(&root.der);
        let entries = revoked.iter().filter(|ca| ca.root == fingerprint).map(entry).collect::<Vec<_>>();
        let complete = |crl: &Vec<u8>| entries.iter().all(|entry| crl_lists(crl, entry.serial));
        let due =
            self.imported.is_none() && !found.as_ref().is_ok_and(|crl| crl.as_ref().is_some_and(complete));
        let live = not_after(&root.der).is_some_and(|ends| now < ends);
        let (Some(ski), true) = (subject_key_identifier(&root.der), due && live) else { return Ok(found?) };
        let Some(key) = files::key_of_root(&self.vault, fingerprint)? else { return Ok(found?) };
        let number = self.store.next_crl_number(NextCrlNumber { ski }).await?;
        let crl = sign_root_crl(&root.pem, &key, number, &entries, now)?;
        files::save_root_crl(&self.vault, fingerprint, &crl)?;
        Ok(Some(crl))
    }
}

const fn entry(ca: &RevokedCa) -> CrlEntry {
    CrlEntry { serial: ca.serial, revoked_at: ca.revoked_at, reason: CrlReason::CaCompromise }
}

/// Reads the file of an imported root's CRL, PEM or DER, and returns its DER. `root` is the root's certificate, DER.
///
/// # Errors
/// The file cannot be read, or is not a CRL that the root has signed.
pub fn read(file: &Path, root: &[u8]) -> Result<Vec<u8>, VaultError> {
    let failed = |cause: String| VaultError::Io { path: file.display().to_string(), cause };
    let bytes = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let pem = std::str::from_utf8(&bytes).ok().and_then(|text| pem_to_der(CRL, text).ok());
    let der = pem.unwrap_or(bytes);
    match is_crl_of(root, &der) {
        true => Ok(der),
        false => Err(failed("not a CRL that the root in ca.root has signed".to_owned())),
    }
}
