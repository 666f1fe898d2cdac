//! Reads of opaque keys.

use crate::id::OpaqueKeyId;
use crate::store::sqlite::SqliteStore;
use crate::store::{OpaqueKeyReads, OpaqueKeyRecord, StoreFuture};

/// Finds an opaque key by its SHA-256, with the certificate that it is as good as.
pub(in crate::store::sqlite) const OPAQUE_KEY: &str = "SELECT k.host, c.der, h.policy, k.used_at IS NOT NULL FROM opaque_keys AS k \
     JOIN certificates AS c ON c.host = k.host AND c.serial = k.serial JOIN hosts AS h ON h.host = k.host WHERE k.digest = ?1";

impl OpaqueKeyReads for SqliteStore {
    fn opaque_key(&self, key: OpaqueKeyId) -> StoreFuture<'_, Option<OpaqueKeyRecord>> {
        self.point(move |sql| {
            sql.one(OPAQUE_KEY, [key], |row| {
                Ok(OpaqueKeyRecord {
                    host: row.get(0)?,
                    certificate: row.get(1)?,
                    policy: row.get(2)?,
                    was_used: row.get(3)?,
                })
            })
        })
    }
}
