//! The host's key, which is generated here and never sent, and the certificates for it.

use std::path::Path;

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::error::ClientError;
use crate::ca::{Csr, CsrPolicy, der_to_pem};
use crate::connect::Identity;
use crate::id::{Fingerprint, SpkiHash, Thumbprint};
use crate::secret::Secret;
use crate::wire::EnrollAnswer;

/// A P-256 key of this host.
pub struct HostKey(KeyPair);

impl HostKey {
    /// Generates a key.
    ///
    /// # Errors
    /// If the library fails.
    pub fn generate() -> Result<Self, ClientError> {
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map(Self).map_err(broken)
    }

    /// Reads a key in PKCS#8 PEM form.
    ///
    /// # Errors
    /// If the text is no such key.
    pub fn from_pem(pem: &Secret<String>) -> Result<Self, ClientError> {
        KeyPair::from_pem(pem.expose()).map(Self).map_err(broken)
    }

    /// The key in PKCS#8 PEM form.
    pub fn to_pem(&self) -> Secret<String> {
        Secret::new(self.0.serialize_pem())
    }

    /// A certificate request (RFC 2986) that proves possession. It has no names, because names come from the token.
    ///
    /// # Errors
    /// If the library cannot sign.
    pub fn request(&self) -> Result<String, ClientError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.serialize_request(&self.0).and_then(|request| request.pem()).map_err(broken)
    }

    /// The SHA-256 of the public key, as in certificates.
    pub fn hash(&self) -> SpkiHash {
        SpkiHash::of(&self.0.subject_public_key_info())
    }

    /// The RFC 7638 thumbprint of the public key, for a token that is bound to it.
    ///
    /// # Errors
    /// If the library cannot sign.
    pub fn thumbprint(&self) -> Result<Thumbprint, ClientError> {
        let request = Csr::parse(&self.request()?, CsrPolicy::default());
        request
            .map(|request| request.thumbprint())
            .map_err(|error| ClientError::Key { why: error.to_string() })
    }

    /// Checks that an answer certifies this key, and that each certificate in it signs the one before.
    ///
    /// # Errors
    /// The first mismatch.
    pub fn check(
        &self,
        answer: &EnrollAnswer,
        pinned: Option<Fingerprint>,
    ) -> Result<Fingerprint, ClientError> {
        let leaf = certificates(&answer.certificate);
        let root = certificates(&answer.ca_certificate);
        let ([leaf], [root]) = (leaf.as_slice(), root.as_slice()) else {
            return Err(wrong("it does not hold one host and one root certificate"));
        };
        if parse(leaf)?.public_key().raw != self.0.subject_public_key_info() {
            return Err(wrong("its certificate is for another key"));
        }
        let fingerprint = Fingerprint::of(root);
        if pinned.is_some_and(|pinned| pinned != fingerprint) {
            return Err(wrong("its root certificate is not the pinned one"));
        }
        if leads_to(leaf, root, certificates(&answer.chain))? {
            Ok(fingerprint)
        } else {
            Err(wrong("its certificates do not sign each other"))
        }
    }
}

/// Returns true if signatures lead from `leaf` to `root` through certificates of `chain`. The chain may hold other
/// certificates, such as those of later roots.
pub(super) fn leads_to(
    leaf: &CertificateDer<'static>,
    root: &CertificateDer<'static>,
    mut chain: Vec<CertificateDer<'static>>,
) -> Result<bool, ClientError> {
    let signed = |subject: &CertificateDer<'_>, issuer: &CertificateDer<'_>| -> Result<bool, ClientError> {
        Ok(parse(subject)?.verify_signature(Some(parse(issuer)?.public_key())).is_ok())
    };
    let mut last = leaf.clone();
    loop {
        if signed(&last, root)? {
            return Ok(true);
        }
        let mut next = None;
        for (place, issuer) in chain.iter().enumerate() {
            // A self-signed one leads nowhere but to itself.
            if !signed(issuer, issuer)? && signed(&last, issuer)? {
                next = Some(place);
                break;
            }
        }
        match next {
            // Each is used once, so that this ends.
            Some(place) => last = chain.swap_remove(place),
            None => return Ok(false),
        }
    }
}

fn broken(error: rcgen::Error) -> ClientError {
    ClientError::Key { why: error.to_string() }
}

fn wrong(what: &str) -> ClientError {
    ClientError::Answer { what: what.to_owned() }
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, ClientError> {
    X509Certificate::from_der(der)
        .map(|(_, certificate)| certificate)
        .map_err(|_| wrong("a certificate of it is broken"))
}

/// The certificates in a PEM text; empty if a part is damaged.
pub fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap_or_default()
}

/// The certificate of a host and those that lead to a root, without the roots: what a TLS server presents.
pub fn full_chain(leaf: &str, chain: &str) -> String {
    let is_root = |der: &CertificateDer<'_>| parse(der).is_ok_and(|it| it.verify_signature(None).is_ok());
    let issuers = certificates(chain).into_iter().filter(|der| !is_root(der));
    certificates(leaf).into_iter().chain(issuers).map(|der| der_to_pem("CERTIFICATE", &der)).collect()
}

/// The client certificate that key, leaf and chain make; `dir` is named where they do not.
///
/// # Errors
/// If a part is not what it should be.
pub fn identity(dir: &Path, key: &Secret<String>, leaf: &str, chain: &str) -> Result<Identity, ClientError> {
    let damaged = |name: &str, why: &str| ClientError::Damaged { path: dir.join(name), why: why.to_owned() };
    let no_key = |_| damaged("host.key", "it holds no private key");
    let mut path = certificates(leaf);
    let [certificate] = path.as_slice() else {
        return Err(damaged("host.pem", "it does not hold one certificate"));
    };
    if SpkiHash::of(parse(certificate)?.public_key().raw) != HostKey::from_pem(key).map_err(no_key)?.hash() {
        return Err(damaged("host.key", "it is not the key of host.pem"));
    }
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|_| damaged("host.key", "it holds no private key"))?;
    path.extend(certificates(chain));
    Ok(Identity { chain: path, key })
}
