//! Verifying keys: public keys, their uses and scopes, and lookup by id.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, DecodingKey};

use super::error::VerifyError;
use super::key_use::KeyUse;
use crate::id::KeyId;

/// A refused key or key set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not a private key as gatepass keeps them.
    #[error("the signing key is not an Ed25519 private key in PKCS#8 PEM: restore its file from a backup")]
    NotPkcs8,
    /// The bytes are not a point of the curve, or one of small order, under which any signature verifies.
    #[error("the public key is not a sound Ed25519 key: restore it from a backup")]
    Unsound,
    /// The id is not the thumbprint of the key.
    #[error("the key that calls itself {id} has another thumbprint: do not trust the place it came from")]
    WrongId {
        /// The id given with the key.
        id: KeyId,
    },
    /// A key occurs twice.
    #[error("the key {id} is there twice: remove one of them")]
    Duplicate {
        /// Thumbprint of the key.
        id: KeyId,
    },
    /// A signing key is not among the verifying keys.
    #[error(
        "the key {id} signs but does not verify, so no one would accept its tokens: restore its public half"
    )]
    NotVerifying {
        /// Thumbprint of the key.
        id: KeyId,
    },
    /// A signing key verifies persistent tokens only.
    #[error("the key {id} is of an earlier epoch and can no longer sign: make a new one")]
    PersistentOnly {
        /// Thumbprint of the key.
        id: KeyId,
    },
    /// The prepared key is the current one.
    #[error("the key {id} is both current and prepared: prepare another")]
    PreparedIsCurrent {
        /// Thumbprint of the key.
        id: KeyId,
    },
    /// The key signs another kind of token.
    #[error("the key {id} is not one that signs {usage} tokens: give one that was made for them")]
    WrongUse {
        /// Thumbprint of the key.
        id: KeyId,
        /// The required use.
        usage: KeyUse,
    },
    /// The text is not a usable key set.
    #[error("the key set cannot be used: {why}")]
    Jwks {
        /// The defect.
        why: &'static str,
    },
}

/// The tokens that a key verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyScope {
    /// Every token.
    All,
    /// Persistent tokens only: the key is of an earlier epoch, from before a restore or an accepted clock.
    PersistentOnly,
}

/// The public half of a signing key. Its algorithm is always Ed25519 (RFC 8032).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    /// Its RFC 7638 thumbprint.
    pub id: KeyId,
    /// The 32 bytes of the public key (RFC 8032 section 5.1.2).
    pub public: [u8; 32],
    /// The only kind of token that it signs.
    pub usage: KeyUse,
    /// The tokens that it verifies.
    pub scope: KeyScope,
}

impl VerifyingKey {
    /// The key with these bytes, under its thumbprint.
    ///
    /// # Errors
    /// [`KeyError::Unsound`] if they are not a point of the curve, or one of small order.
    pub fn new(public: [u8; 32], usage: KeyUse, scope: KeyScope) -> Result<Self, KeyError> {
        match ed25519_dalek::VerifyingKey::from_bytes(&public) {
            Ok(point) if !point.is_weak() => Ok(Self { id: thumbprint(&public), public, usage, scope }),
            _ => Err(KeyError::Unsound),
        }
    }
}

/// The RFC 7638 thumbprint of an Ed25519 public key in the form of RFC 8037 section 2 (its appendix A.3 has an example).
pub(super) fn thumbprint(public: &[u8; 32]) -> KeyId {
    let x = URL_SAFE_NO_PAD.encode(public);
    KeyId::of(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes())
}

/// The accepted keys, a handful. A token's key is looked up here and nowhere else.
#[derive(Clone)]
pub struct VerifyingKeys(Vec<Ready>);

/// A key, parsed for the verification algorithm.
#[derive(Clone)]
struct Ready {
    key: VerifyingKey,
    decoding: DecodingKey,
}

impl VerifyingKeys {
    /// A set of these keys. An empty set verifies nothing.
    ///
    /// # Errors
    /// A key occurs twice, is unsound, or its id is not its thumbprint.
    pub fn new(keys: Vec<VerifyingKey>) -> Result<Self, KeyError> {
        let mut ready: Vec<Ready> = Vec::with_capacity(keys.len());
        for key in keys {
            // The fields are public: their values are checked here.
            if VerifyingKey::new(key.public, key.usage, key.scope)?.id != key.id {
                return Err(KeyError::WrongId { id: key.id });
            }
            if ready.iter().any(|other| other.key.id == key.id) {
                return Err(KeyError::Duplicate { id: key.id });
            }
            ready.push(Ready { decoding: DecodingKey::from_ed_der(&key.public), key });
        }
        Ok(Self(ready))
    }

    /// The key with this id.
    pub fn get(&self, id: KeyId) -> Option<&VerifyingKey> {
        self.ready(id).map(|ready| &ready.key)
    }

    /// The keys, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.iter().map(|ready| &ready.key)
    }

    fn ready(&self, id: KeyId) -> Option<&Ready> {
        self.0.iter().find(|ready| ready.key.id == id)
    }

    /// The key with this id if it made `signature` over `message`.
    ///
    /// [`VerifyError::UnknownKey`] if no key for this use has the id; otherwise [`VerifyError::BadSignature`].
    pub(super) fn check(
        &self,
        usage: KeyUse,
        id: KeyId,
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<&VerifyingKey, VerifyError> {
        let ready = self.ready(id).filter(|ready| ready.key.usage == usage).ok_or(VerifyError::UnknownKey)?;
        // The provider is named, not looked up: features of another crate must not change it. The algorithm is a
        // constant, independent of the header.
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&Algorithm::EdDSA, &ready.decoding);
        let good = verifier.is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok());
        good.then_some(&ready.key).ok_or(VerifyError::BadSignature)
    }
}

impl fmt::Debug for VerifyingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for VerifyingKeys {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for VerifyingKeys {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::SigningKey;

    fn key() -> VerifyingKey {
        VerifyingKey::new(SigningKey::generate().public(), KeyUse::Enrollment, KeyScope::All).unwrap()
    }

    #[test]
    fn the_thumbprint_matches_rfc_8037() {
        let public = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = VerifyingKey::new(public.try_into().unwrap(), KeyUse::Enrollment, KeyScope::All).unwrap();
        assert_eq!(key.id.to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_of_small_order_is_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut off_the_curve = [0; 32];
        off_the_curve[0] = 2;
        for public in [identity, [0; 32], off_the_curve] {
            assert_eq!(VerifyingKey::new(public, KeyUse::Service, KeyScope::All), Err(KeyError::Unsound));
        }
    }

    #[test]
    fn a_key_is_found_by_its_id() {
        let (one, two) = (key(), key());
        let keys = VerifyingKeys::new(vec![one.clone(), two.clone()]).unwrap();
        assert_eq!(keys.get(two.id), Some(&two));
        assert_eq!(keys.get(key().id), None);
        assert_eq!(keys.iter().collect::<Vec<_>>(), [&one, &two]);
    }

    #[test]
    fn a_repeated_key_is_refused_in_any_scope() {
        let one = key();
        let id = one.id;
        let again = VerifyingKey { scope: KeyScope::PersistentOnly, ..one };
        assert_eq!(VerifyingKeys::new(vec![one, again]), Err(KeyError::Duplicate { id }));
    }

    #[test]
    fn a_key_with_a_foreign_id_is_refused() {
        let id = key().id;
        assert_eq!(VerifyingKeys::new(vec![VerifyingKey { id, ..key() }]), Err(KeyError::WrongId { id }));
    }
}
