//! Seeing and accepting the clock.

use super::keys::make_pairs;
use super::{Authority, Caller, ClockDoubt, ServiceError};
use crate::clock::Timestamp;
use crate::ledger::Action;
use crate::store::{AcceptClock, FreshKeys, MarkClock};
use crate::token::KeyUse;

/// What gatepass thinks of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStanding {
    /// What the clock says.
    pub wall: Timestamp,
    /// The latest moment decided upon.
    pub mark: Timestamp,
    /// Why it is in doubt, if it is.
    pub doubt: Option<ClockDoubt>,
}

impl Authority {
    /// What gatepass thinks of the clock.
    pub fn clock_standing(&self) -> ClockStanding {
        let doubt = self.time.trusted().err();
        ClockStanding { wall: self.time.wall(), mark: self.time.mark(), doubt }
    }

    /// Accepts the clock as it stands and begins a new ephemeral epoch: a new key signs, and every older key verifies
    /// persistent tokens only. Nobody can tell any more which ephemeral tokens have expired, so all of them have.
    ///
    /// # Errors
    /// A file or the store cannot be written.
    pub async fn accept_clock(&self, caller: &Caller) -> Result<ClockStanding, ServiceError> {
        let _one_at_a_time = self.changing.lock().await;
        let before = self.clock_standing();
        let at = before.wall;
        let keys = FreshKeys(make_pairs(&self.vault, &KeyUse::ALL, at)?);
        let mut entry = caller.did(Action::ClockAccepted, at).with("mark", before.mark.to_string());
        if let Some(doubt) = before.doubt {
            entry = entry.with("doubt", doubt.to_string());
        }
        let rotation = self.store.accept_clock(AcceptClock { keys, at, entry }).await?;
        self.take_over(&rotation.keys)?;
        self.time.accept(at);
        // While the clock was in doubt nothing could be signed with the new keys.
        self.status_lists.renew();
        Ok(self.clock_standing())
    }

    /// Stores the mark, so that a restart knows it too. For a timer, once a minute.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be written.
    pub async fn mark_clock(&self) -> Result<(), ServiceError> {
        let at = self.time.trusted()?;
        Ok(self.store.mark_clock(MarkClock { at }).await?)
    }
}
