//! Latest uses of sessions, kept in memory and written together once a minute.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Timestamp;
use crate::id::SessionId;
use crate::service::ServiceError;
use crate::store::{MarkSessions, Store};

/// Maximum number of unwritten uses. One more causes a write.
const MOST: usize = 50_000;

/// The uses that are not in the store yet.
#[derive(Default)]
pub(in crate::service) struct Seen(Mutex<HashMap<SessionId, Timestamp>>);

/// The outcome of noting a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// It is kept.
    Kept,
    /// There is no room: the noted ones have to be written first.
    Full,
}

impl Seen {
    /// The latest unwritten use of the session.
    pub(super) fn of(&self, id: SessionId) -> Option<Timestamp> {
        self.uses().get(&id).copied()
    }

    /// Notes that the session is used at `now`.
    pub(super) fn note(&self, id: SessionId, now: Timestamp) -> Noted {
        let mut uses = self.uses();
        let full = uses.len() >= MOST;
        match uses.get_mut(&id) {
            Some(at) => *at = now.max(*at),
            None if full => return Noted::Full,
            None => {
                uses.insert(id, now);
            }
        }
        Noted::Kept
    }

    /// Writes the uses to the store. Uses that it does not take stay for the next time.
    pub(in crate::service) async fn write(&self, store: &dyn Store) -> Result<(), ServiceError> {
        let seen = self.unwritten();
        if !seen.is_empty() {
            store.mark_sessions(MarkSessions { seen: seen.clone() }).await?;
            self.written(&seen);
        }
        Ok(())
    }

    /// All unwritten uses. They stay until they are [written](Self::written), so that sessions are checked against them.
    pub(super) fn unwritten(&self) -> Vec<(SessionId, Timestamp)> {
        self.uses().iter().map(|(id, at)| (*id, *at)).collect()
    }

    /// Forgets these uses, which are in the store, unless the session was used again.
    pub(super) fn written(&self, written: &[(SessionId, Timestamp)]) {
        let mut uses = self.uses();
        for (id, at) in written {
            if uses.get(id) == Some(at) {
                uses.remove(id);
            }
        }
    }

    /// The session has ended.
    pub(super) fn forget(&self, id: SessionId) {
        self.uses().remove(&id);
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<SessionId, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    fn id(number: usize) -> SessionId {
        SessionId::of(&number.to_be_bytes())
    }

    #[test]
    fn a_use_is_known_until_it_is_written() {
        let seen = Seen::default();
        let later = NOW.plus(std::time::Duration::from_secs(1));
        seen.note(id(1), NOW);
        seen.note(id(2), NOW);
        let writing = seen.unwritten();
        seen.note(id(1), later);
        seen.written(&writing);
        assert_eq!((seen.of(id(1)), seen.of(id(2))), (Some(later), None));
        seen.forget(id(1));
        assert!(seen.unwritten().is_empty());
    }

    #[test]
    fn uses_are_bounded_and_those_that_are_known_move_on() {
        let seen = Seen::default();
        (0..MOST).for_each(|number| assert_eq!(seen.note(id(number), NOW), Noted::Kept));
        assert_eq!(seen.note(id(MOST), NOW), Noted::Full);
        assert_eq!(seen.note(id(0), NOW), Noted::Kept);
        seen.written(&seen.unwritten());
        assert_eq!(seen.note(id(MOST), NOW), Noted::Kept);
    }
}
