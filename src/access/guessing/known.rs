//! Addresses at which users signed in lately.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    addresses: Vec<(IpAddr, Duration)>,
}

impl Known {
    pub(super) fn holds(&self, (user, epoch): (u64, u64), address: IpAddr, now: Duration) -> bool {
        let is_here = |(known, at): &(IpAddr, Duration)| *known == address && is_lately(*at, now);
        self.users().get(&user).is_some_and(|home| home.epoch == epoch && home.addresses.iter().any(is_here))
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
        addresses.retain(|(known, _)| *known != address);
        if addresses.len() >= MOST_PER_USER {
            addresses.remove(0);
        }
        addresses.push((address, now));
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
        home.addresses.retain(|(_, at)| is_lately(*at, now));
        !home.addresses.is_empty()
    });
}

fn is_lately(at: Duration, now: Duration) -> bool {
    now.saturating_sub(at) < LATELY
}
