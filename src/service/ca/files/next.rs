//! A rotation on disk before it is in effect. All its files are written, and one of them holds the next manifest.
//! The ledger decides: if it has the rotation's entry, the manifest is replaced; otherwise all files are removed.

use serde::{Deserialize, Serialize};

use super::{
    Manifest, cross_certificate, import, issuing, issuing_certificate, issuing_key, root_certificate,
    root_key,
};
use crate::ca::{CertificateAuthority, NewAuthority, NewRoot};
use crate::clock::Timestamp;
use crate::ledger::Action;
use crate::secret::Secret;
use crate::service::ServiceError;
use crate::service::ca::set::RevokedCa;
use crate::service::vault::{Vault, VaultError};

/// The file of the next manifest.
const NEXT: &str = "ca.next.json";

/// The certificates and keys of a rotation, in memory.
pub struct Next {
    manifest: Manifest,
    /// The subject key identifier (hexadecimal) of the issuing CA that is revoked, instead of a rotation.
    revoked: Option<String>,
    files: Vec<(String, Secret<String>)>,
}

/// A rotation that a crash interrupted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Interrupted {
    /// The last number of the ledger before the rotation. The rotation's entry, if any, comes after it.
    pub after: u64,
    manifest: Manifest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
}

impl Manifest {
    /// Creates an issuing CA under the current root.
    ///
    /// # Errors
    /// The root's key is missing, or the CA could not be created.
    pub fn new_issuing(&self, vault: &Vault, name: &str, now: Timestamp) -> Result<Next, ServiceError> {
        let (root, key) = self.current_root(vault)?;
        let root_pem = vault.load(&root_certificate(root))?;
        let (pem, issuing_key) = CertificateAuthority::new_issuing(root_pem.expose(), &key, name, now)?;
        let mut next = Next { manifest: self.clone(), revoked: None, files: Vec::new() };
        next.put_first(&import(root_pem.expose(), &pem, &issuing_key, now)?, issuing_key);
        Ok(next)
    }

    /// Creates a root and an issuing CA that replace a root that is not valid now. No client trusts that root, so there is no
    /// cross certificate and its private key is not needed.
    ///
    /// # Errors
    /// The CA could not be created.
    pub fn new_beginning(&self, name: &str, now: Timestamp) -> Result<Next, ServiceError> {
        let NewAuthority { root_key: new_key, root_pem, issuing_key, issuing_pem } =
            CertificateAuthority::generate(name, now)?;
        let ca = import(&root_pem, &issuing_pem, &issuing_key, now)?;
        let root = ca.root_fingerprint();
        let files = vec![(root_key(root), new_key), (root_certificate(root), Secret::new(root_pem))];
        let mut next = Next { manifest: Self { roots: vec![root], ..self.clone() }, revoked: None, files };
        next.put_first(&ca, issuing_key);
        Ok(next)
    }

    /// Creates a root with a cross certificate from the current one, and an issuing CA under it. The private key of the
    /// current root is no longer needed afterwards.
    ///
    /// # Errors
    /// The root's key is missing, or the CA could not be created.
    pub fn new_root(&self, vault: &Vault, name: &str, now: Timestamp) -> Result<Next, ServiceError> {
        let (before, key) = self.current_root(vault)?;
        let before_pem = vault.load(&root_certificate(before))?;
        let former = self.roots.iter().skip(1).map(|root| vault.load(&root_certificate(*root)));
        let former = former.collect::<Result<Vec<_>, _>>()?;
        let made = CertificateAuthority::new_root(name, now, before_pem.expose(), &key, &former)?;
        let NewRoot { root_pem, root_key: new_key, cross_pem } = made;
        let (pem, issuing_key) = CertificateAuthority::new_issuing(&root_pem, &new_key, name, now)?;
        let ca = import(&root_pem, &pem, &issuing_key, now)?;
        let root = ca.root_fingerprint();
        let files = vec![
            (root_key(root), new_key),
            (root_certificate(root), Secret::new(root_pem)),
            (cross_certificate(root), Secret::new(cross_pem)),
        ];
        let mut next = Next { manifest: self.clone(), revoked: None, files };
        next.manifest.roots.insert(0, root);
        next.put_first(&ca, issuing_key);
        Ok(next)
    }

    /// Takes a revoked issuing CA out of use.
    pub fn revoke(&self, ca: RevokedCa) -> Next {
        let mut manifest = self.clone();
        manifest.issuing.retain(|issuing| issuing.ski != ca.ski);
        let revoked = Some(ca.ski.clone());
        manifest.revoked.push(ca);
        Next { manifest, revoked, files: Vec::new() }
    }
}

impl Next {
    fn put_first(&mut self, ca: &CertificateAuthority, key: Secret<String>) {
        let issuing = issuing(ca);
        self.files.push((issuing_key(&issuing.ski), key));
        self.files.push((issuing_certificate(&issuing.ski), Secret::new(ca.issuing_pem().to_owned())));
        self.manifest.issuing.insert(0, issuing);
    }

    /// Writes the files; `after` is the last number of the ledger. The next manifest is written first, so that a crash
    /// leaves no private key that no file lists.
    ///
    /// # Errors
    /// A file could not be written. No file of the rotation is left then.
    pub fn save(&self, vault: &Vault, after: u64) -> Result<Manifest, VaultError> {
        let (manifest, revoked) = (self.manifest.clone(), self.revoked.clone());
        let interrupted = Interrupted { after, manifest, revoked };
        let saved = vault
            .save_json(NEXT, &interrupted)
            .and_then(|()| self.files.iter().try_for_each(|(name, text)| vault.save(name, text)));
        match saved {
            Ok(()) => Ok(self.manifest.clone()),
            Err(error) => {
                // The next start removes files that cannot be removed now.
                let _ = interrupted.drop_from(vault);
                Err(error)
            }
        }
    }
}

impl Interrupted {
    /// Reads the interrupted rotation, if there is one.
    ///
    /// # Errors
    /// The file cannot be read, or is malformed.
    pub fn load(vault: &Vault) -> Result<Option<Self>, VaultError> {
        if !vault.holds(NEXT) {
            return Ok(None);
        }
        vault.load_json(NEXT).map(Some)
    }

    /// Removes the rest of a file that a crash interrupted before it was complete.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn clear(vault: &Vault) -> Result<(), VaultError> {
        vault.remove(NEXT)
    }

    /// The manifest after the rotation.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The act, and the subject key identifier (hexadecimal) of the issuing CA that the ledger's entry of it names.
    pub fn act(&self) -> (Action, &str) {
        let current = || self.manifest.issuing.first().map_or("", |issuing| &issuing.ski);
        match &self.revoked {
            Some(ski) => (Action::CaRevoked, ski),
            None => (Action::CaRotated, current()),
        }
    }

    /// Completes a recorded rotation: replaces the manifest.
    ///
    /// # Errors
    /// The manifest cannot be replaced. The next start tries again.
    pub fn take_up(&self, vault: &Vault) -> Result<(), VaultError> {
        self.manifest.save(vault)?;
        vault.remove(NEXT)
    }

    /// Removes a rotation that was not recorded, with the keys that it alone uses.
    ///
    /// # Errors
    /// A file cannot be removed. The next start tries again.
    pub fn drop_from(&self, vault: &Vault) -> Result<(), VaultError> {
        // The first CA has no manifest before it.
        let counts = if Manifest::is_in(vault) { Manifest::load(vault)? } else { Manifest::default() };
        for issuing in self.manifest.issuing.iter().filter(|issuing| !counts.issuing.contains(issuing)) {
            vault.destroy(&issuing_key(&issuing.ski))?;
            vault.destroy(&issuing_certificate(&issuing.ski))?;
        }
        for root in self.manifest.roots.iter().filter(|root| !counts.roots.contains(root)) {
            vault.destroy(&root_key(*root))?;
            vault.destroy(&root_certificate(*root))?;
            vault.destroy(&cross_certificate(*root))?;
        }
        vault.remove(NEXT)
    }
}
