//! Listing, rotating and retiring signing keys.

pub mod files;
pub mod fleet;
mod numbered;
pub mod seal;

use std::path::PathBuf;
use std::sync::Arc;

use self::files::{key_file, load_ring, make_key, make_pairs};
use super::accounts::unwritten::UnwrittenUses;
use super::base::Base;
use super::emergency::Emergency;
use super::own_names::OwnNames;
use super::trust::LiveTrust;
use super::vault::Vault;
use super::{Caller, KeysError, RequestError, ServiceError};
use crate::clock::Timestamp;
use crate::id::KeyId;
use crate::ledger::{Action, Subjects};
use crate::store::{KeyRecord, KeyState, RetireKey, RetireTerms, Retired, Retirement, RotateKeys};
use crate::token::{KeyRing, KeyUse, SigningKey};

/// Reasons for retiring a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetireWhy {
    /// No token needs it. Refused if a live persistent token does.
    Unneeded,
    /// The caller confirmed that its persistent tokens end.
    Confirmed,
    /// Its private half may have leaked. All keys in use are replaced, even the retired one.
    Compromised,
}

/// An administrator's use cases of signing keys and external URLs, and accepting the clock, which replaces the keys.
pub struct TrustAdmin {
    pub(super) base: Base,
    pub(super) trust: Arc<LiveTrust>,
    pub(super) emergency: Emergency,
    pub(super) vault: Vault,
    pub(super) names: Arc<OwnNames>,
    pub(super) unwritten: Arc<UnwrittenUses>,
}

impl TrustAdmin {
    /// Returns the signing keys that are not retired, each with the number of live persistent tokens that need it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_keys(&self) -> Result<Vec<(KeyRecord, u64)>, ServiceError> {
        Ok(self.base.store.key_needs(self.base.time.now()).await?)
    }

    /// Rotates the keys of one use. The prepared key signs from now on. The current one only verifies, and its private half
    /// is destroyed.
    ///
    /// # Errors
    /// The clock is in doubt, or a file or the store cannot be written.
    pub async fn rotate_keys(&self, caller: &Caller, usage: KeyUse) -> Result<(), ServiceError> {
        let _one_at_a_time = self.trust.change().await;
        let at = self.base.time.trusted()?;
        let prepared = self.trust.ring().prepared(usage);
        // Checked before anything is recorded: a rotation to a key that cannot sign could not be undone.
        SigningKey::from_pem(&self.vault.load(&key_file(prepared))?)?;
        let next = make_key(&self.vault, usage, KeyState::Prepared, at)?;
        let subjects = Subjects::signing_key(prepared);
        let entry = caller.did(Action::KeyRotated, at).about(subjects).with("use", usage.name());
        let entry = entry.with("prepared", next.id.to_string());
        let outcome = self.base.store.rotate_keys(RotateKeys { next, entry }).await;
        self.trust.conclude(self.base.store.as_ref(), outcome).await
    }

    /// Retires a key and ends the persistent tokens that need it. If the emergency token is one of them, a new one is minted
    /// and its file rewritten.
    ///
    /// # Errors
    /// The key is in use, needed or unknown, the clock is in doubt, or a file or the store cannot be written.
    pub async fn retire_key(
        &self,
        caller: &Caller,
        signing_key: KeyId,
        why: RetireWhy,
    ) -> Result<Retired, ServiceError> {
        let _one_at_a_time = self.trust.change().await;
        let at = self.base.time.trusted()?;
        if !self.base.store.keys().await?.iter().any(|known| known.id == signing_key) {
            return Err(RequestError::not_found("signing key", signing_key).into());
        }
        let (terms, ring) = self.terms(why, at)?;
        let compromised = why == RetireWhy::Compromised;
        let ending = self.base.store.emergency_token().await?;
        let ends = ending.is_some_and(|token| compromised || token.mint.signing_key == signing_key);
        let emergency = self.emergency.prepare(ends, &ring, at).await?;
        let successor = emergency.as_ref().map(|mint| mint.record.token.id);
        let entry = caller.did(Action::KeyRetired, at).about(Subjects::signing_key(signing_key));
        // If this fails, the outcome may be unknown. The new token's file stays, and the next start checks it.
        let outcome = self.base.store.retire_key(RetireKey { signing_key, terms, emergency, entry }).await;
        if let Ok(outcome) = outcome {
            self.emergency.conclude(successor, outcome);
        }
        let outcome = self.trust.conclude(self.base.store.as_ref(), outcome).await?;
        match outcome {
            Retirement::Retired(retired) => Ok(retired),
            Retirement::Needed { tokens } => Err(KeysError::Needed { tokens }.into()),
            Retirement::InUse => Err(KeysError::InUse.into()),
            Retirement::Unknown => Err(RequestError::not_found("signing key", signing_key).into()),
        }
    }

    /// Returns the terms for the store, and the keys that sign a new emergency token. After a compromise the keys of every
    /// use are fresh, because the private halves of the others lay beside the leaked one.
    fn terms(&self, why: RetireWhy, at: Timestamp) -> Result<(RetireTerms, Arc<KeyRing>), ServiceError> {
        Ok(match why {
            RetireWhy::Unneeded => (RetireTerms::Unneeded, self.trust.ring()),
            RetireWhy::Confirmed => (RetireTerms::EvenNeeded, self.trust.ring()),
            RetireWhy::Compromised => {
                let fresh = self.fresh_keys(at)?;
                let ring = load_ring(&self.vault, &fresh)?;
                (RetireTerms::Compromised(fresh), Arc::new(ring))
            }
        })
    }

    /// Mints the emergency token that a restore made due. The start calls it. Returns its file, if it did.
    ///
    /// # Errors
    /// The file or the store cannot be written.
    pub async fn mint_due_emergency(&self) -> Result<Option<PathBuf>, ServiceError> {
        self.emergency.mint_due(self.base.store.as_ref(), self.base.time.now()).await
    }

    /// Creates the keys that take the place of all those in use.
    pub(super) fn fresh_keys(&self, at: Timestamp) -> Result<Vec<KeyRecord>, ServiceError> {
        let ring = self.trust.ring();
        make_pairs(&self.vault, &KeyUse::ALL, ring.verifying().iter().map(|key| key.id), at)
    }
}
