//! Addresses at which users signed in lately.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::FREE_WHERE_KNOWN;
use super::failures::Failures;

/// How long an address is known after the newest sign-in there.
const LATELY: Duration = Duration::from_secs(24 * 3600);
/// How many of a user's addresses are known: of more, those of the newest sign-ins.
const MOST_PER_USER: usize = 16;
/// How many users have any. Only who signs in rightly takes a place.
const MOST_USERS: usize = 4096;

/// By the hash of a user's name.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<u64, Home>>);

/// Where a user signed in, in the epoch of the latest sign-in: a user who was created anew may begin at a lower one. The oldest sign-in stands first.
#[derive(Default)]
struct Home {
    epoch: u64,
    addresses: Vec<Address>,
}

struct Address {
    address: IpAddr,
    /// When the user signed in there last.
    at: Duration,
    /// Wrong passwords from there. Signing in forgives none: it may be done by another than who guesses.
    failures: Failures,
}

impl Known {
    pub(super) fn holds(&self, (user, epoch): (u64, u64), address: IpAddr, now: Duration) -> bool {
        self.at((user, epoch), address, now, |_| ()).is_some()
    }

    /// A wrong password came from there; where the user is not known, that is not counted here.
    pub(super) fn failed(&self, who: (u64, u64), address: IpAddr, now: Duration) {
        self.at(who, address, now, |place| place.failures.add(FREE_WHERE_KNOWN, now));
    }

    /// How long the user is held back there, if so.
    pub(super) fn delay(&self, who: (u64, u64), address: IpAddr, now: Duration) -> Option<Duration> {
        self.at(who, address, now, |place| place.failures.delay(FREE_WHERE_KNOWN, now))?
    }

    fn at<T>(
        &self,
        (user, epoch): (u64, u64),
        address: IpAddr,
        now: Duration,
        of: impl FnOnce(&mut Address) -> T,
    ) -> Option<T> {
        let mut users = self.users();
        let home = users.get_mut(&user).filter(|home| home.epoch == epoch)?;
        let is_here = |place: &&mut Address| place.address == address && is_lately(place.at, now);
        home.addresses.iter_mut().find(is_here).map(of)
    }

    pub(super) fn remember(&self, (user, epoch): (u64, u64), address: IpAddr, now: Duration) {
        let mut users = self.users();
        if users.len() >= MOST_USERS && !users.contains_key(&user) {
            sweep(&mut users, now);
            if users.len() >= MOST_USERS {
                return;
            }
        }
        let Home { epoch: latest, addresses } = users.entry(user).or_default();
        if epoch != *latest {
            *latest = epoch;
            addresses.clear();
        }
        let before = addresses.iter().position(|place| place.address == address);
        let failures = before.map(|place| addresses.remove(place).failures).unwrap_or_default();
        if addresses.len() >= MOST_PER_USER {
            addresses.remove(0);
        }
        addresses.push(Address { address, at: now, failures });
    }

    pub(super) fn sweep(&self, now: Duration) {
        sweep(&mut self.users(), now);
    }

    fn users(&self) -> MutexGuard<'_, HashMap<u64, Home>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sweep(users: &mut HashMap<u64, Home>, now: Duration) {
    users.retain(|_, home| {
        home.addresses.retain(|place| is_lately(place.at, now));
        !home.addresses.is_empty()
    });
}

fn is_lately(at: Duration, now: Duration) -> bool {
    now.saturating_sub(at) < LATELY
}
