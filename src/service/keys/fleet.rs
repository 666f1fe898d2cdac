//! The keys of Elastic Fleet's API: each is a file in the vault, and a row in the store (`numbered.rs`).

use crate::clock::Timestamp;
use crate::id::FleetKeyId;
use crate::ledger::{Action, Draft};
use crate::service::vault::{Vault, VaultError};
use crate::service::{Caller, KeysError, RequestError, ServiceError};
use crate::store::{AddFleetKey, FleetKeyRecord, RetireFleetKey, Retired, Retirement, Store};
use crate::token::{FleetKey, FleetKeys};

use super::numbered::NumberedFiles;
use super::{RetireWhy, TrustAdmin};

/// The use of these keys, as `keys list` names it.
pub const FLEET: &str = "fleet";

const FILES: NumberedFiles = NumberedFiles { usage: FLEET, generate: FleetKey::generate };

/// Writes the file of the first key, unless an earlier try has.
///
/// # Errors
/// The file cannot be written.
pub fn make_first_fleet_key(vault: &Vault) -> Result<(), VaultError> {
    FILES.make_first(vault)
}

/// Loads the keys of the store, and first makes one for a store that is older than these keys.
///
/// # Errors
/// A file is missing, exposed or malformed, or a file or the store cannot be written.
pub async fn complete_fleet_keys(
    store: &dyn Store,
    vault: &Vault,
    now: Timestamp,
) -> Result<FleetKeys, ServiceError> {
    let mut keys = store.fleet_keys().await?;
    if keys.is_empty() {
        make_first_fleet_key(vault)?;
        let entry = Caller::SYSTEM.did(Action::KeyRotated, now).with("first_keys_for", FLEET);
        store.add_fleet_key(AddFleetKey { key: FleetKeyId::FIRST, entry }).await?;
        keys = store.fleet_keys().await?;
    }
    destroy_retired(vault, &keys)?;
    load_fleet_keys(vault, &keys)
}

/// Loads the keys with these records.
///
/// # Errors
/// A file is missing, exposed or malformed.
pub fn load_fleet_keys(vault: &Vault, records: &[FleetKeyRecord]) -> Result<FleetKeys, ServiceError> {
    let load = |record: &FleetKeyRecord| {
        let name = FILES.name(record.id.number());
        FleetKey::parse(record.id, &vault.load(&name)?).ok_or_else(|| {
            let path = vault.path(&name).display().to_string();
            ServiceError::from(KeysError::MalformedKey { path })
        })
    };
    Ok(FleetKeys::new(records.iter().map(load).collect::<Result<_, _>>()?))
}

/// Destroys the files of retired keys.
///
/// # Errors
/// A file cannot be removed.
pub fn destroy_retired(vault: &Vault, records: &[FleetKeyRecord]) -> Result<(), ServiceError> {
    let live = records.iter().map(|record| record.id.number()).collect::<Vec<_>>();
    FILES.destroy_retired(vault, &live)
}

impl TrustAdmin {
    /// Returns the keys of Elastic Fleet's API that are not retired, each with the number of live tokens that need it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_fleet_keys(&self) -> Result<Vec<(FleetKeyRecord, u64)>, ServiceError> {
        Ok(self.base.store.fleet_key_needs(self.base.time.now()).await?)
    }

    /// Makes the next key of Elastic Fleet's API. New tokens get their `api_key` from it; the others keep theirs.
    ///
    /// # Errors
    /// The clock is in doubt, or a file or the store cannot be written.
    pub async fn rotate_fleet_key(&self, caller: &Caller) -> Result<(), ServiceError> {
        let _one_at_a_time = self.trust.change().await;
        let at = self.base.time.trusted()?;
        let key = self.make_next_fleet_key().await?;
        let entry = caller.did(Action::KeyRotated, at).with("use", FLEET).with("fleet_key", key.to_string());
        let outcome = self.base.store.add_fleet_key(AddFleetKey { key, entry }).await;
        self.trust.conclude(self.base.store.as_ref(), outcome).await
    }

    /// Retires a key of Elastic Fleet's API, and revokes the tokens that it gave an `api_key`. The newest key retires only if
    /// it is compromised; the next one takes its place.
    ///
    /// # Errors
    /// The key is in use, needed or unknown, the clock is in doubt, or a file or the store cannot be written.
    pub async fn retire_fleet_key(
        &self,
        caller: &Caller,
        key: FleetKeyId,
        why: RetireWhy,
    ) -> Result<Retired, ServiceError> {
        let _one_at_a_time = self.trust.change().await;
        let entry = self.retirement(caller, key)?;
        let successor = match why {
            RetireWhy::Compromised => Some(self.make_next_fleet_key().await?),
            RetireWhy::Confirmed | RetireWhy::Unneeded => None,
        };
        let even_needed = why != RetireWhy::Unneeded;
        let command = RetireFleetKey { key, even_needed, successor, entry };
        let outcome = self.base.store.retire_fleet_key(command).await;
        match self.trust.conclude(self.base.store.as_ref(), outcome).await? {
            Retirement::Retired(retired) => Ok(retired),
            Retirement::Needed { tokens } => Err(KeysError::Needed { tokens }.into()),
            Retirement::InUse => Err(KeysError::InUse.into()),
            Retirement::Unknown => Err(RequestError::not_found("key", key).into()),
        }
    }

    fn retirement(&self, caller: &Caller, key: FleetKeyId) -> Result<Draft, ServiceError> {
        let entry = caller.did(Action::KeyRetired, self.base.time.trusted()?);
        Ok(entry.with("use", FLEET).with("fleet_key", key.to_string()))
    }

    /// Writes the file of the key after the newest one.
    async fn make_next_fleet_key(&self) -> Result<FleetKeyId, ServiceError> {
        let newest = self.base.store.fleet_keys().await?.iter().map(|record| record.id).max();
        let next = newest.map_or(FleetKeyId::FIRST, FleetKeyId::next);
        FILES.make_next(&self.vault, next.number())?;
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> (tempfile::TempDir, Vault) {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("keys")).unwrap();
        (dir, vault)
    }

    fn record(number: u32) -> FleetKeyRecord {
        FleetKeyRecord { id: FleetKeyId::new(number), created_at: Timestamp::from_secs(1) }
    }

    #[test]
    fn a_missing_or_malformed_file_is_named() {
        let (_dir, vault) = vault();
        let missing = load_fleet_keys(&vault, &[record(1)]).err().unwrap();
        assert!(missing.to_string().contains("fleet-1.key is missing"), "{missing}");
        vault.save("fleet-1.key", &crate::secret::Secret::new("AAEC".to_owned())).unwrap();
        let malformed = load_fleet_keys(&vault, &[record(1)]).err().unwrap();
        assert!(malformed.to_string().contains("fleet-1.key"), "{malformed}");
    }
}
