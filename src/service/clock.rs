//! Showing and accepting the clock.

use std::sync::Arc;

use super::keys::files::make_pairs;
use super::trust::LiveTrust;
use super::vault::Vault;
use super::{Caller, ClockDoubt, ServiceError, TimeKeeper};
use crate::clock::Timestamp;
use crate::ledger::Action;
use crate::store::{AcceptClock, MarkClock, Store};
use crate::token::KeyUse;

/// The clock's reading, the mark, and the doubt if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStanding {
    /// The clock's reading.
    pub wall: Timestamp,
    /// The latest moment of a decision.
    pub mark: Timestamp,
    /// The reason for doubt; `None` if the clock is trusted.
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
    /// The clock's reading, the mark, and the doubt if there is one.
    pub fn standing(&self) -> ClockStanding {
        ClockStanding::of(&self.time)
    }

    /// Accepts the clock's reading and begins a new ephemeral epoch: new keys sign, and older keys verify persistent
    /// tokens only. Nothing shows which ephemeral tokens have expired, so all of them end.
    ///
    /// # Errors
    /// A file or the store cannot be written.
    pub async fn accept(&self, caller: &Caller) -> Result<ClockStanding, ServiceError> {
        let _one_at_a_time = self.trust.change().await;
        let before = self.standing();
        let at = before.wall;
        let keys = make_pairs(&self.vault, &KeyUse::ALL, at)?;
        let mut entry = caller.did(Action::ClockAccepted, at).with("mark", before.mark.to_string());
        if let Some(doubt) = before.doubt {
            entry = entry.with("doubt", doubt.to_string());
        }
        self.store.accept_clock(AcceptClock { keys, entry }).await?;
        self.trust.reload(self.store.as_ref()).await?;
        self.time.accept(at);
        // The publisher could not sign with the new keys while the clock was in doubt.
        self.trust.announce();
        Ok(self.standing())
    }

    /// Stores the mark for the next start. A timer calls it once a minute.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be written.
    pub async fn mark(&self) -> Result<(), ServiceError> {
        let at = self.time.trusted()?;
        Ok(self.store.mark_clock(MarkClock { at }).await?)
    }
}
