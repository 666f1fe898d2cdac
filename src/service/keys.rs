//! The signing keys: prepared, current and previous ones; rotating and retiring them.

use std::sync::Arc;

use super::vault::Vault;
use super::{Authority, Caller, KeysError, RequestError, ServiceError};
use crate::clock::Timestamp;
use crate::id::KeyId;
use crate::ledger::{Action, Subjects};
use crate::store::{
    AddKeys, FreshKeys, KeyNeed, KeyRecord, KeyState, RetireKey, RetireTerms, Retirement, RotateKeys, Store,
};
use crate::token::{
    KeyRing, KeyScope, KeyUse, SigningKey, SigningPair, SigningPairs, VerifyingKey, VerifyingKeys,
};

/// Why a key is retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetireWhy {
    /// Nothing needs it any more; refused if live persistent tokens do.
    Unneeded,
    /// Whoever asks knows that its persistent tokens end.
    Confirmed,
    /// Somebody else may have its private half: whatever key is in use now is replaced, even the retired one itself.
    Compromised,
}

/// How the retirement of a key or an external URL ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retired {
    /// How many live persistent tokens ended with it.
    pub tokens: u64,
    /// Whether the emergency token was re-minted, and its file rewritten.
    pub emergency: bool,
}

/// The file of a signing key's private half.
pub fn key_file(key: KeyId) -> String {
    format!("token-{key}.pem")
}

/// Makes a signing key and keeps its private half in the vault, before anything else knows of it.
///
/// # Errors
/// The file cannot be written.
pub fn make_key(
    vault: &Vault,
    usage: KeyUse,
    state: KeyState,
    now: Timestamp,
) -> Result<KeyRecord, ServiceError> {
    let key = SigningKey::generate();
    vault.save(&key_file(key.id()), &key.to_pem())?;
    let (id, public) = (key.id(), key.public());
    Ok(KeyRecord { id, public, usage, state, persistent_only: false, created_at: now })
}

/// Makes a current and a prepared key for each of `uses`.
///
/// # Errors
/// A file cannot be written.
pub fn make_pairs(vault: &Vault, uses: &[KeyUse], now: Timestamp) -> Result<Vec<KeyRecord>, ServiceError> {
    let states = [KeyState::Current, KeyState::Prepared];
    let wanted = uses.iter().flat_map(|usage| states.map(|state| (*usage, state)));
    wanted.map(|(usage, state)| make_key(vault, usage, state, now)).collect()
}

/// The keys of the store, and first those that it lacks: one that was founded before a use of keys was known has none for it.
///
/// # Errors
/// A file or the store cannot be written.
pub async fn complete_keys(
    store: &dyn Store,
    vault: &Vault,
    now: Timestamp,
) -> Result<Vec<KeyRecord>, ServiceError> {
    let keys = store.keys().await?;
    let missing = |usage: &KeyUse| keys.iter().all(|key| key.usage != *usage);
    let missing = KeyUse::ALL.into_iter().filter(missing).collect::<Vec<_>>();
    if missing.is_empty() {
        return Ok(keys);
    }
    let names = missing.iter().map(|usage| usage.name()).collect::<Vec<_>>().join(", ");
    let entry = Caller::SYSTEM.did(Action::KeyRotated, now).with("first_keys_for", names);
    let keys = make_pairs(vault, &missing, now)?;
    Ok(store.add_keys(AddKeys { keys, entry }).await?.keys)
}

/// The key ring that these records and the files in the vault make.
///
/// # Errors
/// The current key's file is missing, exposed or not its own; or the records hold no current or prepared key.
pub fn load_ring(vault: &Vault, records: &[KeyRecord]) -> Result<KeyRing, ServiceError> {
    let find = |usage: KeyUse, state: KeyState| {
        let id = || format!("{state:?} {usage}").to_lowercase();
        let found = records.iter().find(|record| record.usage == usage && record.state == state);
        found
            .map(|record| record.id)
            .ok_or_else(|| ServiceError::Request(RequestError::NotFound { what: "signing key", id: id() }))
    };
    let pair = |usage| -> Result<SigningPair, ServiceError> {
        let current = SigningKey::from_pem(&vault.load(&key_file(find(usage, KeyState::Current)?))?)?;
        Ok(SigningPair { current: Arc::new(current), prepared: find(usage, KeyState::Prepared)? })
    };
    let signing = SigningPairs {
        enrollment: pair(KeyUse::Enrollment)?,
        service: pair(KeyUse::Service)?,
        status_list: pair(KeyUse::StatusList)?,
    };
    let verifying = records.iter().map(|record| {
        let scope = if record.persistent_only { KeyScope::PersistentOnly } else { KeyScope::All };
        VerifyingKey::new(record.public, record.usage, scope)
    });
    let verifying = VerifyingKeys::new(verifying.collect::<Result<_, _>>()?)?;
    Ok(KeyRing::new(signing, verifying)?)
}

/// Destroys the private halves of the `known` keys, but of those that these records say are prepared or current. What
/// is not known here is left alone: it may be a key of a newer database than this one.
///
/// # Errors
/// A file cannot be removed.
pub fn destroy_unneeded(
    vault: &Vault,
    known: impl IntoIterator<Item = KeyId>,
    records: &[KeyRecord],
) -> Result<(), ServiceError> {
    let signs = |record: &KeyRecord| matches!(record.state, KeyState::Prepared | KeyState::Current);
    let needed = |key: KeyId| records.iter().any(|record| record.id == key && signs(record));
    for key in known.into_iter().filter(|key| !needed(*key)) {
        vault.destroy(&key_file(key))?;
    }
    Ok(())
}

impl Authority {
    /// The signing keys that are not retired, each with how many live persistent tokens need it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_keys(&self) -> Result<Vec<(KeyRecord, u64)>, ServiceError> {
        let needs = self.store.key_needs(self.time.now()).await?;
        let need = |key: KeyId| {
            needs.iter().find(|need| need.key == key).map_or(0, |KeyNeed { tokens, .. }| *tokens)
        };
        Ok(self.store.keys().await?.into_iter().map(|key| (key.clone(), need(key.id))).collect())
    }

    /// Moves the keys of one use on: the prepared one signs from now on, the one that signed verifies only, and its private half
    /// is destroyed.
    ///
    /// # Errors
    /// The clock is in doubt, or a file or the store cannot be written.
    pub async fn rotate_keys(&self, caller: &Caller, usage: KeyUse) -> Result<Vec<KeyRecord>, ServiceError> {
        let _one_at_a_time = self.changing.lock().await;
        let at = self.time.trusted()?;
        let prepared = self.ring().prepared(usage);
        // Looked at before anything is recorded: a rotation to a key that cannot sign could not be undone.
        SigningKey::from_pem(&self.vault.load(&key_file(prepared))?)?;
        let next = make_key(&self.vault, usage, KeyState::Prepared, at)?;
        let subjects = Subjects { key: Some(prepared), ..Subjects::default() };
        let entry = caller.did(Action::KeyRotated, at).about(subjects).with("use", usage.name());
        let entry = entry.with("prepared", next.id.to_string());
        let rotation = self.store.rotate_keys(RotateKeys { next, at, entry }).await?;
        self.take_over(&rotation.keys)?;
        Ok(rotation.keys)
    }

    /// Retires a key. Persistent tokens that need it end with it; if the emergency token is among them, it is minted
    /// anew and its file rewritten.
    ///
    /// # Errors
    /// The key is in use, needed or unknown, the clock is in doubt, or a file or the store cannot be written.
    pub async fn retire_key(
        &self,
        caller: &Caller,
        key: KeyId,
        why: RetireWhy,
    ) -> Result<Retired, ServiceError> {
        let _one_at_a_time = self.changing.lock().await;
        let at = self.time.trusted()?;
        if !self.store.keys().await?.iter().any(|known| known.id == key) {
            return Err(no_key(key));
        }
        let (terms, ring) = self.terms(why, at)?;
        let compromised = why == RetireWhy::Compromised;
        let ending = self.store.emergency_token().await?;
        let ending = ending.filter(|token| compromised || token.mint.key == key);
        let successor = match ending {
            Some(_) => Some(self.prepare_emergency(&ring, at).await?),
            None => None,
        };
        let (successor, record) = successor.unzip();
        let entry =
            caller.did(Action::KeyRetired, at).about(Subjects { key: Some(key), ..Subjects::default() });
        // If this fails, it may be unknown whether it was done: the new token's file stays, and the next start judges it.
        let refused =
            match self.store.retire_key(RetireKey { key, terms, emergency: record, at, entry }).await? {
                Retirement::Retired { tokens, emergency } => {
                    if let Some(successor) = &successor {
                        self.emergency_recorded(successor, emergency);
                    }
                    self.take_over(&self.store.keys().await?)?;
                    return Ok(Retired { tokens, emergency });
                }
                Retirement::Needed { tokens } => KeysError::Needed { tokens }.into(),
                Retirement::InUse => KeysError::InUse.into(),
                Retirement::Unknown => no_key(key),
            };
        if successor.is_some() {
            self.emergency_stays();
        }
        Err(refused)
    }

    /// What the store is to do, and the keys that sign a new emergency token. After a compromise these are fresh, for every
    /// use: the private halves of the others lay beside the one that leaked.
    fn terms(&self, why: RetireWhy, at: Timestamp) -> Result<(RetireTerms, Arc<KeyRing>), ServiceError> {
        Ok(match why {
            RetireWhy::Unneeded => (RetireTerms::Unneeded, self.ring()),
            RetireWhy::Confirmed => (RetireTerms::EvenNeeded, self.ring()),
            RetireWhy::Compromised => {
                let fresh = make_pairs(&self.vault, &KeyUse::ALL, at)?;
                let ring = load_ring(&self.vault, &fresh)?;
                (RetireTerms::Compromised(FreshKeys(fresh)), Arc::new(ring))
            }
        })
    }

    /// Puts the keys as they are recorded into use, then destroys private halves that are not needed any more.
    pub(super) fn take_over(&self, records: &[KeyRecord]) -> Result<(), ServiceError> {
        let ring = Arc::new(load_ring(&self.vault, records)?);
        let before = self.trust.rcu(|trust| trust.with_ring(Arc::clone(&ring)));
        self.status_lists.renew();
        destroy_unneeded(&self.vault, before.ring().verifying().iter().map(|key| key.id), records)
    }
}

fn no_key(key: KeyId) -> ServiceError {
    ServiceError::Request(RequestError::NotFound { what: "signing key", id: key.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_keys_that_sign_no_more_are_destroyed() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("keys")).unwrap();
        let now = Timestamp::from_secs(1_900_000_000);
        let make = |state| make_key(&vault, KeyUse::Service, state, now).unwrap();
        let records = [make(KeyState::Previous), make(KeyState::Current), make(KeyState::Prepared)];
        let of_a_newer_database = make(KeyState::Current);
        destroy_unneeded(&vault, records.iter().map(|record| record.id), &records).unwrap();
        let held = |record: &KeyRecord| vault.holds(&key_file(record.id));
        assert_eq!(records.each_ref().map(held), [false, true, true]);
        assert!(held(&of_a_newer_database));
    }
}
