//! Guessed passwords: an account that is being guessed at answers strangers slowly, and those it knows at once.
//!
//! Nobody is locked out. Where an account had several wrong passwords lately, who tries from an address at which its user
//! has not signed in lately is held back for some seconds. At the user's own addresses only those count that were wrong there,
//! and some dozens are free; who is held back there has a place that strangers cannot take, and is sent away only where dozens
//! of that site are held back as known already. To a stranger it makes no difference which accounts there are; who shares an address with a user can learn that this user signed in there, as they are not held back before the
//! dozens. An address at which much is refused, whatever it is, has each password that is still to be proven held back.

mod failures;
mod known;
mod waiting;

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::failures::Failures;
pub use self::failures::LONGEST;
use self::known::Known;
use self::waiting::Waiting;
use super::address::{site, subscriber};

/// How many wrong passwords an account has free.
const FREE: u32 = 5;
/// How many of them an address has free at which its user signed in lately: nobody mistypes so often.
const FREE_WHERE_KNOWN: u32 = 24;
/// Where those on the server's own machine are held back, if they are.
const HERE: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
/// How many accounts are told apart. Names are put into so many places by a keyed hash, unknown ones with the others: memory is
/// bounded without forgetting anybody, and the worst that an unlucky neighbour does is to slow down strangers.
const PLACES: u64 = 4096;

/// What is remembered of wrong and right passwords. Moments are times of the boot clock.
#[derive(Clone, Default)]
pub struct Guesses(Arc<Inner>);

#[derive(Default)]
struct Inner {
    hasher: RandomState,
    /// What is remembered of the accounts in one place.
    accounts: Mutex<HashMap<u64, Failures>>,
    known: Known,
    waiting: Waiting,
}

/// Somebody tries a password.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Whose it is said to be.
    pub user: String,
    /// Their epoch: where they signed in before their password was set anew, they are not known any more.
    pub epoch: u64,
    /// From where; whoever is on the server's own machine has none.
    pub address: Option<IpAddr>,
    /// Whether too much was refused at that address lately.
    pub suspect: bool,
    /// As whose it is received.
    pub greeting: Greeting,
}

/// As whom somebody is received who tries a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Greeting {
    /// As the user, at an address that is known as theirs.
    AsKnown,
    /// As a stranger wherever they are.
    AsStranger,
}

/// How an attempt is received.
pub enum Reception {
    /// It is judged at once; its user signed in at that address lately, and not too much was wrong there.
    Known,
    /// It is judged at once.
    Free,
    /// It is held back: for so long first, and until then it has a place.
    Held(Duration, Place),
    /// Too many strangers are held back already: at that account, or of that site.
    Full,
    /// Too many are held back already of those that are known at that site.
    FullWhereKnown,
}

/// The place of an attempt that is held back; dropping it makes room.
pub struct Place {
    guesses: Guesses,
    queue: Queue,
}

/// Who waits for each other among those of one site that are held back: strangers at one account, or those that are known
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Queue {
    site: IpAddr,
    account: u64,
    known: bool,
}

impl Queue {
    /// Where all in it come from.
    pub const fn site(&self) -> IpAddr {
        self.site
    }
}

impl Trial {
    /// Where it comes from, as places are counted that are scarce.
    pub fn site(&self) -> IpAddr {
        site(self.address.unwrap_or(HERE))
    }
}

impl Place {
    /// Where it waits, once it has waited long enough.
    pub const fn queue(&self) -> Queue {
        self.queue
    }
}

impl Guesses {
    /// Receives an attempt. At an address that is known it has a place, if it needs one, however many strangers wait.
    pub fn receive(&self, trial: &Trial, now: Duration) -> Reception {
        let (known, account) = (self.is_known(trial, now), self.account(&trial.user));
        let Some(delay) = trial.suspect.then_some(LONGEST).or_else(|| self.delay(trial, known, now)) else {
            return if known { Reception::Known } else { Reception::Free };
        };
        let site = trial.site();
        let waiting = &self.0.waiting;
        match known {
            true if !waiting.take_known(site) => return Reception::FullWhereKnown,
            false if !waiting.take(account, site) => return Reception::Full,
            _ => {}
        }
        let queue = Queue { site, account, known };
        Reception::Held(delay, Place { guesses: self.clone(), queue })
    }

    fn delay(&self, trial: &Trial, known: bool, now: Duration) -> Option<Duration> {
        if known {
            let who = (self.name(&trial.user), trial.epoch);
            return self.0.known.delay(who, subscriber(trial.address?), now);
        }
        self.accounts().get_mut(&self.account(&trial.user))?.delay(FREE, now)
    }

    fn is_known(&self, trial: &Trial, now: Duration) -> bool {
        let Trial { user, epoch, address, greeting, .. } = trial;
        let lately = |address| self.0.known.holds((self.name(user), *epoch), subscriber(address), now);
        *greeting == Greeting::AsKnown && address.is_none_or(lately)
    }

    /// The password was wrong.
    pub fn failed(&self, trial: &Trial, now: Duration) {
        self.accounts().entry(self.account(&trial.user)).or_default().add(FREE, now);
        if let Some(address) = trial.address {
            self.0.known.failed((self.name(&trial.user), trial.epoch), subscriber(address), now);
        }
    }

    /// The password was right: the address is known from now on, until the user's next epoch.
    pub fn proven(&self, trial: &Trial, now: Duration) {
        if let Some(address) = trial.address {
            self.0.known.remember((self.name(&trial.user), trial.epoch), subscriber(address), now);
        }
    }

    /// Forgets what has no effect any more. For a timer.
    pub fn sweep(&self, now: Duration) {
        self.accounts().retain(|_, failures| !failures.are_forgiven(now));
        self.0.known.sweep(now);
    }

    fn name(&self, user: &str) -> u64 {
        self.0.hasher.hash_one(user)
    }

    fn account(&self, user: &str) -> u64 {
        self.name(user) % PLACES
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<u64, Failures>> {
        self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Queue { site, account, known } = self.queue;
        match known {
            true => self.guesses.0.waiting.leave_known(site),
            false => self.guesses.0.waiting.leave(account, site),
        }
    }
}

#[cfg(test)]
mod tests;
