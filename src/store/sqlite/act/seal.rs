//! The keys of the seal.

use super::Execution;
use crate::clock::Timestamp;
use crate::id::{OutputId, SealKeyId};
use crate::seal::{Seal, Sealed, SealedPlace};
use crate::store::sqlite::driver::{self, params};
use crate::store::{AddSealKey, RotateSeal, SealRotation};

/// A sealed row: the columns output, field, version, seal and sealed.
type SealedRow = (OutputId, String, u64, Sealed);

impl Execution<'_> {
    pub(super) fn add_seal_key(&mut self, command: AddSealKey) -> driver::Result<()> {
        let AddSealKey { key, entry } = command;
        self.insert_seal_key(key, entry.at())?;
        self.enter(entry)
    }

    pub(super) fn insert_seal_key(&self, key: SealKeyId, at: Timestamp) -> driver::Result<()> {
        let sql = "INSERT INTO seal_keys (number, created_at) VALUES (?1, ?2)";
        self.execute(sql, params![key, at]).map(drop)
    }

    /// Seals every secret again in the transaction that retires the former key. So no row keeps a key that is destroyed.
    pub(super) fn rotate_seal(&mut self, command: RotateSeal) -> driver::Result<SealRotation> {
        let RotateSeal { key, seal, entry } = command;
        self.insert_seal_key(key, entry.at())?;
        let sql = "UPDATE seal_keys SET retired_at = ?2 WHERE number <> ?1 AND retired_at IS NULL";
        self.execute(sql, params![key, entry.at()])?;
        let rows = "SELECT output, field, version, seal, sealed FROM output_secrets";
        let rows = self.all(rows, [], sealed_row)?;
        let mut secrets = rows.len() as u64;
        for (output, field, version, sealed) in rows {
            if !self.reseal(&seal, SealedPlace { output, field: &field, version }, &sealed)? {
                return self.undo(SealRotation::Unreadable { output, field });
            }
        }
        secrets += self.reseal_keys(&seal, entry.at())?;
        self.enter(entry.with("secrets", secrets))?;
        Ok(SealRotation::Done { secrets })
    }

    /// Seals a secret again. Returns false if it cannot be opened.
    fn reseal(&self, seal: &Seal, place: SealedPlace<'_>, sealed: &Sealed) -> driver::Result<bool> {
        let Ok(again) = seal.reseal(place, sealed) else { return Ok(false) };
        let sql = "UPDATE output_secrets SET seal = ?3, sealed = ?4 WHERE output = ?1 AND field = ?2";
        self.execute(sql, params![place.output, place.field, again.key, again.bytes])?;
        Ok(true)
    }

    /// Returns whether this is the newest key.
    pub(super) fn is_sealing(&self, key: SealKeyId) -> driver::Result<bool> {
        self.exists("SELECT 1 FROM seal_keys WHERE number = ?1 AND retired_at IS NULL", [key])
    }
}

fn sealed_row(row: &driver::Row<'_>) -> driver::Result<SealedRow> {
    let sealed = Sealed { key: row.get(3)?, bytes: row.get(4)? };
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, sealed))
}
