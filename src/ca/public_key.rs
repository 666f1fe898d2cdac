//! Public keys and the signatures they verify: one allow-list, for requests and for imported certificates.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode as _, Reader as _, SliceReader};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::error::CsrError;
use crate::id::Thumbprint;

pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(super) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
pub(super) const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
pub(super) const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
pub(super) const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
pub(super) const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");

/// A public key of an accepted kind, in the one encoding accepted for it.
pub(super) enum PublicKey {
    /// NIST P-256, an uncompressed point (RFC 5480).
    P256(Vec<u8>),
    /// NIST P-384, an uncompressed point (RFC 5480).
    P384(Vec<u8>),
    /// Ed25519 (RFC 8410), not of small order.
    Ed25519(ed25519_dalek::VerifyingKey),
    /// RSA, 2048 to 4096 bits (RFC 8017 appendix A.1.1).
    Rsa { pkcs1: Vec<u8>, modulus: Vec<u8>, exponent: Vec<u8>, bits: usize },
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    pub(super) fn parse(spki: &SubjectPublicKeyInfoOwned) -> Result<Self, CsrError> {
        let bytes = spki.subject_public_key.as_bytes().ok_or(CsrError::MalformedKey)?;
        match spki.algorithm.oid {
            EC => ec_key(&spki.algorithm, bytes),
            ED25519 if spki.algorithm.parameters.is_none() => ed25519_key(bytes),
            RSA if has_null(&spki.algorithm) => rsa_key(bytes),
            ED25519 | RSA => Err(CsrError::MalformedKey),
            other => Err(CsrError::KeyKind { oid: other.to_string() }),
        }
    }

    /// The signature algorithms of this key, for messages.
    pub(super) const fn expected(&self) -> &'static str {
        match self {
            Self::P256(_) => "ECDSA with SHA-256",
            Self::P384(_) => "ECDSA with SHA-384",
            Self::Ed25519(_) => "Ed25519",
            Self::Rsa { .. } => "RSA PKCS#1 v1.5 with SHA-256, SHA-384 or SHA-512",
        }
    }

    /// Returns true if the hash fits the key: SHA-256 for P-256, SHA-384 for P-384.
    pub(super) fn matches(&self, algorithm: &AlgorithmIdentifierOwned) -> bool {
        match self {
            Self::P256(_) => algorithm.oid == ECDSA_SHA256,
            Self::P384(_) => algorithm.oid == ECDSA_SHA384,
            Self::Ed25519(_) | Self::Rsa { .. } => true,
        }
    }

    /// Checks that the key made `signature` over `message` with an accepted algorithm. SHA-1 is not accepted.
    pub(super) fn verify(
        &self,
        algorithm: &AlgorithmIdentifierOwned,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CsrError> {
        let refused =
            || CsrError::SignatureAlgorithm { oid: algorithm.oid.to_string(), expected: self.expected() };
        if let Self::Ed25519(key) = self {
            if algorithm.oid != ED25519 || algorithm.parameters.is_some() {
                return Err(refused());
            }
            let signature = signature.try_into().map_err(|_| CsrError::Signature)?;
            return key.verify_strict(message, &signature).map_err(|_| CsrError::Signature);
        }
        let (how, bytes) = self.verifier(algorithm).ok_or_else(refused)?;
        UnparsedPublicKey::new(how, bytes).verify(message, signature).map_err(|_| CsrError::Signature)
    }

    /// The verifying function for key and algorithm, parameters of the algorithm included (RFC 5758, RFC 4055).
    fn verifier(
        &self,
        algorithm: &AlgorithmIdentifierOwned,
    ) -> Option<(&'static dyn VerificationAlgorithm, &[u8])> {
        let bare = algorithm.parameters.is_none();
        let null = has_null(algorithm);
        Some(match (self, algorithm.oid) {
            (Self::P256(point), ECDSA_SHA256) if bare => (&signature::ECDSA_P256_SHA256_ASN1, point),
            (Self::P256(point), ECDSA_SHA384) if bare => (&signature::ECDSA_P256_SHA384_ASN1, point),
            (Self::P384(point), ECDSA_SHA256) if bare => (&signature::ECDSA_P384_SHA256_ASN1, point),
            (Self::P384(point), ECDSA_SHA384) if bare => (&signature::ECDSA_P384_SHA384_ASN1, point),
            (Self::Rsa { pkcs1, .. }, RSA_SHA256) if null => (&signature::RSA_PKCS1_2048_8192_SHA256, pkcs1),
            (Self::Rsa { pkcs1, .. }, RSA_SHA384) if null => (&signature::RSA_PKCS1_2048_8192_SHA384, pkcs1),
            (Self::Rsa { pkcs1, .. }, RSA_SHA512) if null => (&signature::RSA_PKCS1_2048_8192_SHA512, pkcs1),
            _ => return None,
        })
    }

    /// The key's JWK thumbprint (RFC 7638; RFC 8037 for Ed25519): its required members in order, hashed.
    pub(super) fn thumbprint(&self) -> Thumbprint {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let ec = |curve: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y))
        };
        let jwk = match self {
            Self::P256(point) => ec("P-256", point),
            Self::P384(point) => ec("P-384", point),
            Self::Ed25519(key) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(key.as_bytes()))
            }
            Self::Rsa { modulus, exponent, .. } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(exponent), text(modulus))
            }
        };
        Thumbprint::of(jwk.as_bytes())
    }
}

fn has_null(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.parameters.as_ref().is_some_and(|any| any.is_null())
}

/// Named curves only: parameters written out let an attacker choose the generator (CVE-2020-0601).
fn ec_key(algorithm: &AlgorithmIdentifierOwned, point: &[u8]) -> Result<PublicKey, CsrError> {
    let parameters = algorithm.parameters.as_ref().ok_or(CsrError::MalformedKey)?;
    let curve = parameters.decode_as::<ObjectIdentifier>().map_err(|_| CsrError::ExplicitCurve)?;
    let (length, key): (_, fn(Vec<u8>) -> PublicKey) = match curve {
        P256 => (65, PublicKey::P256),
        P384 => (97, PublicKey::P384),
        other => return Err(CsrError::Curve { oid: other.to_string() }),
    };
    match point {
        [2 | 3 | 6 | 7, ..] => Err(CsrError::CompressedPoint),
        [4, ..] if point.len() == length => Ok(key(point.to_vec())),
        _ => Err(CsrError::MalformedKey),
    }
}

fn ed25519_key(bytes: &[u8]) -> Result<PublicKey, CsrError> {
    let bytes = bytes.try_into().map_err(|_| CsrError::MalformedKey)?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| CsrError::MalformedKey)?;
    if key.is_weak() { Err(CsrError::WeakKey) } else { Ok(PublicKey::Ed25519(key)) }
}

fn rsa_key(pkcs1: &[u8]) -> Result<PublicKey, CsrError> {
    let malformed = |_| CsrError::MalformedKey;
    let mut reader = SliceReader::new(pkcs1).map_err(malformed)?;
    let (modulus, exponent) = reader
        .sequence(|inner| Ok::<_, x509_cert::der::Error>((UintRef::decode(inner)?, UintRef::decode(inner)?)))
        .map_err(malformed)?;
    reader.finish().map_err(malformed)?;
    let (modulus, exponent) = (modulus.as_bytes(), exponent.as_bytes());
    let bits = modulus.first().map_or(0, |top| modulus.len() * 8 - top.leading_zeros() as usize);
    // The size is checked first: verifying a signature of 16384 bits would keep a server busy.
    if !(2048..=4096).contains(&bits) {
        return Err(CsrError::RsaSize { bits });
    }
    // 65537 and up (the floor of the CA/Browser Forum), and no longer than four bytes, which bounds the work.
    let odd = exponent.last().is_some_and(|low| low & 1 == 1);
    if !odd || !(3..=4).contains(&exponent.len()) || exponent < [1, 0, 1].as_slice() && exponent.len() == 3 {
        return Err(CsrError::RsaExponent);
    }
    Ok(PublicKey::Rsa { pkcs1: pkcs1.to_vec(), modulus: modulus.to_vec(), exponent: exponent.to_vec(), bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfc_7638_example_has_its_thumbprint() {
        // RFC 7638 section 3.1.
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = PublicKey::Rsa {
            pkcs1: Vec::new(),
            modulus: URL_SAFE_NO_PAD.decode(modulus).unwrap(),
            exponent: vec![1, 0, 1],
            bits: 2048,
        };
        assert_eq!(key.thumbprint().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn the_rfc_8037_example_has_its_thumbprint() {
        // RFC 8037 appendix A.3.
        let bytes = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let Ok(key) = ed25519_key(&bytes) else { panic!("the RFC's key is a key") };
        assert_eq!(key.thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
