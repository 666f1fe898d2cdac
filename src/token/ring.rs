//! The key ring: for each use the current and the next signing key, and every verifying key.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::header;
use super::key::{KeyError, KeyScope, VerifyingKey, VerifyingKeys};
use super::key_use::KeyUse;
use super::signer::{SignError, Signer, SigningKey};
use crate::id::KeyId;

/// The current and the next signing key of one use.
#[derive(Clone)]
pub struct SigningPair {
    /// The current key.
    pub current: Arc<dyn Signer>,
    /// The key that signs after the next rotation. It is published ahead, so that verifiers know it by then.
    pub prepared: KeyId,
}

/// The signing keys, a pair for each use.
#[derive(Clone)]
pub struct SigningPairs {
    /// For enrollment tokens.
    pub enrollment: SigningPair,
    /// For service tokens.
    pub service: SigningPair,
    /// For access tokens.
    pub access: SigningPair,
    /// For status lists.
    pub status_list: SigningPair,
}

impl SigningPairs {
    /// The pair of `usage`.
    pub const fn of(&self, usage: KeyUse) -> &SigningPair {
        match usage {
            KeyUse::Enrollment => &self.enrollment,
            KeyUse::Service => &self.service,
            KeyUse::Access => &self.access,
            KeyUse::StatusList => &self.status_list,
        }
    }
}

/// One generation of keys. A rotation makes a new ring, so that no reader sees half of it.
#[derive(Clone)]
pub struct KeyRing {
    signing: SigningPairs,
    verifying: VerifyingKeys,
}

impl KeyRing {
    /// A ring that signs with these pairs.
    ///
    /// # Errors
    /// A key of a pair does not verify, verifies only persistent tokens, or has another use. Or a pair is one key twice.
    pub fn new(signing: SigningPairs, verifying: VerifyingKeys) -> Result<Self, KeyError> {
        for usage in KeyUse::ALL {
            let SigningPair { current, prepared } = signing.of(usage);
            if current.key_id() == *prepared {
                return Err(KeyError::PreparedIsCurrent { id: *prepared });
            }
            for id in [current.key_id(), *prepared] {
                match verifying.get(id) {
                    None => return Err(KeyError::NotVerifying { id }),
                    Some(key) if key.usage != usage => return Err(KeyError::WrongUse { id, usage }),
                    Some(key) if key.scope == KeyScope::PersistentOnly => {
                        return Err(KeyError::PersistentOnly { id });
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(Self { signing, verifying })
    }

    /// A ring of new keys that are stored nowhere, for tests and examples.
    ///
    /// # Panics
    /// If the operating system has no randomness.
    #[expect(clippy::expect_used, reason = "keys that were made a moment ago are sound, and each its own")]
    pub fn generate() -> Self {
        let mut verifying = Vec::new();
        let mut pair = |usage| {
            let (current, prepared) = (SigningKey::generate(), SigningKey::generate());
            for key in [&current, &prepared] {
                verifying
                    .push(VerifyingKey::new(key.public(), usage, KeyScope::All).expect("a new key is sound"));
            }
            SigningPair { prepared: prepared.id(), current: Arc::new(current) }
        };
        let signing = SigningPairs {
            enrollment: pair(KeyUse::Enrollment),
            service: pair(KeyUse::Service),
            access: pair(KeyUse::Access),
            status_list: pair(KeyUse::StatusList),
        };
        let verifying = VerifyingKeys::new(verifying).expect("new keys differ");
        Self::new(signing, verifying).expect("every key verifies")
    }

    /// The key that signs for `usage`.
    pub const fn current(&self, usage: KeyUse) -> &Arc<dyn Signer> {
        &self.signing.of(usage).current
    }

    /// The token with these claims, in the compact form (RFC 7515 section 7.1). The current key of `usage` signs it.
    ///
    /// # Errors
    /// [`SignError`], if the key did not sign.
    pub(super) fn sign(&self, usage: KeyUse, claims: &[u8]) -> Result<String, SignError> {
        let text = self.unsigned(usage, claims);
        let signature = self.current(usage).sign(text.as_bytes())?;
        Ok(with_signature(text, signature))
    }

    /// The tokens with these claims, as [`KeyRing::sign`] makes each.
    ///
    /// # Errors
    /// [`SignError`], if the key did not sign.
    #[cfg(feature = "server")]
    pub(super) fn sign_all(&self, usage: KeyUse, claims: &[Vec<u8>]) -> Result<Vec<String>, SignError> {
        let texts = claims.iter().map(|claims| self.unsigned(usage, claims)).collect::<Vec<_>>();
        let signatures = self.current(usage).sign_all(&texts)?;
        Ok(texts
            .into_iter()
            .zip(signatures)
            .map(|(text, signature)| with_signature(text, signature))
            .collect())
    }

    /// Header and claims, the text to be signed.
    fn unsigned(&self, usage: KeyUse, claims: &[u8]) -> String {
        let header = header::encode(usage, self.current(usage).key_id());
        // A growing buffer would leave copies of a secret in memory: its full size is allocated at once.
        let mut text = String::with_capacity(header.len() + claims.len().div_ceil(3) * 4 + 90);
        text.push_str(&header);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut text);
        text
    }

    /// The key that signs for `usage` after the next rotation.
    pub const fn prepared(&self, usage: KeyUse) -> KeyId {
        self.signing.of(usage).prepared
    }

    /// The keys that verify: the current, the prepared and the previous ones of every use.
    pub const fn verifying(&self) -> &VerifyingKeys {
        &self.verifying
    }
}

fn with_signature(mut text: String, signature: [u8; 64]) -> String {
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    text
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ring = f.debug_struct("KeyRing");
        for usage in KeyUse::ALL {
            ring.field(usage.name(), &self.current(usage).key_id());
        }
        ring.field("verifying", &self.verifying).finish()
    }
}

#[cfg(test)]
mod tests;
