//! Revoking what is due: tokens that were rotated and whose overlap is over, and those whose minter was deleted with them. A
//! bounded number at a time, so that no redemption waits long behind it.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::service::{ServiceError, TimeKeeper};
use crate::store::{DueRevoked, RevokeDue, Store};

/// How many tokens end in one transaction.
const AT_ONCE: u32 = 256;

/// Revoking what is due.
pub struct DueRevocations {
    pub(in crate::service) store: Arc<dyn Store>,
    pub(in crate::service) time: Arc<TimeKeeper>,
    /// Says that more tokens are due than were revoked at once.
    due: Notify,
}

impl DueRevocations {
    pub(in crate::service) fn new(store: Arc<dyn Store>, time: Arc<TimeKeeper>) -> Self {
        Self { store, time, due: Notify::new() }
    }

    /// Revokes some of the tokens whose time has come, in the name of who rotated them or deleted their minter. For a timer; while
    /// the clock is in doubt, those whose time had come before.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn revoke(&self) -> Result<DueRevoked, ServiceError> {
        let now = self.time.now();
        match self.store.next_due_revocation().await? {
            Some(due) if due <= now => Ok(self.store.revoke_due(RevokeDue { now, most: AT_ONCE }).await?),
            _ => Ok(DueRevoked::default()),
        }
    }

    /// Returns when there is more to revoke than who made it due has waited for.
    pub async fn more(&self) {
        self.due.notified().await;
    }

    /// Revokes `tokens` that a deletion has just made due: a few at once, more of them soon. They admit nobody meanwhile.
    pub(in crate::service) async fn finish_deletion(&self, tokens: u64) {
        if tokens == 0 {
            return;
        }
        match self.revoke().await {
            Ok(done) if done.more => self.due.notify_one(),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, tokens, "what a deleted minter minted is not revoked yet; it is tried again");
            }
        }
    }
}
