//! The keys of the seal: each is a file in the vault, and a row in the store (`numbered.rs`). One is in use.
//!
//! A rotation is one transaction between two changes of files. The new key is on disk before it, and the former one is
//! destroyed after it. A crash before the transaction leaves the former key in use, and the next start destroys the new
//! file. A crash after it leaves the new key in use, and the next start destroys the former file.

use std::sync::Arc;

use super::TrustAdmin;
use super::numbered::NumberedFiles;
use crate::clock::Timestamp;
use crate::id::SealKeyId;
use crate::ledger::Action;
use crate::seal::{Seal, SealError, SealKey};
use crate::service::vault::{Vault, VaultError};
use crate::service::{Caller, KeysError, ServiceError};
use crate::store::{AddSealKey, RotateSeal, SealKeyRecord, SealRotation, Store};

/// The use of these keys, as `keys list` names it.
pub const SEAL: &str = "seal";

const FILES: NumberedFiles = NumberedFiles { usage: SEAL, generate: SealKey::generate };

/// Writes the file of the first key, unless an earlier try has.
///
/// # Errors
/// The file cannot be written.
pub fn make_first_seal_key(vault: &Vault) -> Result<(), VaultError> {
    FILES.make_first(vault)
}

/// Loads the keys of the store, and first makes one for a store that is older than these keys.
///
/// # Errors
/// A file is missing, exposed or malformed, or a file or the store cannot be written.
pub async fn complete_seal_keys(
    store: &dyn Store,
    vault: &Vault,
    now: Timestamp,
) -> Result<Seal, ServiceError> {
    let mut keys = store.seal_keys().await?;
    if keys.is_empty() {
        make_first_seal_key(vault)?;
        let entry = Caller::SYSTEM.did(Action::KeyRotated, now).with("first_keys_for", SEAL);
        store.add_seal_key(AddSealKey { key: SealKeyId::FIRST, entry }).await?;
        keys = store.seal_keys().await?;
    }
    destroy_retired_seals(vault, &keys)?;
    load_seal(vault, keys.iter().map(|record| record.id))
}

/// Loads these keys, oldest first.
///
/// # Errors
/// A file is missing, exposed or malformed.
pub fn load_seal(vault: &Vault, keys: impl IntoIterator<Item = SealKeyId>) -> Result<Seal, ServiceError> {
    let load = |key: SealKeyId| {
        let name = FILES.name(key.number());
        SealKey::parse(key, &vault.load(&name)?).ok_or_else(|| {
            let path = vault.path(&name).display().to_string();
            ServiceError::from(KeysError::MalformedKey { path })
        })
    };
    Ok(Seal::new(keys.into_iter().map(load).collect::<Result<_, _>>()?))
}

/// Destroys the files of retired keys.
///
/// # Errors
/// A file cannot be removed.
pub fn destroy_retired_seals(vault: &Vault, records: &[SealKeyRecord]) -> Result<(), ServiceError> {
    let live = records.iter().map(|record| record.id.number()).collect::<Vec<_>>();
    FILES.destroy_retired(vault, &live)
}

impl TrustAdmin {
    /// Returns the key of the seal.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_seal_keys(&self) -> Result<Vec<SealKeyRecord>, ServiceError> {
        Ok(self.base.store.seal_keys().await?)
    }

    /// Makes a new key of the seal, seals every secret again with it, and destroys the former one.
    ///
    /// # Errors
    /// The clock is in doubt, a secret cannot be opened, or a file or the store cannot be written.
    pub async fn rotate_seal(&self, caller: &Caller) -> Result<(), ServiceError> {
        let _one_at_a_time = self.trust.change().await;
        let at = self.base.time.trusted()?;
        let known =
            self.base.store.seal_keys().await?.into_iter().map(|record| record.id).collect::<Vec<_>>();
        let key = known.last().map_or(SealKeyId::FIRST, |newest| newest.next());
        FILES.make_next(&self.vault, key.number())?;
        // Read back before anything is sealed with it.
        let seal = Arc::new(load_seal(&self.vault, known.into_iter().chain([key]))?);
        let entry = caller.did(Action::KeyRotated, at).with("use", SEAL).with("seal_key", key.to_string());
        let outcome = self.base.store.rotate_seal(RotateSeal { key, seal, entry }).await;
        match self.trust.conclude(self.base.store.as_ref(), outcome).await? {
            SealRotation::Done { .. } => Ok(()),
            SealRotation::Unreadable { output, field } => {
                Err(KeysError::Unreadable { output, field, cause: SealError::Damaged }.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_missing_or_malformed_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("keys")).unwrap();
        let why = || load_seal(&vault, [SealKeyId::FIRST]).err().unwrap().to_string();
        assert!(why().contains("seal-1.key is missing"), "{}", why());
        vault.save("seal-1.key", &Secret::new("AAEC".to_owned())).unwrap();
        assert!(why().contains("seal-1.key is not the file of a key"), "{}", why());
    }
}
