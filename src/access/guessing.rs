//! Guessed passwords: an account that is being guessed at answers strangers slowly, and those it knows at once.
//!
//! Nobody is locked out. Where an account had several wrong passwords lately, who tries from an address at which its user
//! has not signed in lately is held back for some seconds; the user's own addresses are not. Which accounts there are makes
//! no difference, so nothing can be learnt of that. An address at which much is refused, whatever it is, has each password
//! that is still to be proven held back.

mod known;

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::known::Known;
use super::address::subscriber;

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
/// How many attempts are held back for one account at a time.
const HELD: usize = 32;
/// How many of them from one address.
const HELD_PER_ADDRESS: usize = 2;
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
}

/// What is remembered of the accounts in one place.
#[derive(Default)]
struct Account {
    failures: u32,
    /// Since when they are being forgiven.
    since: Duration,
    held: Vec<IpAddr>,
}

/// How an attempt is received.
pub enum Reception {
    /// It is judged at once; its user signed in at that address lately.
    Known,
    /// It is judged at once.
    Free,
    /// It is held back: for so long first, and until then it has a place.
    Held(Duration, Place),
    /// Too many are held back already.
    Full,
}

/// The place of an attempt that is held back; dropping it makes room.
pub struct Place {
    guesses: Guesses,
    account: u64,
    address: IpAddr,
}

impl Guesses {
    /// Receives an attempt to sign in as `user` from `address`; whoever is on the server's own machine has none. With
    /// `suspect`, too much was refused at that address lately: then it is held back though it is known.
    pub fn receive(&self, user: &str, address: Option<IpAddr>, suspect: bool, now: Duration) -> Reception {
        let Some(address) = address.map(subscriber) else { return Reception::Known };
        if !suspect && self.0.known.holds(self.name(user), address, now) {
            return Reception::Known;
        }
        let number = self.account(user);
        let mut accounts = self.accounts();
        let account = accounts.entry(number).or_default();
        account.forgive(now);
        let Some(delay) = account.delay().or_else(|| suspect.then_some(LONGEST)) else {
            return Reception::Free;
        };
        let of_address = account.held.iter().filter(|held| **held == address).count();
        if account.held.len() >= HELD || of_address >= HELD_PER_ADDRESS {
            return Reception::Full;
        }
        account.held.push(address);
        drop(accounts);
        Reception::Held(delay, Place { guesses: self.clone(), account: number, address })
    }

    /// The password was wrong.
    pub fn failed(&self, user: &str, now: Duration) {
        let mut accounts = self.accounts();
        let account = accounts.entry(self.account(user)).or_default();
        account.forgive(now);
        if account.failures == 0 {
            account.since = now;
        }
        account.failures = (account.failures + 1).min(MOST_COUNTED);
    }

    /// The password was right: the address is known from now on.
    pub fn proven(&self, user: &str, address: Option<IpAddr>, now: Duration) {
        if let Some(address) = address {
            self.0.known.remember(self.name(user), subscriber(address), now);
        }
    }

    /// Forgets what has no effect any more. For a timer.
    pub fn sweep(&self, now: Duration) {
        self.accounts().retain(|_, account| {
            account.forgive(now);
            account.failures > 0 || !account.held.is_empty()
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
        if let Some(account) = self.guesses.accounts().get_mut(&self.account) {
            let found = account.held.iter().position(|held| *held == self.address);
            found.map(|place| account.held.swap_remove(place));
        }
    }
}

#[cfg(test)]
mod tests;
