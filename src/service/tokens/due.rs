//! Revoking what is due: tokens that were rotated and whose overlap is over, and those whose minter was deleted with them. A
//! bounded number at a time, so that no redemption waits long behind it.

use crate::service::{Authority, ServiceError};
use crate::store::{DueRevoked, RevokeDue};

/// How many tokens end in one transaction.
const AT_ONCE: u32 = 256;

impl Authority {
    /// Revokes some of the tokens whose time has come, in the name of who rotated them or deleted their minter. For a timer; while
    /// the clock is in doubt, those whose time had come before.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn revoke_due(&self) -> Result<DueRevoked, ServiceError> {
        let now = self.time.now();
        match self.store.next_due_revocation().await? {
            Some(due) if due <= now => Ok(self.store.revoke_due(RevokeDue { now, most: AT_ONCE }).await?),
            _ => Ok(DueRevoked::default()),
        }
    }

    /// Returns when there is more to revoke than who made it due has waited for.
    pub async fn more_is_due(&self) {
        self.due.notified().await;
    }

    /// Revokes `tokens` that a deletion has just made due: a few at once, more of them soon. They admit nobody meanwhile.
    pub(in crate::service) async fn finish_deletion(&self, tokens: u64) {
        if tokens == 0 {
            return;
        }
        match self.revoke_due().await {
            Ok(done) if done.more => self.due.notify_one(),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, tokens, "what a deleted minter minted is not revoked yet; it is tried again");
            }
        }
    }
}
