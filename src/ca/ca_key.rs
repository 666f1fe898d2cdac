//! Private keys of CAs. They live in aws-lc's memory, which is wiped on drop; no copy is kept here.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use x509_cert::der::asn1::{Any, BitString};
use x509_cert::der::{Decode as _, Document};
use x509_cert::spki::{
    self, AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey,
    SignatureBitStringEncoding, SubjectPublicKeyInfoOwned,
};

use super::error::{CaFileError, IssueError};
use super::pem::{der_to_pem, private_key};
use super::public_key::{ECDSA_SHA256, ECDSA_SHA384, RSA_SHA256};
use crate::secret::Secret;

/// A key that signs certificates and CRLs: P-256, P-384, or an imported RSA key.
pub(super) struct CaKey {
    pair: KeyPair,
    spki_der: Vec<u8>,
    spki: SubjectPublicKeyInfoOwned,
}

enum KeyPair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl CaKey {
    /// A new P-256 key.
    pub(super) fn generate() -> Result<Self, IssueError> {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| IssueError::Signing)?;
        Self::new(KeyPair::P256(pair)).ok_or(IssueError::Signing)
    }

    /// Reads an unencrypted key from PEM: PKCS#8 (RFC 5958), SEC 1 (RFC 5915) or PKCS#1 (RFC 8017).
    pub(super) fn parse(pem: &Secret<String>) -> Result<Self, CaFileError> {
        let der = private_key(pem.expose())?;
        KeyPair::parse(&der).and_then(Self::new).ok_or(CaFileError::NotAKey)
    }

    fn new(pair: KeyPair) -> Option<Self> {
        let spki_der = pair.spki_der()?;
        let spki = SubjectPublicKeyInfoOwned::from_der(&spki_der).ok()?;
        Some(Self { pair, spki_der, spki })
    }

    /// The private key as PKCS#8 DER (RFC 5958).
    pub(super) fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>, IssueError> {
        let failed = |_| IssueError::Signing;
        Ok(Secret::new(match &self.pair {
            KeyPair::P256(pair) | KeyPair::P384(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
            KeyPair::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                der.as_ref().to_vec()
            }
        }))
    }

    /// The private key as PKCS#8 PEM.
    pub(super) fn to_pem(&self) -> Result<Secret<String>, IssueError> {
        Ok(Secret::new(der_to_pem("PRIVATE KEY", self.to_pkcs8()?.expose())))
    }

    pub(super) const fn spki(&self) -> &SubjectPublicKeyInfoOwned {
        &self.spki
    }

    /// The public key in SubjectPublicKeyInfo form, DER.
    pub(super) fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// The algorithm of its signatures.
    pub(super) fn algorithm(&self) -> AlgorithmIdentifierOwned {
        match self.pair {
            // RFC 5758 section 3.2: no parameters; RFC 4055 section 5: NULL.
            KeyPair::P256(_) => AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None },
            KeyPair::P384(_) => AlgorithmIdentifierOwned { oid: ECDSA_SHA384, parameters: None },
            KeyPair::Rsa(_) => AlgorithmIdentifierOwned { oid: RSA_SHA256, parameters: Some(Any::null()) },
        }
    }

    /// Signs `message`.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, IssueError> {
        let random = SystemRandom::new();
        match &self.pair {
            KeyPair::P256(pair) | KeyPair::P384(pair) => {
                let signature = pair.sign(&random, message).map_err(|_| IssueError::Signing)?;
                Ok(signature.as_ref().to_vec())
            }
            KeyPair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| IssueError::Signing)?;
                Ok(signature)
            }
        }
    }
}

impl KeyPair {
    fn parse(der: &[u8]) -> Option<Self> {
        let ec = |algorithm| EcdsaKeyPair::from_private_key_der(algorithm, der).ok();
        ec(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .map(Self::P256)
            .or_else(|| ec(&ECDSA_P384_SHA384_ASN1_SIGNING).map(Self::P384))
            .or_else(|| {
                RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)).ok().map(Self::Rsa)
            })
    }

    fn spki_der(&self) -> Option<Vec<u8>> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::P256(pair) | Self::P384(pair) => pair.public_key().as_der().ok()?,
            Self::Rsa(pair) => pair.public_key().as_der().ok()?,
        };
        Some(der.as_ref().to_vec())
    }
}

/// The public half, as the certificate builder requires it.
#[derive(Clone)]
pub(super) struct PublicKeyDer(Vec<u8>);

impl EncodePublicKey for PublicKeyDer {
    fn to_public_key_der(&self) -> spki::Result<Document> {
        Ok(Document::from_der(&self.0)?)
    }
}

/// A signature, as the certificate builder requires it.
pub(super) struct Signature(Vec<u8>);

impl SignatureBitStringEncoding for Signature {
    fn to_bitstring(&self) -> x509_cert::der::Result<BitString> {
        BitString::from_bytes(&self.0)
    }
}

impl signature::Keypair for CaKey {
    type VerifyingKey = PublicKeyDer;

    fn verifying_key(&self) -> PublicKeyDer {
        PublicKeyDer(self.spki_der.clone())
    }
}

impl DynSignatureAlgorithmIdentifier for CaKey {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        Ok(self.algorithm())
    }
}

impl signature::Signer<Signature> for CaKey {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
        self.sign(message).map(Signature).map_err(|_| signature::Error::new())
    }
}
