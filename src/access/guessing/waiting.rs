//! Who is held back: so many strangers at an account, and few of a site, at it and everywhere; and some more of a site where they
//! are known.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many attempts are held back for one account at a time.
pub(super) const HELD: usize = 512;
/// How many of them from one site: a second one while there is room for twice as many, so that who has many sites leaves
/// room for those who have one.
const HELD_PER_SITE: usize = 2;
/// How many are held back of one site, whosever accounts they try: names cost nothing.
pub(super) const HELD_OF_SITE: usize = 16;
/// How many are held back of one site where their users are known. Strangers take none of these places.
pub(super) const HELD_WHERE_KNOWN: usize = 64;

#[derive(Default)]
pub(super) struct Waiting(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// The sites of those held back, by account.
    of_account: HashMap<u64, Vec<IpAddr>>,
    of_site: HashMap<IpAddr, usize>,
    /// Those that are known where they are, who are none of the others.
    known_of_site: HashMap<IpAddr, usize>,
}

impl Waiting {
    /// Takes a place at `account` for one of `site`, if there is any.
    pub(super) fn take(&self, account: u64, site: IpAddr) -> bool {
        let mut held = self.held();
        let here = held.of_account.get(&account).map_or(&[][..], Vec::as_slice);
        let of_both = here.iter().filter(|held| **held == site).count();
        let most = if of_both == 0 { HELD } else { HELD / HELD_PER_SITE };
        let of_site = held.of_site.get(&site).copied().unwrap_or(0);
        let room = of_both < HELD_PER_SITE && here.len() < most && of_site < HELD_OF_SITE;
        if room {
            held.of_account.entry(account).or_default().push(site);
            held.of_site.insert(site, of_site + 1);
        }
        room
    }

    /// Takes a place for one of `site` who is known there, if there is any.
    pub(super) fn take_known(&self, site: IpAddr) -> bool {
        let mut held = self.held();
        let of_site = held.known_of_site.entry(site).or_default();
        let room = *of_site < HELD_WHERE_KNOWN;
        *of_site += usize::from(room);
        room
    }

    /// Gives one of those back.
    pub(super) fn leave_known(&self, site: IpAddr) {
        one_less(&mut self.held().known_of_site, site);
    }

    /// Gives one back.
    pub(super) fn leave(&self, account: u64, site: IpAddr) {
        let Held { of_account, of_site, .. } = &mut *self.held();
        if let Some(here) = of_account.get_mut(&account) {
            here.iter().position(|held| *held == site).map(|place| here.swap_remove(place));
            if here.is_empty() {
                of_account.remove(&account);
            }
        }
        one_less(of_site, site);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let held = self.held();
        held.of_account.is_empty() && held.of_site.is_empty() && held.known_of_site.is_empty()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn one_less(of_site: &mut HashMap<IpAddr, usize>, site: IpAddr) {
    if let Some(count) = of_site.get_mut(&site) {
        *count -= 1;
        if *count == 0 {
            of_site.remove(&site);
        }
    }
}
