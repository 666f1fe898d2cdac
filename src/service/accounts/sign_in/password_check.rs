//! Password checks: the cache of verdicts, then rate limits, the hash queue and argon2.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::hash_queue::HashQueue;
use crate::access::proof::{ClaimDigest, PasswordClaim, Proofs};
use crate::access::throttle::Throttles;
use crate::access::{SignInLimits, address, password};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::service::{AccountError, ServiceError};
use crate::store::{KnowAddress, Store};

/// The state of password checks: cache, queue and limits.
pub(in crate::service) struct PasswordChecks {
    store: Arc<dyn Store>,
    throttles: Arc<Throttles>,
    limits: SignInLimits,
    proofs: Proofs,
    pub(super) queue: HashQueue,
}

/// A password that was presented for a user.
pub(super) struct PresentedPassword {
    /// The user's name.
    pub(super) user: String,
    /// The user's epoch; `None` for a user that cannot sign in: unknown or disabled. Their check costs the same and fails.
    pub(super) epoch: Option<u64>,
    /// The password.
    pub(super) password: Arc<Secret<String>>,
    /// The address it came from; `None` on the server's own machine.
    pub(super) address: Option<IpAddr>,
    /// The time.
    pub(super) at: Timestamp,
    /// The time by the boot clock.
    pub(super) boot: Duration,
}

impl PasswordChecks {
    pub(in crate::service) fn new(
        store: Arc<dyn Store>,
        throttles: Arc<Throttles>,
        limits: SignInLimits,
    ) -> Self {
        let (proofs, queue) = (Proofs::new(limits.proof_lifetime), HashQueue::new(&limits));
        Self { store, throttles, limits, proofs, queue }
    }

    /// Returns the verdict on the password, if it was checked recently.
    pub(super) fn cached(&self, presented: &PresentedPassword) -> Option<bool> {
        self.proofs.get(self.digest(presented), presented.boot)
    }

    /// Checks the password in a task of its own, which goes on when the client leaves. A wrong password counts then too, and
    /// a right one is in the cache when the client comes back.
    pub(super) async fn check(self: &Arc<Self>, presented: PresentedPassword) -> Result<bool, ServiceError> {
        let checks = Arc::clone(self);
        let checked = tokio::spawn(async move { checks.check_address(presented).await });
        checked.await.unwrap_or(Err(AccountError::Unauthenticated.into()))
    }

    async fn check_address(&self, presented: PresentedPassword) -> Result<bool, ServiceError> {
        let recorded = match presented.address {
            Some(from) => self.store.known_address(presented.user.clone(), address::site(from)).await?,
            None => Some(presented.at),
        };
        let is_known = self.limits.is_known(recorded, presented.at);
        let check = self.hash(&presented, is_known);
        let is_right = self.proofs.get_or_check(self.digest(&presented), presented.boot, check).await?;
        if is_right && SignInLimits::is_due(recorded, presented.at) {
            self.record_address(presented).await;
        }
        Ok(is_right)
    }

    /// Takes a slot before the rate limits, so that a full queue costs an account nothing.
    async fn hash(&self, presented: &PresentedPassword, is_known: bool) -> Result<bool, ServiceError> {
        let slot = self.queue.enter(is_known)?;
        if let Some(from) = presented.address {
            self.throttles.sign_in(&presented.user, from, is_known)?;
        }
        let hash = self.store.password_hash(presented.user.clone()).await?;
        let hash = hash.filter(|_| presented.epoch.is_some());
        let password = Arc::clone(&presented.password);
        Ok(slot.run(move || password::verify(&password, hash.as_ref())).await?)
    }

    /// Makes the address a known one. A store that cannot be written keeps no user out.
    async fn record_address(&self, presented: PresentedPassword) {
        let PresentedPassword { user, address: Some(from), at, .. } = presented else { return };
        let recorded = self.store.know_address(KnowAddress { user, site: address::site(from), at }).await;
        if let Err(error) = recorded {
            tracing::warn!(%error, "the address of a sign-in could not be recorded");
        }
    }

    fn digest(&self, presented: &PresentedPassword) -> ClaimDigest {
        let PresentedPassword { user, epoch, password, .. } = presented;
        self.proofs.digest(&PasswordClaim { user, epoch: *epoch, password })
    }
}

#[cfg(test)]
mod tests;
