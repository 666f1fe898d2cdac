//! The CA on disk: its files in the vault, and the manifest that lists the valid ones.

mod next;

pub use next::{Interrupted, Next};

use serde::{Deserialize, Serialize};

use crate::ca::{CertificateAuthority, IssueError, PemError, crl_lists, der_to_pem, pem_to_der};
use crate::clock::Timestamp;
use crate::id::{Fingerprint, hex};
use crate::secret::Secret;
use crate::service::ca::set::{CaSet, Certificate, RevokedCa};
use crate::service::vault::{Vault, VaultError};
use crate::service::{CaError, ServiceError};

/// The file of the manifest. Files that it does not list are ignored.
pub const MANIFEST: &str = "ca.json";

/// The PEM label of a CRL (RFC 7468 section 6).
pub(super) const CRL: &str = "X509 CRL";

/// The roots and issuing CAs, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Manifest {
    roots: Vec<Fingerprint>,
    issuing: Vec<Issuing>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    revoked: Vec<RevokedCa>,
}

/// An issuing CA, by its subject key identifier (hexadecimal), and its root.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Issuing {
    ski: String,
    root: Fingerprint,
}

/// The file of a root's certificate.
fn root_certificate(root: Fingerprint) -> String {
    format!("ca-root-{root}.pem")
}

/// The file of a root's private key. It may be moved away, and restored for a rotation.
fn root_key(root: Fingerprint) -> String {
    format!("ca-root-{root}.key")
}

/// The file of a root's CRL, PEM.
fn root_revocations(root: Fingerprint) -> String {
    format!("ca-root-{root}.crl")
}

/// The file of the cross certificate from the previous root to this one.
fn cross_certificate(root: Fingerprint) -> String {
    format!("ca-cross-{root}.pem")
}

fn issuing_certificate(ski: &str) -> String {
    format!("ca-issuing-{ski}.pem")
}

fn issuing_key(ski: &str) -> String {
    format!("ca-issuing-{ski}.key")
}

impl Manifest {
    /// Returns whether the vault holds a CA.
    pub fn is_in(vault: &Vault) -> bool {
        vault.holds(MANIFEST)
    }

    /// Reads the manifest.
    ///
    /// # Errors
    /// The file is missing, exposed or malformed.
    pub fn load(vault: &Vault) -> Result<Self, VaultError> {
        vault.load_json(MANIFEST)
    }

    fn save(&self, vault: &Vault) -> Result<(), VaultError> {
        vault.save_json(MANIFEST, self)
    }

    /// Returns true if the current root has signed a CRL, with every revoked issuing CA below it.
    pub fn has_root_crl(&self, vault: &Vault) -> bool {
        self.roots.first().is_some_and(|root| self.has_crl_of(*root, vault))
    }

    fn has_crl_of(&self, root: Fingerprint, vault: &Vault) -> bool {
        let crl = root_crl(vault, root).ok().flatten();
        crl.is_some_and(|crl| self.below(root).all(|ca| crl_lists(&crl, ca.serial)))
    }

    /// The revoked issuing CAs below `root`.
    fn below(&self, root: Fingerprint) -> impl Iterator<Item = &RevokedCa> {
        self.revoked.iter().filter(move |ca| ca.root == root)
    }

    /// Checks that the current root has signed a CRL, with every revoked issuing CA below it.
    ///
    /// # Errors
    /// The CRL is missing or incomplete.
    pub fn require_root_crl(&self, vault: &Vault) -> Result<(), VaultError> {
        self.roots.first().map_or(Ok(()), |root| self.require_crl_of(*root, vault))
    }

    /// Checks that the CRL of its root lists the revoked issuing CA with this subject key identifier (hexadecimal).
    ///
    /// # Errors
    /// The CRL is missing or incomplete.
    pub fn require_listed(&self, ski: &str, vault: &Vault) -> Result<(), VaultError> {
        let ca = self.revoked.iter().find(|ca| ca.ski == ski);
        ca.map_or(Ok(()), |ca| self.require_crl_of(ca.root, vault))
    }

    fn require_crl_of(&self, root: Fingerprint, vault: &Vault) -> Result<(), VaultError> {
        if self.has_crl_of(root, vault) {
            return Ok(());
        }
        let path = vault.path(&root_revocations(root)).display().to_string();
        let cause = format!(
            "the CRL does not list every revoked issuing CA: put {} back, then try again",
            vault.path(&root_key(root)).display()
        );
        Err(VaultError::Io { path, cause })
    }

    /// The file of a root's private key, whether it exists or not.
    pub fn root_key_file(root: Fingerprint) -> String {
        root_key(root)
    }

    /// Returns whether the vault holds the private key of a root.
    pub fn holds_root_key(vault: &Vault, root: Fingerprint) -> bool {
        vault.holds(&root_key(root))
    }

    /// The file of the current root's private key, whether it exists or not.
    pub fn current_root_key(&self) -> Option<String> {
        self.roots.first().copied().map(root_key)
    }

    /// Returns whether the private key of the current root is in the keys directory.
    pub fn has_root_key(vault: &Vault) -> bool {
        let key = Self::load(vault).ok().and_then(|manifest| manifest.current_root_key());
        key.is_some_and(|key| vault.holds(&key))
    }

    /// Creates a root and an issuing CA.
    ///
    /// # Errors
    /// They could not be created or written.
    pub fn make(vault: &Vault, name: &str, now: Timestamp) -> Result<(), ServiceError> {
        Self::default().new_beginning(name, now)?.save(vault, 0)?;
        // There is no entry to wait for. A crash before this leaves files that the next start removes.
        Interrupted::load(vault)?.map_or(Ok(()), |next| Ok(next.take_up(vault)?))
    }

    /// Returns why the current root is not valid at `now`, if it is not. It can vouch for no other root then.
    ///
    /// # Errors
    /// Its file is missing, exposed or broken.
    pub fn root_fault(&self, vault: &Vault, now: Timestamp) -> Result<Option<CaError>, ServiceError> {
        Ok(root_fault(self.open(vault, now)?.current(), now))
    }

    /// Destroys the private keys of former roots and of revoked issuing CAs. Nothing needs them. The key of a root stays
    /// until its CRL lists every revoked issuing CA below it: only that key can sign such a CRL.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn destroy_former_keys(&self, vault: &Vault) -> Result<(), VaultError> {
        let known = self.roots.iter().chain(self.issuing.iter().map(|issuing| &issuing.root));
        let signed = |root: Fingerprint| self.below(root).next().is_none() || self.has_crl_of(root, vault);
        let mut former = known.filter(|root| Some(*root) != self.roots.first() && signed(**root));
        former.try_for_each(|root| vault.destroy(&root_key(*root)))?;
        self.revoked.iter().try_for_each(|ca| vault.destroy(&issuing_key(&ca.ski)))
    }

    fn current_root(&self, vault: &Vault) -> Result<(Fingerprint, Secret<String>), ServiceError> {
        let root = *self.roots.first().ok_or(CaError::RootKeyAway)?;
        let key = key_of_root(vault, root)?.ok_or(CaError::RootKeyAway)?;
        Ok((root, key))
    }

    /// Builds the CA from the files. The current one may have expired, because a rotation needs it open.
    ///
    /// # Errors
    /// A file is missing, exposed or broken.
    pub fn open(&self, vault: &Vault, now: Timestamp) -> Result<CaSet, ServiceError> {
        let mut newest_first = Vec::new();
        for issuing in &self.issuing {
            let root = vault.load(&root_certificate(issuing.root))?;
            let certificate = vault.load(&issuing_certificate(&issuing.ski))?;
            let key = vault.load(&issuing_key(&issuing.ski))?;
            if newest_first.is_empty() {
                let ca =
                    CertificateAuthority::from_pem_at_any_time(root.expose(), certificate.expose(), &key);
                newest_first.push(ca.map_err(IssueError::Authority)?);
            } else {
                // Every certificate of an expired former issuing CA has expired too.
                newest_first.extend(import(root.expose(), certificate.expose(), &key, now));
            }
        }
        let mut authorities = newest_first.into_iter();
        let current =
            authorities.next().ok_or_else(|| VaultError::Missing { path: "an issuing CA".to_owned() })?;
        let (newest, former) = self.roots.split_at(self.roots.len().min(1));
        let former_roots = certificates(vault, former.iter().copied().map(root_certificate))?;
        // Every root except the oldest has a cross certificate from the root before it.
        let vouched = newest.iter().chain(former).take(former.len());
        let crosses = certificates(vault, vouched.copied().map(cross_certificate))?;
        let set = CaSet::with_former(current, authorities.collect(), former_roots, crosses);
        Ok(set.with_revoked(self.revoked.clone()))
    }
}

/// Returns why the root of `ca` is not valid at `now`, if it is not.
pub fn root_fault(ca: &CertificateAuthority, now: Timestamp) -> Option<CaError> {
    match (ca.root_not_before(), ca.root_not_after()) {
        (_, ends) if ends <= now => Some(CaError::RootExpired),
        (not_before, _) if now < not_before => Some(CaError::RootFromFuture { not_before }),
        _ => None,
    }
}

/// Reads the private key of a root; `None` if it is not here.
pub(super) fn key_of_root(vault: &Vault, root: Fingerprint) -> Result<Option<Secret<String>>, VaultError> {
    let file = root_key(root);
    vault.holds(&file).then(|| vault.load(&file)).transpose()
}

/// Reads the CRL of a root, DER; `None` if it was never signed.
pub(super) fn root_crl(vault: &Vault, root: Fingerprint) -> Result<Option<Vec<u8>>, VaultError> {
    let file = root_revocations(root);
    let read = || pem_to_der(CRL, vault.load(&file)?.expose()).map_err(|error| broken(&file, &error));
    vault.holds(&file).then(read).transpose()
}

/// Writes the CRL of a root.
pub(super) fn save_root_crl(vault: &Vault, root: Fingerprint, der: &[u8]) -> Result<(), VaultError> {
    vault.save(&root_revocations(root), &Secret::new(der_to_pem(CRL, der)))
}

fn broken(file: &str, error: &PemError) -> VaultError {
    VaultError::Io { path: file.to_owned(), cause: error.to_string() }
}

fn issuing(ca: &CertificateAuthority) -> Issuing {
    Issuing { ski: hex(ca.issuing_ski()), root: ca.root_fingerprint() }
}

fn certificates(
    vault: &Vault,
    names: impl Iterator<Item = String>,
) -> Result<Vec<Certificate>, ServiceError> {
    names
        .map(|name| {
            let text = vault.load(&name)?;
            Ok(Certificate::parse(text.expose()).map_err(|error| broken(&name, &error))?)
        })
        .collect()
}

fn import(
    root: &str,
    issuing: &str,
    key: &Secret<String>,
    now: Timestamp,
) -> Result<CertificateAuthority, ServiceError> {
    CertificateAuthority::from_pem(root, issuing, key, now)
        .map_err(|error| IssueError::Authority(error).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    fn vault() -> (tempfile::TempDir, Vault) {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("keys")).unwrap();
        Manifest::make(&vault, "gatepass test", NOW).unwrap();
        (dir, vault)
    }

    fn open(vault: &Vault) -> CaSet {
        Manifest::load(vault).unwrap().open(vault, NOW).unwrap()
    }

    fn rotate(vault: &Vault, next: impl FnOnce(&Manifest) -> Result<Next, ServiceError>) {
        next(&Manifest::load(vault).unwrap()).unwrap().save(vault, 0).unwrap();
        Interrupted::load(vault).unwrap().unwrap().take_up(vault).unwrap();
    }

    fn new_root(vault: &Vault) {
        rotate(vault, |manifest| manifest.new_root(vault, "gatepass test", NOW));
    }

    #[test]
    fn a_new_issuing_ca_keeps_root_and_predecessor() {
        let (_dir, vault) = vault();
        let before = open(&vault);
        rotate(&vault, |manifest| manifest.new_issuing(&vault, "gatepass test", NOW));
        let after = open(&vault);
        assert_eq!(after.current().root_fingerprint(), before.current().root_fingerprint());
        let skis = after.all().map(CertificateAuthority::issuing_ski).collect::<Vec<_>>();
        assert_eq!(skis.len(), 2);
        assert_eq!(skis[1], before.current().issuing_ski());
    }

    #[test]
    fn every_former_root_leads_to_a_new_root() {
        let (_dir, vault) = vault();
        let first = open(&vault).current().root_fingerprint();
        new_root(&vault);
        new_root(&vault);
        let set = open(&vault);
        assert_ne!(set.current().root_fingerprint(), first);
        assert!(set.root(first).is_some());
        assert_eq!(set.client_anchors().count(), 3);
        assert_eq!(set.own_chain().count(), 1 + 2 + 3);
    }

    #[test]
    fn no_rotation_changes_a_ca_without_its_root_key() {
        let (_dir, vault) = vault();
        let manifest = Manifest::load(&vault).unwrap();
        vault.destroy(&manifest.current_root_key().unwrap()).unwrap();
        assert_eq!(manifest.new_root(&vault, "x", NOW).err(), Some(ServiceError::Ca(CaError::RootKeyAway)));
        assert_eq!(
            manifest.new_issuing(&vault, "x", NOW).err(),
            Some(ServiceError::Ca(CaError::RootKeyAway))
        );
        assert_eq!(Manifest::load(&vault).unwrap(), manifest);
    }

    #[test]
    fn files_that_the_manifest_does_not_name_are_ignored() {
        let (_dir, vault) = vault();
        vault.save("ca-issuing-00.pem", &Secret::new("half".to_owned())).unwrap();
        assert_eq!(open(&vault).all().count(), 1);
    }

    #[test]
    fn an_unrecorded_rotation_leaves_no_trace() {
        let (_dir, vault) = vault();
        let sorted = || {
            let mut names = vault.names().unwrap();
            names.sort_unstable();
            names
        };
        let before = (sorted(), Manifest::load(&vault).unwrap());
        let manifest = Manifest::load(&vault).unwrap();
        manifest.new_root(&vault, "gatepass test", NOW).unwrap().save(&vault, 7).unwrap();
        assert_eq!(Manifest::load(&vault).unwrap(), manifest, "it does not count");
        Interrupted::load(&vault).unwrap().unwrap().drop_from(&vault).unwrap();
        assert_eq!((sorted(), Manifest::load(&vault).unwrap()), before);
    }

    #[test]
    fn a_revocation_counts_once_it_is_recorded() {
        let (_dir, vault) = vault();
        rotate(&vault, |manifest| manifest.new_issuing(&vault, "gatepass test", NOW));
        let before = Manifest::load(&vault).unwrap();
        let set = open(&vault);
        let former = set.all().nth(1).unwrap();
        let (ski, root) = (hex(former.issuing_ski()), former.root_fingerprint());
        let serial = former.issuing_serial().unwrap();
        let revoke = || before.revoke(RevokedCa { ski: ski.clone(), root, serial, revoked_at: NOW });
        revoke().save(&vault, 7).unwrap();
        let interrupted = Interrupted::load(&vault).unwrap().unwrap();
        assert_eq!(interrupted.act(), (crate::ledger::Action::CaRevoked, ski.as_str()));
        interrupted.drop_from(&vault).unwrap();
        assert_eq!(Manifest::load(&vault).unwrap(), before);
        assert!(vault.holds(&issuing_key(&ski)), "an unrecorded one leaves the key");

        revoke().save(&vault, 7).unwrap();
        Interrupted::load(&vault).unwrap().unwrap().take_up(&vault).unwrap();
        Manifest::load(&vault).unwrap().destroy_former_keys(&vault).unwrap();
        let after = open(&vault);
        assert_eq!((after.all().count(), after.revoked().len()), (1, 1));
        assert!(!vault.holds(&issuing_key(&ski)));
    }
}
