//! How many passwords are hashed at once, and how many may wait for that.

mod places;
mod turns;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::places::{Place, Strangers};
use self::turns::{Turns, turn};
use crate::access::guessing::Queue;
use crate::service::{AccountError, ServiceError};

/// How many passwords are hashed at once: each takes a core and 19 MiB.
const AT_ONCE: usize = 2;
/// How many sign-ins may wait for that of those who are known, and of the strangers of one site.
const WAITING: usize = 16;
/// How many strangers may be inside, of all sites.
const STRANGERS: usize = 512;
/// How many of those may wait that were held back, of all accounts: they have waited already, and are not to be sent away for
/// each other. How many wait for one account and of one site is bounded where they are held back, of those that are known at their
/// site, too.
const WAITING_HELD: usize = 4096;

/// Who waits. Each lane has places of its own, so that strangers take none of those who are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// From an address at which the user has signed in lately, or by somebody who is signed in.
    Known,
    /// From any other, at this site. Each site has places of its own and sites are served in turn, so that nobody waits behind
    /// all who are at another one.
    Stranger(IpAddr),
    /// Of those that were held back: one of them at a time, so that all others pass it. Each queue is served in the order of
    /// coming; the queues of a site in turn, and the sites in turn: names cost nothing, sites do.
    Held(Queue),
}

/// The door before argon2.
pub(super) struct Hashing {
    permits: Arc<Semaphore>,
    known: Arc<AtomicUsize>,
    strangers: Strangers,
    sites_of_strangers: Turns<IpAddr>,
    turn_of_strangers: Arc<Semaphore>,
    held: Arc<AtomicUsize>,
    queues: Turns<Queue>,
    sites_of_held: Turns<IpAddr>,
    turn_of_held: Arc<Semaphore>,
}

impl Default for Hashing {
    fn default() -> Self {
        let (known, strangers, held) = Default::default();
        Self {
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            known,
            strangers,
            sites_of_strangers: Turns::new(AT_ONCE),
            turn_of_strangers: Arc::new(Semaphore::new(AT_ONCE)),
            held,
            queues: Turns::new(1),
            sites_of_held: Turns::new(1),
            turn_of_held: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Hashing {
    /// Runs `work` on a thread of its own, at most [`AT_ONCE`] at a time.
    ///
    /// Place and permit go with the work, not with who waits for it: a started hash cannot be stopped, and a client that
    /// closes while it runs must not make room for another.
    ///
    /// # Errors
    /// [`AccountError::SignInBusy`] if too many wait already in this lane; [`AccountError::Unauthenticated`] if the work panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let place: Box<dyn Send> = match lane {
            Lane::Known => Box::new(Place::take(&self.known, AT_ONCE + WAITING)?),
            Lane::Stranger(site) => Box::new(self.strangers.take(site, AT_ONCE + WAITING, STRANGERS)?),
            Lane::Held(_) => Box::new(Place::take(&self.held, WAITING_HELD)?),
        };
        let turns = self.turns(lane).await?;
        let permit = turn(&self.permits).await?;
        let done = tokio::task::spawn_blocking(move || {
            let _held = (permit, turns, place);
            work()
        });
        done.await.map_err(|_| ServiceError::Account(AccountError::Unauthenticated))
    }

    /// Waits until it is this one's turn in its lane: who is first in a queue waits with the first of the others.
    async fn turns(&self, lane: Lane) -> Result<Vec<OwnedSemaphorePermit>, ServiceError> {
        Ok(match lane {
            Lane::Known => Vec::new(),
            Lane::Stranger(site) => {
                vec![self.sites_of_strangers.wait(site).await?, turn(&self.turn_of_strangers).await?]
            }
            Lane::Held(queue) => {
                let first = self.queues.wait(queue).await?;
                let of_site = self.sites_of_held.wait(queue.site()).await?;
                vec![first, of_site, turn(&self.turn_of_held).await?]
            }
        })
    }
}

#[cfg(test)]
mod tests;
