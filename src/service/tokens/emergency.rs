//! The emergency token's file. Its text is shown nowhere else, so it is on disk before the store records the token, and
//! takes the place of the one before only afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::service::tokens::mint::emergency_order;
use crate::service::vault::{VaultError, load_private, put_in_place, write_private};
use crate::service::{Authority, Caller, ServiceError};
use crate::store::RecordMint;
use crate::token::{KeyRing, MintedToken};

/// The file of the emergency token, in the data directory.
const EMERGENCY_FILE: &str = "emergency.token";

/// The file of one whose record may not have been stored.
fn unrecorded(data_dir: &Path) -> PathBuf {
    data_dir.join(format!("{EMERGENCY_FILE}.new"))
}

/// A new emergency token, on disk already and recorded nowhere yet.
pub(in crate::service) struct Successor {
    minted: MintedToken,
}

impl Authority {
    /// Signs a new emergency token and writes it beside the one in use.
    pub(in crate::service) async fn prepare_emergency(
        &self,
        ring: &KeyRing,
        now: Timestamp,
    ) -> Result<(Successor, RecordMint), ServiceError> {
        let (minted, record) = self.sign(&Caller::SYSTEM, emergency_order(&self.settings), ring, now).await?;
        let text = format!("{}\n", minted.text().expose());
        write_private(&unrecorded(&self.data_dir), text.as_bytes())?;
        Ok((Successor { minted }, record))
    }

    /// What the token was prepared for is done. If it was `recorded`, its file takes the place of the one before.
    pub(in crate::service) fn emergency_recorded(&self, successor: &Successor, recorded: bool) {
        if !recorded {
            return self.emergency_stays();
        }
        self.emergency.store(Some(Arc::new(successor.minted.grant().token)));
        let new = unrecorded(&self.data_dir);
        if let Err(error) = put_in_place(&new, &self.data_dir.join(EMERGENCY_FILE)) {
            // Nothing is lost: the next start tries again.
            tracing::error!(%error, file = %new.display(), "the new emergency token is in this file only");
        }
    }

    /// The new token was not recorded: nobody is to take its file for a good one.
    pub(in crate::service) fn emergency_stays(&self) {
        // The next start finds it too.
        let _ = fs::remove_file(unrecorded(&self.data_dir));
    }

    /// Ends what a crash interrupted: a new token that is the live one takes its place, any other is dropped. For the
    /// start, before anything is answered.
    ///
    /// # Errors
    /// The file cannot be read, renamed or removed.
    pub fn finish_emergency(&self) -> Result<(), ServiceError> {
        let new = unrecorded(&self.data_dir);
        let text = match load_private(&new) {
            Err(VaultError::Missing { .. }) => return Ok(()),
            text => text?,
        };
        let named = self.authenticate(text.expose().trim()).ok().map(|token| token.grant().token);
        if named.is_some() && named == self.emergency.load().as_deref().copied() {
            return Ok(put_in_place(&new, &self.data_dir.join(EMERGENCY_FILE))?);
        }
        let gone = fs::remove_file(&new);
        Ok(gone
            .map_err(|error| VaultError::Io { path: new.display().to_string(), cause: error.to_string() })?)
    }
}
