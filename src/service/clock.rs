//! Seeing and accepting the clock.

use std::sync::Arc;

use super::keys::files::make_pairs;
use super::trust::LiveTrust;
use super::vault::Vault;
use super::{Caller, ClockDoubt, ServiceError, TimeKeeper};
use crate::clock::Timestamp;
use crate::ledger::Action;
use crate::store::{AcceptClock, FreshKeys, MarkClock, Store};
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

impl ClockStanding {
    pub(super) fn of(time: &TimeKeeper) -> Self {
        Self { wall: time.wall(), mark: time.mark(), doubt: time.trusted().err() }
    }
}

/// The use cases of the clock.
pub struct ClockAdmin {
    pub(super) store: Arc<dyn Store>,
    pub(super) time: Arc<TimeKeeper>,
    pub(super) trust: Arc<LiveTrust>,
    pub(super) vault: Vault,
}

impl ClockAdmin {
    /// What gatepass thinks of the clock.
    pub fn standing(&self) -> ClockStanding {
        ClockStanding::of(&self.time)
    }

    /// Accepts the clock as it stands and begins a new ephemeral epoch: a new key signs, and every older key verifies
    /// persistent tokens only. Nobody can tell any more which ephemeral tokens have expired, so all of them have.
    ///
    /// # Errors
    /// A file or the store cannot be written.
    pub async fn accept(&self, caller: &Caller) -> Result<ClockStanding, ServiceError> {
        let _one_at_a_time = self.trust.change().await;
        let before = self.standing();
        let at = before.wall;
        let keys = FreshKeys(make_pairs(&self.vault, &KeyUse::ALL, at)?);
        let mut entry = caller.did(Action::ClockAccepted, at).with("mark", before.mark.to_string());
        if let Some(doubt) = before.doubt {
            entry = entry.with("doubt", doubt.to_string());
        }
        self.store.accept_clock(AcceptClock { keys, at, entry }).await?;
        self.trust.reload(self.store.as_ref()).await?;
        self.time.accept(at);
        // While the clock was in doubt nothing could be signed with the new keys.
        self.trust.announce();
        Ok(self.standing())
    }

    /// Stores the mark, so that a restart knows it too. For a timer, once a minute.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be written.
    pub async fn mark(&self) -> Result<(), ServiceError> {
        let at = self.time.trusted()?;
        Ok(self.store.mark_clock(MarkClock { at }).await?)
    }
}
