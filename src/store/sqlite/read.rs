//! Rows as records, and the queries that verbs and readers share.

pub(super) mod accounts;
mod administration;
pub(super) mod enrollments;
pub(super) mod entries;
pub(super) mod fleet;
pub(super) mod hosts;
mod list_statement;
pub(super) mod opaque_keys;
pub(super) mod output_keys;
pub(super) mod outputs;
pub(super) mod policies;
pub(super) mod rules;
mod sessions;
pub(super) mod tokens;

pub(super) use self::accounts::{USER_BY_NAME, user};
pub(super) use self::entries::{chain_head, entries_after, head_and_mark};
pub(super) use self::hosts::{HOST_BY_ID, OWN_NAME, host};
#[cfg(test)]
pub(super) use self::list_statement::{ListStatement, Way};
pub(super) use self::tokens::{TOKEN_BY_ID, token};
use super::driver::{self, Row};
use crate::store::{CertificateRecord, KeyRecord, StoredCertificate};

/// The signing keys that are not retired.
pub(super) const KEYS: &str = "SELECT kid, public, key_use, state, persistent_only, created_at FROM signing_keys \
     WHERE state <> 'retired' ORDER BY created_at, kid";

pub(super) fn key(row: &Row<'_>) -> driver::Result<KeyRecord> {
    Ok(KeyRecord {
        id: row.get(0)?,
        public: row.get(1)?,
        usage: row.get(2)?,
        state: row.get(3)?,
        persistent_only: row.get(4)?,
        created_at: row.get(5)?,
    })
}

/// Reads the columns host, serial, key, issued_at, not_after, renew_after, der.
pub(super) fn certificate(row: &Row<'_>) -> driver::Result<StoredCertificate> {
    let record = CertificateRecord {
        serial: row.get(1)?,
        host_key: row.get(2)?,
        issued_at: row.get(3)?,
        not_after: row.get(4)?,
        due_at: row.get(5)?,
    };
    Ok(StoredCertificate { host: row.get(0)?, record, der: row.get(6)? })
}
