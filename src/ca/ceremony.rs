//! Making CAs: the first root and issuing CA, another issuing CA, another root.

use std::time::Duration;

use x509_cert::name::Name;

use super::authority::CertificateAuthority;
use super::ca_key::CaKey;
use super::error::IssueError;
use super::extension::{key_identifier, of_ca};
use super::import::{self, CaCertificate};
use super::pem::der_to_pem;
use super::subject;
use super::template::Template;
use super::validity::Validity;
use crate::clock::Timestamp;
use crate::id::Serial;
use crate::secret::Secret;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Ten years.
const ROOT_LIFETIME: Duration = DAY.saturating_mul(3652);
/// Three years.
const ISSUING_LIFETIME: Duration = DAY.saturating_mul(1095);

/// A new root and a new issuing CA, with both keys.
pub struct NewAuthority {
    /// The root's private key, PKCS#8 PEM.
    pub root_key: Secret<String>,
    /// The root certificate, PEM.
    pub root_pem: String,
    /// The issuing CA's private key, PKCS#8 PEM.
    pub issuing_key: Secret<String>,
    /// The issuing CA's certificate, PEM.
    pub issuing_pem: String,
}

/// A new root that holders of the old one can come to trust.
pub struct NewRoot {
    /// The new root certificate, PEM.
    pub root_pem: String,
    /// Its private key, PKCS#8 PEM.
    pub root_key: Secret<String>,
    /// The new root's key and subject, certified by the old root, PEM. Clients that pinned the old root need it in the chain.
    pub cross_pem: String,
}

impl CertificateAuthority {
    /// Makes a root (ten years, no path length) and an issuing CA (three years, path length 0).
    ///
    /// Both use ECDSA P-256 with SHA-256, because some widely used verifiers accept no Ed25519 CA. `name` begins both
    /// subjects.
    ///
    /// # Errors
    /// [`IssueError`], for a name that no certificate can carry, or a failure to sign.
    pub fn generate(name: &str, now: Timestamp) -> Result<NewAuthority, IssueError> {
        let key = CaKey::generate()?;
        let root_pem = certify(subject::root(name, key.spki_der())?, &key, None, ROOT_LIFETIME, None, now)?;
        let root_key = key.to_pem()?;
        let (issuing_pem, issuing_key) = Self::new_issuing(&root_pem, &root_key, name, now)?;
        Ok(NewAuthority { root_key, root_pem, issuing_key, issuing_pem })
    }

    /// Makes another issuing CA under a root: its certificate and private key, PEM.
    ///
    /// # Errors
    /// [`IssueError`], for an unusable root or root key, a name that no certificate can carry, or a failure to sign.
    pub fn new_issuing(
        root_pem: &str,
        root_key: &Secret<String>,
        name: &str,
        now: Timestamp,
    ) -> Result<(String, Secret<String>), IssueError> {
        let root = import::root_at(root_pem, now)?;
        let root_key = import::key_of(&root, "root key", root_key)?;
        let key = CaKey::generate()?;
        let ski = key_identifier(key.spki())?;
        let subject = subject::issuing(name, &ski)?;
        let pem = certify(subject, &key, Some(0), ISSUING_LIFETIME, Some((&root, &root_key)), now)?;
        Ok((pem, key.to_pem()?))
    }

    /// Makes another root, cross-signed by the old one.
    ///
    /// A path length counts every CA below the root except those with the root's own name (RFC 5280 section 6.1.4(l)).
    /// Path length 1, as in roots of version 0.1.0, has no room for a cross certificate and an issuing CA. While a root to
    /// lead to has it, the new root keeps the old subject (RFC 4210 section 4.4), and `name` is unused. These roots are the
    /// old one and those in `former`, PEM.
    ///
    /// # Errors
    /// [`IssueError`], for an unusable old root or key, a name that no certificate can carry, or a failure to sign.
    pub fn new_root(
        name: &str,
        now: Timestamp,
        old_root_pem: &str,
        old_root_key: &Secret<String>,
        former: &[Secret<String>],
    ) -> Result<NewRoot, IssueError> {
        let old = import::root_at(old_root_pem, now)?;
        let old_key = import::key_of(&old, "old root's key", old_root_key)?;
        let key = CaKey::generate()?;
        let is_short = |root: &CaCertificate| root.path_length.is_some_and(|length| length <= 1);
        let live = |pem: &Secret<String>| import::root_at(pem.expose(), now).ok();
        let subject = match is_short(&old) || former.iter().filter_map(live).any(|root| is_short(&root)) {
            true => old.subject().clone(),
            false => subject::root(name, key.spki_der())?,
        };
        let root_pem = certify(subject.clone(), &key, None, ROOT_LIFETIME, None, now)?;
        let cross_pem = certify(subject, &key, None, ROOT_LIFETIME, Some((&old, &old_key)), now)?;
        Ok(NewRoot { root_pem, root_key: key.to_pem()?, cross_pem })
    }
}

/// A CA certificate for `key`, PEM. Without an issuer, `key` signs it.
pub(super) fn certify(
    subject: Name,
    key: &CaKey,
    path_length: Option<u8>,
    lifetime: Duration,
    issuer: Option<(&CaCertificate, &CaKey)>,
    now: Timestamp,
) -> Result<String, IssueError> {
    let issuer_ski = issuer.map(|(ca, _)| ca.ski.as_slice());
    let extensions = of_ca(path_length, &key_identifier(key.spki())?, issuer_ski)?;
    let validity = Validity::new(now, lifetime)?;
    let (issuer, signing, validity) = match issuer {
        Some((ca, key)) => (ca.subject().clone(), key, validity.within(ca.bounds)?),
        None => (subject.clone(), key, validity),
    };
    let spki = key.spki().clone();
    let template = Template { serial: Serial::generate(), subject, validity, spki, extensions };
    Ok(der_to_pem("CERTIFICATE", &template.sign(issuer, signing)?))
}

#[cfg(test)]
mod tests;
