//! Accepting a clock in doubt.

use super::keys::TrustAdmin;
use super::{Caller, ClockStanding, ServiceError};
use crate::ledger::Action;
use crate::store::AcceptClock;

impl TrustAdmin {
    /// Accepts the clock's reading and begins a new ephemeral epoch: new keys sign, and older keys verify persistent
    /// tokens only. Nothing shows which ephemeral tokens have expired, so all of them end.
    ///
    /// # Errors
    /// A file or the store cannot be written.
    pub async fn accept_clock(&self, caller: &Caller) -> Result<ClockStanding, ServiceError> {
        let _one_at_a_time = self.trust.change().await;
        let before = self.base.time.standing();
        let at = before.wall;
        let keys = self.fresh_keys(at)?;
        let mut entry = caller.did(Action::ClockAccepted, at).with("mark", before.mark.to_rfc3339());
        if let Some(doubt) = before.doubt {
            entry = entry.with("doubt", doubt.to_string());
        }
        let outcome = self.base.store.accept_clock(AcceptClock { keys, entry }).await;
        self.trust.conclude(self.base.store.as_ref(), outcome).await?;
        self.base.time.accept();
        // The publisher could not sign with the new keys while the clock was in doubt.
        self.trust.announce();
        Ok(self.base.time.standing())
    }
}
