//! Certificate signing requests (PKCS#10, RFC 2986). Only the public key of one is used.

use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::request::CertReq;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::error::CsrError;
use super::pem::pem_to_der;
use super::public_key::PublicKey;
use crate::id::{SpkiHash, Thumbprint};

/// Maximum size of a request, in bytes of PEM.
const LIMIT: usize = 8 * 1024;

/// The accepted kinds of key in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsrPolicy {
    /// Also accepts RSA with 2048 to 4096 bits; otherwise only P-256, P-384 and Ed25519.
    pub allow_rsa: bool,
}

/// A request with proof of possession of the private key. Its subject, names and extensions are dropped: the token decides
/// the names of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    spki: SubjectPublicKeyInfoOwned,
    public_key: Vec<u8>,
    spki_hash: SpkiHash,
    thumbprint: Thumbprint,
}

impl Csr {
    /// Reads one PEM block `CERTIFICATE REQUEST` or `NEW CERTIFICATE REQUEST` of at most 8 KiB and checks its proof of possession.
    ///
    /// Accepts P-256 with SHA-256, P-384 with SHA-384, and Ed25519. If `policy` allows it, also RSA with 2048 to 4096
    /// bits and SHA-256, SHA-384 or SHA-512 (PKCS#1 v1.5).
    ///
    /// # Errors
    /// The [`CsrError`] of the first failed check.
    pub fn parse(text: &str, policy: CsrPolicy) -> Result<Self, CsrError> {
        if text.len() > LIMIT {
            return Err(CsrError::TooLarge { length: text.len(), most: LIMIT });
        }
        let der = pem_to_der("CERTIFICATE REQUEST", text)?;
        let request = CertReq::from_der(&der).map_err(|_| CsrError::NotPkcs10)?;
        // The signature is checked over the structure written again: only if that is what came in is it the same.
        if request.to_der().map_err(|_| CsrError::NotPkcs10)? != der {
            return Err(CsrError::NotPkcs10);
        }
        let key = accepted_key(&request, policy)?;
        prove_possession(&request, &key)?;
        let spki = request.info.public_key;
        let public_key = spki.to_der().map_err(|_| CsrError::NotPkcs10)?;
        Ok(Self { spki, spki_hash: SpkiHash::of(&public_key), public_key, thumbprint: key.thumbprint() })
    }

    /// The request of a key whose possession was proven before: [`Self::public_key`] and [`Self::spki_hash`] of that request.
    /// `None` if they do not belong together.
    pub fn of_proven_key(public_key: &[u8], spki_hash: SpkiHash) -> Option<Self> {
        let spki = SubjectPublicKeyInfoOwned::from_der(public_key).ok()?;
        let thumbprint = PublicKey::parse(&spki).ok()?.thumbprint();
        let request = Self { spki, public_key: public_key.to_vec(), spki_hash, thumbprint };
        (SpkiHash::of(public_key) == spki_hash).then_some(request)
    }

    /// The public key, a DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The SHA-256 of the public key in SubjectPublicKeyInfo form (RFC 5280 section 4.1.2.7).
    pub const fn spki_hash(&self) -> SpkiHash {
        self.spki_hash
    }

    /// The JWK thumbprint of the public key (RFC 7638), as a token's `cnf.jkt` names it.
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    pub(super) const fn spki(&self) -> &SubjectPublicKeyInfoOwned {
        &self.spki
    }
}

fn accepted_key(request: &CertReq, policy: CsrPolicy) -> Result<PublicKey, CsrError> {
    let key = PublicKey::parse(&request.info.public_key);
    match key {
        Ok(PublicKey::Rsa { bits, .. }) | Err(CsrError::RsaSize { bits }) if !policy.allow_rsa => {
            Err(CsrError::RsaNotAllowed { bits })
        }
        key => key,
    }
}

fn prove_possession(request: &CertReq, key: &PublicKey) -> Result<(), CsrError> {
    if !key.matches(&request.algorithm) {
        return Err(CsrError::SignatureAlgorithm {
            oid: request.algorithm.oid.to_string(),
            expected: key.expected(),
        });
    }
    let message = request.info.to_der().map_err(|_| CsrError::NotPkcs10)?;
    let signature = request.signature.as_bytes().ok_or(CsrError::Signature)?;
    key.verify(&request.algorithm, &message, signature)
}

#[cfg(test)]
mod tests;
