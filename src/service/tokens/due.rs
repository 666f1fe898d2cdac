//! Due revocations: rotated tokens whose overlap is over, and tokens of a deleted minter or policy. Each transaction revokes
//! a bounded number, so that redemptions do not wait long.

use tokio::sync::Notify;

use crate::service::ServiceError;
use crate::service::base::Base;
use crate::store::{DueRevoked, RevokeDue};

/// Maximum number of tokens revoked in one transaction.
const AT_ONCE: u32 = 256;

/// Revokes due tokens.
pub struct DueRevocations {
    base: Base,
    /// Signals that more tokens are due than one transaction revoked.
    due: Notify,
}

impl DueRevocations {
    pub(in crate::service) fn new(base: Base) -> Self {
        Self { base, due: Notify::new() }
    }

    /// Revokes some of the due tokens in the name of the actor that made them due. A timer calls it. While the clock is in
    /// doubt, only tokens that were due before are revoked.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn revoke(&self) -> Result<DueRevoked, ServiceError> {
        let now = self.base.time.now();
        match self.base.store.next_due_revocation().await? {
            Some(due) if due <= now => {
                Ok(self.base.store.revoke_due(RevokeDue { now, most: AT_ONCE }).await?)
            }
            _ => Ok(DueRevoked::default()),
        }
    }

    /// Returns when tokens are due that a deletion did not wait for.
    pub async fn more(&self) {
        self.due.notified().await;
    }

    /// Revokes the tokens that a deletion has just made due: some now, the others soon. None of them admits a host any longer.
    pub(in crate::service) async fn finish_deletion(&self, tokens: u64) {
        if tokens == 0 {
            return;
        }
        match self.revoke().await {
            Ok(done) if done.more => self.due.notify_one(),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, tokens, "tokens of a deletion are not revoked yet; retrying");
            }
        }
    }
}
