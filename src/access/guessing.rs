//! Guessed passwords: an account that is being guessed at answers strangers slowly, and those it knows at once.
//!
//! Nobody is locked out. Where an account had several wrong passwords lately, who tries from an address at which its user
//! has not signed in lately is held back for some seconds; the user's own addresses are not. Which accounts there are makes
//! no difference, so nothing can be learnt of that. An address at which much is refused, whatever it is, has each password
//! that is still to be proven held back; the user whose address it is waits then, and is never sent away.

mod known;
mod waiting;

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::known::Known;
use self::waiting::Waiting;
use super::address::{site, subscriber};

/// How many wrong passwords an account has free.
const FREE: u32 = 5;
/// How long one is held against an account.
const FORGIVEN_AFTER: Duration = Duration::from_secs(30);
/// How many are counted at most: some ten minutes after the last of many, all is forgiven.
const MOST_COUNTED: u32 = 20;
/// How long the first attempt is held back that is; each further failure doubles it.
const SHORTEST: Duration = Duration::from_millis(250);
/// How long one is held back at most.
pub const LONGEST: Duration = Duration::from_secs(4);
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
    accounts: Mutex<HashMap<u64, Account>>,
    known: Known,
    waiting: Waiting,
}

/// What is remembered of the accounts in one place.
#[derive(Default)]
struct Account {
    failures: u32,
    /// Since when they are being forgiven.
    since: Duration,
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
    /// It is judged at once; its user signed in at that address lately.
    Known,
    /// It is judged at once.
    Free,
    /// It is held back: for so long first, and until then it has a place.
    Held(Duration, Place),
    /// Too many are held back already: at that account, or of that site.
    Full,
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
    /// Receives an attempt. From an address that is suspect it is held back though the address is known: then it has a place
    /// however many others wait.
    pub fn receive(&self, trial: &Trial, now: Duration) -> Reception {
        let known = self.is_known(trial, now);
        if known && !trial.suspect {
            return Reception::Known;
        }
        let number = self.account(&trial.user);
        let mut accounts = self.accounts();
        let account = accounts.entry(number).or_default();
        account.forgive(now);
        let Some(delay) = trial.suspect.then_some(LONGEST).or_else(|| account.delay()) else {
            return Reception::Free;
        };
        drop(accounts);
        let (site, account) = (trial.site(), number);
        // Whoever is known is never sent away.
        if !known && !self.0.waiting.take(account, site) {
            return Reception::Full;
        }
        let queue = Queue { site, account, known };
        Reception::Held(delay, Place { guesses: self.clone(), queue })
    }

    fn is_known(&self, trial: &Trial, now: Duration) -> bool {
        let Trial { user, epoch, address, greeting, .. } = trial;
        let lately = |address| self.0.known.holds((self.name(user), *epoch), subscriber(address), now);
        *greeting == Greeting::AsKnown && address.is_none_or(lately)
    }

    /// The password was wrong.
    pub fn failed(&self, trial: &Trial, now: Duration) {
        let mut accounts = self.accounts();
        let account = accounts.entry(self.account(&trial.user)).or_default();
        account.forgive(now);
        if account.failures == 0 {
            account.since = now;
        }
        account.failures = (account.failures + 1).min(MOST_COUNTED);
    }

    /// The password was right: the address is known from now on, until the user's next epoch.
    pub fn proven(&self, trial: &Trial, now: Duration) {
        if let Some(address) = trial.address {
            self.0.known.remember((self.name(&trial.user), trial.epoch), subscriber(address), now);
        }
    }

    /// Forgets what has no effect any more. For a timer.
    pub fn sweep(&self, now: Duration) {
        self.accounts().retain(|_, account| {
            account.forgive(now);
            account.failures > 0
        });
        self.0.known.sweep(now);
    }

    fn name(&self, user: &str) -> u64 {
        self.0.hasher.hash_one(user)
    }

    fn account(&self, user: &str) -> u64 {
        self.name(user) % PLACES
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<u64, Account>> {
        self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn forgive(&mut self, now: Duration) {
        let spans = now.saturating_sub(self.since).as_secs() / FORGIVEN_AFTER.as_secs();
        let forgiven = u32::try_from(spans).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_sub(forgiven);
        self.since = self.since.saturating_add(FORGIVEN_AFTER.saturating_mul(forgiven));
    }

    fn delay(&self) -> Option<Duration> {
        let beyond = self.failures.checked_sub(FREE + 1)?;
        Some(SHORTEST.saturating_mul(2_u32.saturating_pow(beyond)).min(LONGEST))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Queue { site, account, known } = self.queue;
        if !known {
            self.guesses.0.waiting.leave(account, site);
        }
    }
}

#[cfg(test)]
mod tests;
