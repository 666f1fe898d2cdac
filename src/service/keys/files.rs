//! The signing keys on disk: each private half is a file in the vault.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::KeyId;
use crate::ledger::Action;
use crate::service::vault::Vault;
use crate::service::{Caller, RequestError, ServiceError};
use crate::store::{AddKeys, KeyRecord, KeyState, Store};
use crate::token::{
    KeyRing, KeyScope, KeyUse, SigningKey, SigningPair, SigningPairs, VerifyingKey, VerifyingKeys,
};

/// The file of a signing key's private half.
pub fn key_file(signing_key: KeyId) -> String {
    format!("token-{signing_key}.pem")
}

/// The file that lists the keys that are being made or replaced. A crash leaves it, and the next start destroys those that the
/// store does not have.
const NEXT: &str = "token.next.json";

/// Creates a signing key. The list of new names is on disk before its private half, and that before the key is recorded
/// anywhere. [`destroy_unneeded`] ends the list.
///
/// # Errors
/// A file cannot be written.
pub fn make_key(
    vault: &Vault,
    usage: KeyUse,
    state: KeyState,
    now: Timestamp,
) -> Result<KeyRecord, ServiceError> {
    let key = SigningKey::generate();
    announce(vault, [key.id()])?;
    save(vault, &key, (usage, state), now)
}

/// Creates a current and a prepared key for each of `uses`, as [`make_key`] does. The keys `replaced` are in the list too: the
/// store forgets those that have signed nothing.
///
/// # Errors
/// A file cannot be written.
pub fn make_pairs(
    vault: &Vault,
    uses: &[KeyUse],
    replaced: impl IntoIterator<Item = KeyId>,
    now: Timestamp,
) -> Result<Vec<KeyRecord>, ServiceError> {
    let states = [KeyState::Current, KeyState::Prepared];
    let wanted = uses.iter().flat_map(|usage| states.map(|state| (*usage, state)));
    let keys = wanted.map(|wanted| (SigningKey::generate(), wanted)).collect::<Vec<_>>();
    announce(vault, replaced.into_iter().chain(keys.iter().map(|(key, _)| key.id())))?;
    keys.iter().map(|(key, wanted)| save(vault, key, *wanted, now)).collect()
}

fn announce(vault: &Vault, keys: impl IntoIterator<Item = KeyId>) -> Result<(), ServiceError> {
    let names = announced(vault)?.into_iter().chain(keys).collect::<Vec<_>>();
    Ok(vault.save_json(NEXT, &names)?)
}

fn save(
    vault: &Vault,
    key: &SigningKey,
    (usage, state): (KeyUse, KeyState),
    now: Timestamp,
) -> Result<KeyRecord, ServiceError> {
    vault.save(&key_file(key.id()), &key.to_pem())?;
    let (id, public) = (key.id(), key.public());
    Ok(KeyRecord { id, public, usage, state, persistent_only: false, created_at: now })
}

/// The keys that were being made or replaced when the list was written last.
fn announced(vault: &Vault) -> Result<Vec<KeyId>, ServiceError> {
    match vault.holds(NEXT) {
        true => Ok(vault.load_json(NEXT)?),
        false => Ok(Vec::new()),
    }
}

/// Checks the private halves of the keys that sign. Returns a problem for each that is missing or exposed.
pub fn unusable(vault: &Vault, records: &[KeyRecord]) -> Vec<ServiceError> {
    let signs = records.iter().filter(|record| record.state == KeyState::Current);
    let load = |record: &KeyRecord| -> Result<(), ServiceError> {
        Ok(SigningKey::from_pem(&vault.load(&key_file(record.id))?).map(drop)?)
    };
    signs.filter_map(|record| load(record).err()).collect()
}

/// Returns the keys of the store, and first creates missing ones. A store that is older than a use of keys has no keys for it.
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
    let keys = make_pairs(vault, &missing, [], now)?;
    store.add_keys(AddKeys { keys, entry }).await?;
    Ok(store.keys().await?)
}

/// Builds the key ring from these records and the files in the vault.
///
/// # Errors
/// The current key's file is missing, exposed or of another key; or the records hold no current or prepared key.
pub fn load_ring(vault: &Vault, records: &[KeyRecord]) -> Result<KeyRing, ServiceError> {
    let find = |usage: KeyUse, state: KeyState| {
        let found = records.iter().find(|record| record.usage == usage && record.state == state);
        let missing = || RequestError::not_found("signing key", format!("{state:?} {usage}").to_lowercase());
        found.map(|record| record.id).ok_or_else(missing)
    };
    let pair = |usage| -> Result<SigningPair, ServiceError> {
        let current = SigningKey::from_pem(&vault.load(&key_file(find(usage, KeyState::Current)?))?)?;
        Ok(SigningPair { current: Arc::new(current), prepared: find(usage, KeyState::Prepared)? })
    };
    let signing = SigningPairs {
        enrollment: pair(KeyUse::Enrollment)?,
        service: pair(KeyUse::Service)?,
        access: pair(KeyUse::Access)?,
        status_list: pair(KeyUse::StatusList)?,
    };
    let verifying = records.iter().map(|record| {
        let scope = if record.persistent_only { KeyScope::PersistentOnly } else { KeyScope::All };
        VerifyingKey::new(record.public, record.usage, scope)
    });
    let verifying = VerifyingKeys::new(verifying.collect::<Result<_, _>>()?)?;
    Ok(KeyRing::new(signing, verifying)?)
}

/// Destroys the private halves of keys that are neither prepared nor current in these records. Then it ends the list of keys
/// that were being made or replaced. An unknown key is left alone: it may belong to a newer database.
///
/// # Errors
/// A file cannot be removed.
pub fn destroy_unneeded(vault: &Vault, records: &[KeyRecord]) -> Result<(), ServiceError> {
    let signs = |record: &KeyRecord| matches!(record.state, KeyState::Prepared | KeyState::Current);
    let needed = |key: KeyId| records.iter().any(|record| record.id == key && signs(record));
    let known = records.iter().map(|record| record.id).chain(announced(vault)?);
    for key in known.filter(|key| !needed(*key)) {
        vault.destroy(&key_file(key))?;
    }
    Ok(vault.remove(NEXT)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    fn vault() -> (tempfile::TempDir, Vault) {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("keys")).unwrap();
        (dir, vault)
    }

    fn make(vault: &Vault, state: KeyState) -> KeyRecord {
        make_key(vault, KeyUse::Service, state, NOW).unwrap()
    }

    #[test]
    fn only_known_keys_that_no_longer_sign_are_destroyed() {
        let (_dir, vault) = vault();
        let of_a_newer_database = make(&vault, KeyState::Current);
        std::fs::remove_file(vault.path(NEXT)).unwrap();
        let states = [KeyState::Previous, KeyState::Current, KeyState::Prepared];
        let records = states.map(|state| make(&vault, state));
        destroy_unneeded(&vault, &records).unwrap();
        let held = |record: &KeyRecord| vault.holds(&key_file(record.id));
        assert_eq!(records.each_ref().map(held), [false, true, true]);
        assert!(held(&of_a_newer_database));
    }

    #[test]
    fn a_crash_between_any_two_files_leaves_no_key() {
        for files in 0..=2 {
            let (_dir, vault) = vault();
            let kept = make(&vault, KeyState::Current);
            destroy_unneeded(&vault, std::slice::from_ref(&kept)).unwrap();
            let before = vault.names().unwrap();
            let made = make_pairs(&vault, &[KeyUse::Service], [], NOW).unwrap();
            // The crash came while the file after these was written.
            for key in made.iter().skip(files) {
                let path = vault.path(&key_file(key.id));
                std::fs::rename(&path, format!("{}.new", path.display())).unwrap();
            }
            destroy_unneeded(&vault, &[kept]).unwrap();
            assert_eq!(vault.names().unwrap(), before, "after {files} files");
        }
    }

    #[test]
    fn a_crash_after_replacing_leaves_no_former_key() {
        let (_dir, vault) = vault();
        let former = make_pairs(&vault, &[KeyUse::Service], [], NOW).unwrap();
        destroy_unneeded(&vault, &former).unwrap();
        let replaced = former.iter().map(|key| key.id);
        let fresh = make_pairs(&vault, &[KeyUse::Service], replaced, NOW).unwrap();
        // The crash came when the store had only the fresh keys, and one of the former files was gone.
        vault.destroy(&key_file(former[0].id)).unwrap();
        destroy_unneeded(&vault, &fresh).unwrap();
        let held = |record: &KeyRecord| vault.holds(&key_file(record.id));
        assert_eq!((former.iter().any(held), fresh.iter().all(held)), (false, true));
        assert!(!vault.holds(NEXT));
    }
}
