//! A rotation on disk, before it counts: its files are whole, and a file beside the manifest says what the manifest will
//! be. The ledger decides: once it has the entry of the rotation the manifest is replaced, otherwise all of it goes.

use serde::{Deserialize, Serialize};

use super::{
    Manifest, cross_certificate, import, issuing, issuing_certificate, issuing_key, root_certificate,
    root_key,
};
use crate::ca::{CertificateAuthority, NewAuthority, NewRoot};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::service::ServiceError;
use crate::service::vault::{Vault, VaultError};

/// The file of the manifest that may come to count.
const NEXT: &str = "ca.next.json";

/// What a rotation makes, in memory.
pub struct Next {
    manifest: Manifest,
    files: Vec<(String, Secret<String>)>,
}

/// A rotation that a crash interrupted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Interrupted {
    /// The last number of the ledger before it: its own entry, if there is one, comes after.
    pub after: u64,
    manifest: Manifest,
}

impl Manifest {
    /// A new issuing CA under the current root.
    ///
    /// # Errors
    /// The root's key is away, or the CA could not be made.
    pub fn new_issuing(&self, vault: &Vault, name: &str, now: Timestamp) -> Result<Next, ServiceError> {
        let (root, key) = self.current_root(vault)?;
        let root_pem = vault.load(&root_certificate(root))?;
        let (pem, issuing_key) = CertificateAuthority::new_issuing(root_pem.expose(), &key, name, now)?;
        let mut next = Next { manifest: self.clone(), files: Vec::new() };
        next.put_first(&import(root_pem.expose(), &pem, &issuing_key, now)?, issuing_key);
        Ok(next)
    }

    /// A new root and an issuing CA in the place of a root that has expired. Nobody can trust that any more, so it vouches
    /// for nothing and its private key is not needed.
    ///
    /// # Errors
    /// The CA could not be made.
    pub fn new_beginning(&self, name: &str, now: Timestamp) -> Result<Next, ServiceError> {
        let NewAuthority { root_key: new_key, root_pem, issuing_key, issuing_pem } =
            CertificateAuthority::generate(name, now)?;
        let ca = import(&root_pem, &issuing_pem, &issuing_key, now)?;
        let root = ca.root_fingerprint();
        let files = vec![(root_key(root), new_key), (root_certificate(root), Secret::new(root_pem))];
        let manifest = Self { roots: vec![root], issuing: self.issuing.clone() };
        let mut next = Next { manifest, files };
        next.put_first(&ca, issuing_key);
        Ok(next)
    }

    /// A new root, for which the current one vouches, and a new issuing CA under it. Nothing needs the private key of the
    /// root before any more.
    ///
    /// # Errors
    /// The root's key is away, or the CA could not be made.
    pub fn new_root(&self, vault: &Vault, name: &str, now: Timestamp) -> Result<Next, ServiceError> {
        let (before, key) = self.current_root(vault)?;
        let before_pem = vault.load(&root_certificate(before))?;
        let made = CertificateAuthority::new_root(name, now, before_pem.expose(), &key)?;
        let NewRoot { root_pem, root_key: new_key, cross_pem } = made;
        let (pem, issuing_key) = CertificateAuthority::new_issuing(&root_pem, &new_key, name, now)?;
        let ca = import(&root_pem, &pem, &issuing_key, now)?;
        let root = ca.root_fingerprint();
        let files = vec![
            (root_key(root), new_key),
            (root_certificate(root), Secret::new(root_pem)),
            (cross_certificate(root), Secret::new(cross_pem)),
        ];
        let mut next = Next { manifest: self.clone(), files };
        next.manifest.roots.insert(0, root);
        next.put_first(&ca, issuing_key);
        Ok(next)
    }
}

impl Next {
    fn put_first(&mut self, ca: &CertificateAuthority, key: Secret<String>) {
        let issuing = issuing(ca);
        self.files.push((issuing_key(&issuing.ski), key));
        self.files.push((issuing_certificate(&issuing.ski), Secret::new(ca.issuing_pem().to_owned())));
        self.manifest.issuing.insert(0, issuing);
    }

    /// Writes it beside what counts; `after` is the last number of the ledger. What it consists of is named first, so
    /// that a crash leaves no private key that nobody knows of.
    ///
    /// # Errors
    /// A file could not be written; nothing of it is left then.
    pub fn save(&self, vault: &Vault, after: u64) -> Result<Manifest, VaultError> {
        let interrupted = Interrupted { after, manifest: self.manifest.clone() };
        let text = serde_json::to_string_pretty(&interrupted).unwrap_or_default();
        let saved = vault
            .save(NEXT, &Secret::new(text))
            .and_then(|()| self.files.iter().try_for_each(|(name, text)| vault.save(name, text)));
        match saved {
            Ok(()) => Ok(self.manifest.clone()),
            Err(error) => {
                // What cannot be removed now goes at the next start.
                let _ = interrupted.drop_from(vault);
                Err(error)
            }
        }
    }
}

impl Interrupted {
    /// The one that is on disk, if any.
    ///
    /// # Errors
    /// It cannot be read, or is not what was written.
    pub fn load(vault: &Vault) -> Result<Option<Self>, VaultError> {
        if !vault.holds(NEXT) {
            return Ok(None);
        }
        let text = vault.load(NEXT)?;
        let broken = |error: serde_json::Error| VaultError::Io {
            path: vault.path(NEXT).display().to_string(),
            cause: error.to_string(),
        };
        serde_json::from_str(text.expose()).map(Some).map_err(broken)
    }

    /// The subject key identifier (hexadecimal) of its issuing CA: the ledger's entry names it.
    pub fn issuing_ski(&self) -> &str {
        self.manifest.issuing.first().map_or("", |issuing| &issuing.ski)
    }

    /// It is recorded: from now on it counts.
    ///
    /// # Errors
    /// The manifest cannot be replaced; it is not lost then.
    pub fn take_up(&self, vault: &Vault) -> Result<(), VaultError> {
        self.manifest.save(vault)?;
        vault.destroy(NEXT)
    }

    /// It was never recorded: destroys what it alone needs.
    ///
    /// # Errors
    /// A file cannot be removed; it is not lost from sight then.
    pub fn drop_from(&self, vault: &Vault) -> Result<(), VaultError> {
        let counts = Manifest::load(vault)?;
        for issuing in self.manifest.issuing.iter().filter(|issuing| !counts.issuing.contains(issuing)) {
            vault.destroy(&issuing_key(&issuing.ski))?;
            vault.destroy(&issuing_certificate(&issuing.ski))?;
        }
        for root in self.manifest.roots.iter().filter(|root| !counts.roots.contains(root)) {
            vault.destroy(&root_key(*root))?;
            vault.destroy(&root_certificate(*root))?;
            vault.destroy(&cross_certificate(*root))?;
        }
        vault.destroy(NEXT)
    }
}
