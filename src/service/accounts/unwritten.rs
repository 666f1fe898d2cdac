//! The latest uses of API keys and sessions: kept in memory, and written together once a minute.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Timestamp;
use crate::id::{ApiKeyId, SessionId};
use crate::service::ServiceError;
use crate::service::accounts::Accounts;
use crate::store::{RecordUses, Store};

/// Maximum number of uses of one kind. For one more, all of them are written at once.
const MOST: usize = 50_000;

/// The uses that are not in the store yet.
#[derive(Default)]
pub(in crate::service) struct UnwrittenUses {
    /// Moment and address of the latest use of each API key.
    pub(super) api_keys: Latest<ApiKeyId, (Timestamp, IpAddr)>,
    /// Moment of the latest use of each session.
    pub(super) sessions: Latest<SessionId, Timestamp>,
}

/// The latest use of each thing of one kind.
pub(super) struct Latest<Id, Use>(Mutex<HashMap<Id, Use>>);

impl<Id, Use> Default for Latest<Id, Use> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Id: Copy + Eq + Hash, Use: Copy + Ord> Latest<Id, Use> {
    /// The latest use, as far as it is not written.
    pub(super) fn of(&self, id: Id) -> Option<Use> {
        self.uses().get(&id).copied()
    }

    /// Notes a use. `false` if there is no room: the noted uses have to be written first.
    pub(super) fn note(&self, id: Id, latest: Use) -> bool {
        let mut uses = self.uses();
        let full = uses.len() >= MOST;
        match uses.get_mut(&id) {
            Some(noted) => *noted = latest.max(*noted),
            None if full => return false,
            None => drop(uses.insert(id, latest)),
        }
        true
    }

    /// Forgets a thing that has ended.
    pub(super) fn forget(&self, id: Id) {
        self.uses().remove(&id);
    }

    /// All noted uses. They stay until they are [written](Self::written): a session is judged by them.
    fn unwritten(&self) -> Vec<(Id, Use)> {
        self.uses().iter().map(|(id, latest)| (*id, *latest)).collect()
    }

    /// Drops the uses that are in the store now, unless there was a later one.
    fn written(&self, written: &[(Id, Use)]) {
        let mut uses = self.uses();
        for (id, latest) in written {
            if uses.get(id) == Some(latest) {
                uses.remove(id);
            }
        }
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<Id, Use>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnwrittenUses {
    /// Writes the latest uses, all in one. If that fails, the next call tries it again.
    pub(in crate::service) async fn write(&self, store: &dyn Store) -> Result<(), ServiceError> {
        let (keys, sessions) = (self.api_keys.unwritten(), self.sessions.unwritten());
        if keys.is_empty() && sessions.is_empty() {
            return Ok(());
        }
        let api_keys = keys.iter().map(|(key, (at, from))| (*key, *at, *from)).collect();
        store.record_uses(RecordUses { api_keys, sessions: sessions.clone() }).await?;
        self.api_keys.written(&keys);
        self.sessions.written(&sessions);
        Ok(())
    }
}

impl Accounts {
    /// Writes the latest uses of API keys and sessions. For a timer, once a minute, and for the end.
    ///
    /// # Errors
    /// The store cannot be written; the next call tries it again.
    pub async fn write_uses(&self) -> Result<(), ServiceError> {
        self.unwritten.write(self.store.as_ref()).await
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
        let uses = Latest::default();
        let later = NOW.plus(std::time::Duration::from_secs(1));
        uses.note(id(1), NOW);
        uses.note(id(2), NOW);
        let writing = uses.unwritten();
        uses.note(id(1), later);
        uses.written(&writing);
        assert_eq!((uses.of(id(1)), uses.of(id(2))), (Some(later), None));
        uses.forget(id(1));
        assert!(uses.unwritten().is_empty());
    }

    #[test]
    fn an_earlier_use_does_not_replace_a_later_one() {
        let uses = Latest::default();
        let later = NOW.plus(std::time::Duration::from_secs(1));
        uses.note(id(1), later);
        uses.note(id(1), NOW);
        assert_eq!(uses.of(id(1)), Some(later));
    }

    #[test]
    fn uses_are_bounded_and_known_ones_move_on() {
        let uses = Latest::default();
        assert!((0..MOST).all(|number| uses.note(id(number), NOW)));
        assert!(!uses.note(id(MOST), NOW));
        assert!(uses.note(id(0), NOW));
        uses.written(&uses.unwritten());
        assert!(uses.note(id(MOST), NOW), "written uses make room");
    }
}
