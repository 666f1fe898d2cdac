//! The latest uses of API keys and sessions, the last contacts of hosts and their check-ins: in memory, and written together once a minute.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::id::{ApiKeyId, HostId, SessionId};
use crate::service::ServiceError;
use crate::store::{CheckIn, HostContact, RecordCheckIns, RecordContacts, RecordUses, Store};

/// Maximum number of uses of one kind. For one more, all of them are written at once.
const MOST: usize = 50_000;

/// Contacts per transaction: few, so that redemptions do not wait long.
const AT_ONCE: usize = 500;

/// The uses that are not in the store yet.
pub(in crate::service) struct UnwrittenUses {
    store: Arc<dyn Store>,
    /// Moment and address of the latest use of each API key.
    pub(super) api_keys: Latest<ApiKeyId, (Timestamp, IpAddr)>,
    /// Moment of the latest use of each session.
    pub(super) sessions: Latest<SessionId, Timestamp>,
    /// The last contact of each host.
    hosts: Latest<HostId, HostContact>,
    /// The newest check-in of each host.
    checkins: Latest<HostId, CheckIn>,
    writing: tokio::sync::Mutex<()>,
}

/// The latest use of each thing of one kind.
pub(super) struct Latest<Id, Use>(Mutex<HashMap<Id, Use>>);

impl<Id, Use> Default for Latest<Id, Use> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Id: Copy + Eq + Hash, Use: Clone + Ord> Latest<Id, Use> {
    /// The latest use, as far as it is not written.
    pub(super) fn of(&self, id: Id) -> Option<Use> {
        self.0.lock().get(&id).cloned()
    }

    /// Notes a use. `false` if there is no room: the noted uses have to be written first.
    pub(super) fn note(&self, id: Id, latest: Use) -> bool {
        let mut uses = self.0.lock();
        let full = uses.len() >= MOST;
        match uses.get_mut(&id) {
            Some(noted) if *noted < latest => *noted = latest,
            Some(_) => {}
            None if full => return false,
            None => drop(uses.insert(id, latest)),
        }
        true
    }

    /// Forgets a thing that has ended.
    pub(super) fn forget(&self, id: Id) {
        self.0.lock().remove(&id);
    }

    /// All noted uses. They stay until they are [written](Self::written): a session is judged by them.
    fn unwritten(&self) -> Vec<(Id, Use)> {
        self.0.lock().iter().map(|(id, latest)| (*id, latest.clone())).collect()
    }

    /// Drops the uses that are in the store now, unless there was a later one.
    fn written(&self, written: &[(Id, Use)]) {
        let mut uses = self.0.lock();
        for (id, latest) in written {
            if uses.get(id) == Some(latest) {
                uses.remove(id);
            }
        }
    }
}

impl UnwrittenUses {
    pub(in crate::service) fn new(store: Arc<dyn Store>) -> Self {
        let (api_keys, sessions) = (Latest::default(), Latest::default());
        let (hosts, checkins) = (Latest::default(), Latest::default());
        Self { store, api_keys, sessions, hosts, checkins, writing: tokio::sync::Mutex::default() }
    }

    /// Notes a contact of a host. Without room, all are written first.
    pub(in crate::service) async fn host_seen(&self, host: HostId, contact: HostContact) {
        if !self.hosts.note(host, contact.clone()) {
            // The timer reports a store that cannot be written. A lost contact must not keep the host out.
            let _ = self.write().await;
            self.hosts.note(host, contact);
        }
    }

    /// Notes a check-in of a host, as [`UnwrittenUses::host_seen`] does a contact.
    pub(in crate::service) async fn checked_in(&self, host: HostId, checkin: CheckIn) {
        if !self.checkins.note(host, checkin.clone()) {
            let _ = self.write().await;
            self.checkins.note(host, checkin);
        }
    }

    /// Writes the latest uses, contacts and check-ins. If that fails, the next call tries it again.
    pub(in crate::service) async fn write(&self) -> Result<(), ServiceError> {
        // Callers without room come at once: the first writes for all of them.
        let _writing = self.writing.lock().await;
        let (keys, sessions) = (self.api_keys.unwritten(), self.sessions.unwritten());
        if !keys.is_empty() || !sessions.is_empty() {
            let api_keys = keys.iter().map(|(key, (at, from))| (*key, *at, *from)).collect();
            self.store.record_uses(RecordUses { api_keys, sessions: sessions.clone() }).await?;
            self.api_keys.written(&keys);
            self.sessions.written(&sessions);
        }
        for some in self.hosts.unwritten().chunks(AT_ONCE) {
            self.store.record_contacts(RecordContacts { contacts: some.to_vec() }).await?;
            self.hosts.written(some);
        }
        for some in self.checkins.unwritten().chunks(AT_ONCE) {
            self.store.record_checkins(RecordCheckIns { checkins: some.to_vec() }).await?;
            self.checkins.written(some);
        }
        Ok(())
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
