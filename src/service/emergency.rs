//! The emergency token's file. The text is shown nowhere else, so it is on disk before the store records the token.
//! It replaces the previous file only afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::tokens::mint::{Minting, emergency_order};
use super::trust::LiveTrust;
use super::vault::{VaultError, load_private, put_in_place, write_private};
use super::{Caller, ServiceError};
use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::store::{RecordMint, Retired, Retirement, Store};
use crate::token::{KeyRing, MintedToken};

/// The file of the emergency token, in the data directory.
const EMERGENCY_FILE: &str = "emergency.token";

/// The file of a new emergency token that may not be recorded yet.
fn unrecorded(data_dir: &Path) -> PathBuf {
    data_dir.join(format!("{EMERGENCY_FILE}.new"))
}

/// The id of the live emergency token, in memory: every use of the token raises an alarm.
#[derive(Default)]
pub struct LiveEmergency(ArcSwapOption<TokenId>);

impl LiveEmergency {
    /// Reads the id from the store. Call it after each change of the token, here or on another node.
    ///
    /// # Errors
    /// The store cannot be read. The previous id stays in use.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), ServiceError> {
        let live = store.emergency_token().await?.map(|token| Arc::new(token.mint.token.id));
        self.0.store(live);
        Ok(())
    }

    /// Returns whether `token` is the live emergency token.
    pub fn is(&self, token: TokenId) -> bool {
        self.0.load().as_deref() == Some(&token)
    }

    pub(super) fn set(&self, token: TokenId) {
        self.0.store(Some(Arc::new(token)));
    }
}

/// Completes an interrupted replacement: moves the file of a live new token to its final name, and removes any other.
/// The start calls it before the server answers requests.
///
/// # Errors
/// The file cannot be read, renamed or removed.
pub fn finish_emergency(
    data_dir: &Path,
    live: &LiveEmergency,
    trust: &LiveTrust,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let new = unrecorded(data_dir);
    let text = match load_private(&new) {
        Err(VaultError::Missing { .. }) => return Ok(()),
        text => text?,
    };
    let named = trust.load().enrollment(text.expose().trim(), now);
    if named.is_ok_and(|token| live.is(token.grant().token.id)) {
        return Ok(put_in_place(&new, &data_dir.join(EMERGENCY_FILE))?);
    }
    let gone = fs::remove_file(&new);
    Ok(gone.map_err(|error| VaultError::Io { path: new.display().to_string(), cause: error.to_string() })?)
}

/// Replaces the emergency token when its key or external URL ends.
pub struct Emergency {
    pub(super) live: Arc<LiveEmergency>,
    pub(super) minting: Arc<Minting>,
    pub(super) data_dir: PathBuf,
}

/// A new emergency token that is on disk and not yet recorded.
pub(super) struct Successor {
    minted: MintedToken,
}

impl Emergency {
    /// Signs a new emergency token and writes it beside the one in use.
    pub(super) async fn prepare(
        &self,
        ring: &KeyRing,
        now: Timestamp,
    ) -> Result<(Successor, RecordMint), ServiceError> {
        let order = emergency_order(&self.minting.roles);
        let (minted, record) = self.minting.sign(&Caller::SYSTEM, order, ring, now).await?;
        let text = format!("{}\n", minted.text().expose());
        write_private(&unrecorded(&self.data_dir), text.as_bytes())?;
        Ok((Successor { minted }, record))
    }

    /// Ends a replacement. The file of a recorded token replaces the previous one; any other file is removed.
    pub(super) fn conclude(&self, successor: Option<Successor>, outcome: Retirement) {
        let Some(successor) = successor else { return };
        if !matches!(outcome, Retirement::Retired(Retired { emergency: true, .. })) {
            // Nobody may take it for a valid token. If that fails, the next start removes it.
            return drop(fs::remove_file(unrecorded(&self.data_dir)));
        }
        self.live.set(successor.minted.grant().token.id);
        let new = unrecorded(&self.data_dir);
        if let Err(error) = put_in_place(&new, &self.data_dir.join(EMERGENCY_FILE)) {
            // The next start tries again, so no token is lost.
            tracing::error!(%error, file = %new.display(), "the new emergency token is in this file only");
        }
    }
}
