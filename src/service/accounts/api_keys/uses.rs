//! Latest uses of API keys, kept in memory until they are written.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Timestamp;
use crate::id::ApiKeyId;

/// Maximum number of unwritten uses. One more causes a write.
const MOST: usize = 4096;

/// The latest unwritten use of each key.
#[derive(Default)]
pub struct KeyUses(Mutex<HashMap<ApiKeyId, (Timestamp, IpAddr)>>);

impl KeyUses {
    /// Notes a use. Returns false if there is no room: the noted ones have to be written first.
    pub(super) fn note(&self, key: ApiKeyId, at: Timestamp, from: IpAddr) -> bool {
        let mut uses = self.uses();
        let room = uses.len() < MOST || uses.contains_key(&key);
        if room {
            uses.insert(key, (at, from));
        }
        room
    }

    /// Takes the noted uses, which the caller writes.
    pub(super) fn take(&self) -> Vec<(ApiKeyId, Timestamp, IpAddr)> {
        std::mem::take(&mut *self.uses()).into_iter().map(|(key, (at, from))| (key, at, from)).collect()
    }

    /// Notes unwritten uses again, unless the key was used since.
    pub(super) fn put_back(&self, unwritten: Vec<(ApiKeyId, Timestamp, IpAddr)>) {
        let mut uses = self.uses();
        for (key, at, from) in unwritten {
            if uses.len() < MOST {
                uses.entry(key).or_insert((at, from));
            }
        }
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<ApiKeyId, (Timestamp, IpAddr)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    #[test]
    fn the_latest_use_of_each_key_is_handed_out_once() {
        let (uses, key) = (KeyUses::default(), ApiKeyId::generate(at(1)));
        assert!(uses.note(key, at(1), HERE) && uses.note(key, at(2), HERE));
        let taken = uses.take();
        assert_eq!(taken, [(key, at(2), HERE)]);
        assert!(uses.take().is_empty());
        assert!(uses.note(key, at(3), HERE));
        uses.put_back(taken);
        assert_eq!(uses.take(), [(key, at(3), HERE)]);
    }

    #[test]
    fn only_so_many_keys_are_remembered_and_those_go_on() {
        let uses = KeyUses::default();
        let keys = (0..MOST).map(|_| ApiKeyId::generate(at(1))).collect::<Vec<_>>();
        assert!(keys.iter().all(|key| uses.note(*key, at(1), HERE)));
        let another = ApiKeyId::generate(at(1));
        assert!(!uses.note(another, at(1), HERE));
        assert!(uses.note(keys[0], at(2), HERE));
        let taken = uses.take();
        assert_eq!(taken.len(), MOST);
        assert!(taken.contains(&(keys[0], at(2), HERE)));
        assert!(uses.note(another, at(1), HERE), "what is taken makes room");
    }
}
