//! The key ring: the key that signs, the one that will sign next, and all that still verify.

use std::fmt;
use std::sync::Arc;

use super::key::{KeyError, KeyScope, VerifyingKeys};
use super::signer::Signer;
use crate::id::KeyId;

/// One generation of keys, whole: a rotation makes a new ring, so that no reader sees half of it.
///
/// The prepared key is published before it signs, so that who keeps the key set knows it when it does.
#[derive(Clone)]
pub struct KeyRing {
    current: Arc<dyn Signer>,
    prepared: KeyId,
    verifying: VerifyingKeys,
}

impl KeyRing {
    /// A ring that signs with `current` and will sign with `prepared` next.
    ///
    /// # Errors
    /// One of the two does not verify, or only persistent tokens; or they are the same key.
    pub fn new(
        current: Arc<dyn Signer>,
        prepared: KeyId,
        verifying: VerifyingKeys,
    ) -> Result<Self, KeyError> {
        let signing = current.key_id();
        if signing == prepared {
            return Err(KeyError::PreparedIsCurrent { id: signing });
        }
        for id in [signing, prepared] {
            match verifying.get(id).map(|key| key.scope) {
                Some(KeyScope::All) => {}
                Some(KeyScope::PersistentOnly) => return Err(KeyError::PersistentOnly { id }),
                None => return Err(KeyError::NotVerifying { id }),
            }
        }
        Ok(Self { current, prepared, verifying })
    }

    /// The key that signs.
    pub fn current(&self) -> &Arc<dyn Signer> {
        &self.current
    }

    /// The key that signs after the next rotation.
    pub fn prepared(&self) -> KeyId {
        self.prepared
    }

    /// The keys that verify: the current, the prepared and the previous ones.
    pub fn verifying(&self) -> &VerifyingKeys {
        &self.verifying
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("current", &self.current.key_id())
            .field("prepared", &self.prepared)
            .field("verifying", &self.verifying)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{SigningKey, VerifyingKey};

    fn verifying(keys: &[(&SigningKey, KeyScope)]) -> VerifyingKeys {
        VerifyingKeys::new(
            keys.iter().map(|(key, scope)| VerifyingKey::new(key.public(), *scope).unwrap()).collect(),
        )
        .unwrap()
    }

    #[test]
    fn a_ring_signs_with_the_current_key() {
        let (current, prepared) = (SigningKey::generate(), SigningKey::generate());
        let (signing, next) = (current.id(), prepared.id());
        let keys = verifying(&[(&prepared, KeyScope::All), (&current, KeyScope::All)]);
        let ring = KeyRing::new(Arc::new(current), next, keys).unwrap();
        assert_eq!((ring.current().key_id(), ring.prepared()), (signing, next));
        assert_eq!(ring.verifying().iter().count(), 2);
    }

    #[test]
    fn a_ring_whose_tokens_nobody_would_accept_is_refused() {
        let (current, prepared) = (Arc::new(SigningKey::generate()), SigningKey::generate());
        let (signing, next) = (current.id(), prepared.id());
        let ring = |keys: &[(&SigningKey, KeyScope)]| KeyRing::new(current.clone(), next, verifying(keys));

        let without_current = ring(&[(&prepared, KeyScope::All)]).unwrap_err();
        assert_eq!(without_current, KeyError::NotVerifying { id: signing });
        let without_prepared = ring(&[(&current, KeyScope::All)]).unwrap_err();
        assert_eq!(without_prepared, KeyError::NotVerifying { id: next });
        let old = ring(&[(&current, KeyScope::PersistentOnly), (&prepared, KeyScope::All)]).unwrap_err();
        assert_eq!(old, KeyError::PersistentOnly { id: signing });
    }

    #[test]
    fn the_prepared_key_is_not_the_current_one() {
        let current = SigningKey::generate();
        let id = current.id();
        let keys = verifying(&[(&current, KeyScope::All)]);
        assert_eq!(
            KeyRing::new(Arc::new(current), id, keys).unwrap_err(),
            KeyError::PreparedIsCurrent { id }
        );
    }
}
