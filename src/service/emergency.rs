//! The emergency token's file. The text is shown nowhere else, so it is on disk before the store records the token.
//! It replaces the previous file only afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tokens::mint::{Minting, emergency_order};
use super::trust::LiveTrust;
use super::vault::{VaultError, load_private, put_in_place, write_private};
use super::{Caller, ServiceError};
use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::store::{MintOutcome, RecordMint, Retired, Retirement, Store, StoreError};
use crate::token::KeyRing;

/// The file of the emergency token, in the data directory.
pub(super) const EMERGENCY_FILE: &str = "emergency.token";

/// The file of a new emergency token that may not be recorded yet.
fn unrecorded(data_dir: &Path) -> PathBuf {
    data_dir.join(format!("{EMERGENCY_FILE}.new"))
}

/// Checks the file that an interrupted replacement left, if there is one. Changes nothing.
///
/// # Errors
/// The file cannot be read, or others may read it.
pub fn unfinished_emergency(data_dir: &Path) -> Result<(), VaultError> {
    match load_private(&unrecorded(data_dir)) {
        Err(VaultError::Missing { .. }) => Ok(()),
        text => text.map(drop),
    }
}

/// Completes an interrupted replacement: moves the file of a live new token to its final name, and removes any other.
/// The start calls it before the server answers requests.
///
/// # Errors
/// The file cannot be read, renamed or removed.
pub fn finish_emergency(data_dir: &Path, trust: &LiveTrust, now: Timestamp) -> Result<(), ServiceError> {
    let new = unrecorded(data_dir);
    let text = match load_private(&new) {
        Err(VaultError::Missing { .. }) => return Ok(()),
        text => text?,
    };
    let named = trust.load().enrollment(text.expose().trim(), now);
    if named.is_ok_and(|token| trust.is_emergency(token.grant().token.id)) {
        return Ok(put_in_place(&new, &data_dir.join(EMERGENCY_FILE))?);
    }
    let gone = fs::remove_file(&new);
    Ok(gone.map_err(|error| VaultError::Io { path: new.display().to_string(), cause: error.to_string() })?)
}

/// The file that makes the next start mint an emergency token: a restore revokes the one before.
fn due(data_dir: &Path) -> PathBuf {
    data_dir.join(format!("{EMERGENCY_FILE}.due"))
}

/// Makes the next start mint an emergency token, unless one is live then.
///
/// # Errors
/// The file cannot be written.
pub(super) fn make_due(data_dir: &Path) -> Result<(), VaultError> {
    write_private(&due(data_dir), b"")
}

/// Replaces the emergency token when its key or external URL ends.
pub struct Emergency {
    pub(super) minting: Arc<Minting>,
    pub(super) data_dir: PathBuf,
}

impl Emergency {
    /// If the emergency token ends, signs a new one and writes it beside the one in use.
    pub(super) async fn prepare(
        &self,
        ends: bool,
        ring: &KeyRing,
        now: Timestamp,
    ) -> Result<Option<RecordMint>, ServiceError> {
        if !ends {
            return Ok(None);
        }
        let order = emergency_order(&self.minting.roles);
        let (minted, record) = self.minting.sign(&Caller::SYSTEM, order, ring, now).await?;
        let text = format!("{}\n", minted.text().expose());
        write_private(&unrecorded(&self.data_dir), text.as_bytes())?;
        Ok(Some(record))
    }

    /// Mints the emergency token that a restore made due. Returns its file, if it did.
    pub(super) async fn mint_due(
        &self,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<Option<PathBuf>, ServiceError> {
        let (due, file) = (due(&self.data_dir), self.data_dir.join(EMERGENCY_FILE));
        if !due.exists() {
            return Ok(None);
        }
        if store.emergency_token().await?.is_none()
            && let Some(mint) = self.prepare(true, &self.minting.trust.ring(), now).await?
        {
            let token = mint.record.token.id;
            if store.record_mint(mint).await? == MintOutcome::KeyGone {
                return Err(StoreError::Contended.into());
            }
            self.minting.trust.set_emergency(token);
            put_in_place(&unrecorded(&self.data_dir), &file)?;
        }
        let gone = fs::remove_file(&due);
        gone.map_err(|error| VaultError::Io { path: due.display().to_string(), cause: error.to_string() })?;
        Ok(Some(file))
    }

    /// Ends a replacement. The file of a recorded token replaces the previous one; any other file is removed.
    pub(super) fn conclude(&self, successor: Option<TokenId>, outcome: Retirement) {
        let Some(successor) = successor else { return };
        if !matches!(outcome, Retirement::Retired(Retired { emergency: true, .. })) {
            // Nobody may take it for a valid token. If that fails, the next start removes it.
            return drop(fs::remove_file(unrecorded(&self.data_dir)));
        }
        self.minting.trust.set_emergency(successor);
        let new = unrecorded(&self.data_dir);
        if let Err(error) = put_in_place(&new, &self.data_dir.join(EMERGENCY_FILE)) {
            // The next start tries again, so no token is lost.
            tracing::error!(%error, file = %new.display(), "the new emergency token is in this file only");
        }
    }
}
