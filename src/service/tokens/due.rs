//! Revoking what is due: tokens that were rotated and whose overlap is over, and those whose minter was deleted with them. A
//! bounded number at a time, so that no redemption waits long behind it.

use crate::service::{Authority, ServiceError};
use crate::store::RevokeDue;

/// How many tokens end in one transaction.
const AT_ONCE: u32 = 256;

impl Authority {
    /// Revokes tokens whose time has come, in the name of who rotated them or deleted their minter. For a timer; while the clock
    /// is in doubt, those whose time had come before.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn revoke_due(&self) -> Result<u64, ServiceError> {
        let mut all = 0;
        let now = self.time.now();
        while self.store.next_due_revocation().await?.is_some_and(|due| due <= now) {
            let done = self.store.revoke_due(RevokeDue { now, most: AT_ONCE }).await?;
            all += done.tokens;
            if !done.more {
                break;
            }
        }
        Ok(all)
    }

    /// Revokes the `tokens` that a deletion has just made due. If that fails they stay due, and admit nobody.
    pub(in crate::service) async fn finish_deletion(&self, tokens: u64) {
        if tokens > 0
            && let Err(error) = self.revoke_due().await
        {
            tracing::warn!(%error, tokens, "what somebody minted who was deleted is not revoked yet; it is tried again");
        }
    }
}
