//! Signing: the trait of every signature, and a key in a file.

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey};
use zeroize::Zeroizing;

use super::key::{KeyError, thumbprint};
use crate::id::{KeyId, random};
use crate::secret::Secret;

/// A failed signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The device or process that holds the key did not sign.
    #[error("the signing key {id} did not sign: {detail}; try again, then look at what holds the key")]
    Unavailable {
        /// The key.
        id: KeyId,
        /// The message of the key's holder.
        detail: String,
    },
}

/// A maker of Ed25519 signatures (RFC 8032 section 5.1.6). It may fail: the key may be in a device.
pub trait Signer: Send + Sync {
    /// The key it signs with.
    fn key_id(&self) -> KeyId;

    /// Signs `message`.
    ///
    /// # Errors
    /// The device or process that holds the key did not sign.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;

    /// Signs each of `messages`.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    fn sign_all(&self, messages: &[String]) -> Result<Vec<[u8; 64]>, SignError> {
        messages.iter().map(|message| self.sign(message.as_bytes())).collect()
    }
}

/// A private key in memory. It is zeroed on drop, and its `Debug` shows only its id.
pub struct SigningKey {
    id: KeyId,
    key: ed25519_dalek::SigningKey,
    // PKCS#8, which the provider parses at each signature, in about 10 µs. Its signers cannot be shared between threads,
    // and a mint waits for a disk a hundred times as long.
    encoding: EncodingKey,
}

impl SigningKey {
    /// A new key. Its id begins with a letter: programs take a leading `-` for a flag.
    ///
    /// # Panics
    /// If the operating system has no randomness.
    #[expect(clippy::expect_used, reason = "no key may ever be made without a form it can be kept in")]
    pub fn generate() -> Self {
        loop {
            let secret = Zeroizing::new(random::<32>());
            let key = Self::new(ed25519_dalek::SigningKey::from_bytes(&secret));
            let key = key.expect("an Ed25519 key has a PKCS#8 form");
            if key.id.to_string().starts_with(|first: char| first.is_ascii_alphabetic()) {
                return key;
            }
        }
    }

    /// Reads a private key in PKCS#8 PEM (RFC 8410 section 7, RFC 5958), with or without its public half.
    ///
    /// # Errors
    /// [`KeyError::NotPkcs8`], also if the public half belongs to another key.
    pub fn from_pem(pem: &Secret<String>) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(pem.expose()).map_err(|_| KeyError::NotPkcs8)?;
        Self::new(key)
    }

    fn new(key: ed25519_dalek::SigningKey) -> Result<Self, KeyError> {
        let der = pkcs8(&key).to_pkcs8_der().map_err(|_| KeyError::NotPkcs8)?;
        let encoding = EncodingKey::from_ed_der(der.as_bytes());
        Ok(Self { id: thumbprint(key.verifying_key().as_bytes()), key, encoding })
    }

    /// The private key in PKCS#8 PEM.
    ///
    /// # Panics
    /// Never: the key has had this form since it was made.
    #[expect(clippy::expect_used, reason = "the same key was encoded when this value was made")]
    pub fn to_pem(&self) -> Secret<String> {
        let mut pem =
            pkcs8(&self.key).to_pkcs8_pem(LineEnding::LF).expect("an Ed25519 key has a PKCS#8 form");
        Secret::new(std::mem::take(&mut *pem))
    }

    /// The 32 bytes of the public key.
    pub fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// Its RFC 7638 thumbprint.
    pub fn id(&self) -> KeyId {
        self.id
    }
}

/// The key without its public half (version 1 of RFC 5958): some tools read no other version.
fn pkcs8(key: &ed25519_dalek::SigningKey) -> KeypairBytes {
    KeypairBytes { secret_key: key.to_bytes(), public_key: None }
}

impl Signer for SigningKey {
    fn key_id(&self) -> KeyId {
        self.id
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        self.each([message])?.pop().ok_or_else(|| self.unavailable("it made no signature"))
    }

    fn sign_all(&self, messages: &[String]) -> Result<Vec<[u8; 64]>, SignError> {
        self.each(messages.iter().map(String::as_bytes))
    }
}

impl SigningKey {
    /// Signs each message. The provider parses the key once.
    fn each<'m>(&self, messages: impl IntoIterator<Item = &'m [u8]>) -> Result<Vec<[u8; 64]>, SignError> {
        let signer = (DEFAULT_PROVIDER.signer_factory)(&Algorithm::EdDSA, &self.encoding)
            .map_err(|error| self.unavailable(error))?;
        let sign = |message: &[u8]| {
            let signature = signer.try_sign(message).map_err(|error| self.unavailable(error))?;
            signature.try_into().map_err(|_| self.unavailable("the signature is not 64 bytes long"))
        };
        messages.into_iter().map(sign).collect()
    }

    fn unavailable(&self, detail: impl fmt::Display) -> SignError {
        SignError::Unavailable { id: self.id, detail: detail.to_string() }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{KeyScope, KeyUse, VerifyError, VerifyingKey, VerifyingKeys};

    #[test]
    fn a_new_keys_id_begins_with_a_letter() {
        // One id of five does not.
        for _ in 0..100 {
            let id = SigningKey::generate().id().to_string();
            assert!(id.starts_with(|first: char| first.is_ascii_alphabetic()), "{id}");
        }
    }

    #[test]
    fn a_key_survives_its_pem() {
        let key = SigningKey::generate();
        let pem = key.to_pem();
        assert!(pem.expose().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let again = SigningKey::from_pem(&pem).unwrap();
        assert_eq!((again.id(), again.public()), (key.id(), key.public()));
        assert_eq!(again.sign(b"message"), key.sign(b"message"));
    }

    #[test]
    fn the_pem_of_other_tools_is_read() {
        // RFC 8410 section 10.3: the same key without and with its public half.
        let v1 = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
            -----END PRIVATE KEY-----\n";
        let key = SigningKey::from_pem(&Secret::new(v1.to_owned())).unwrap();
        assert_eq!(
            crate::id::hex(&key.public()),
            "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
        );
        assert_eq!(key.to_pem().expose(), v1);
    }

    #[test]
    fn other_texts_than_an_ed25519_key_are_refused() {
        let pem = SigningKey::generate().to_pem();
        for wrong in [
            String::new(),
            "not a key".to_owned(),
            pem.expose().replace("PRIVATE KEY", "PUBLIC KEY"),
            pem.expose().replace("MC4CAQAwBQYDK2Vw", "MC4CAQAwBQYDK2Vv"),
            pem.expose().replace("-----END PRIVATE KEY-----\n", ""),
        ] {
            assert_eq!(SigningKey::from_pem(&Secret::new(wrong)).unwrap_err(), KeyError::NotPkcs8);
        }
    }

    #[test]
    fn signatures_verify_only_under_the_public_half() {
        let (key, other) = (SigningKey::generate(), SigningKey::generate());
        let verifying =
            |key: &SigningKey| VerifyingKey::new(key.public(), KeyUse::Service, KeyScope::All).unwrap();
        let keys = VerifyingKeys::new(vec![verifying(&key), verifying(&other)]).unwrap();
        let signature = key.sign(b"message").unwrap();
        let bad = Err(VerifyError::BadSignature);
        assert_eq!(
            keys.check(KeyUse::Service, key.id(), b"message", &signature),
            Ok(keys.get(key.id()).unwrap())
        );
        assert_eq!(keys.check(KeyUse::Service, key.id(), b"massage", &signature), bad);
        assert_eq!(keys.check(KeyUse::Service, other.id(), b"message", &signature), bad);
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = SigningKey::generate();
        assert_eq!(format!("{key:?}"), format!("SigningKey {{ id: {:?}, .. }}", key.id()));
    }
}
