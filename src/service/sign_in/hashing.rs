//! How many passwords are hashed at once, and how many may wait for that.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::guessing::Queue;
use crate::service::ServiceError;

/// How many passwords are hashed at once: each takes a core and 19 MiB.
const AT_ONCE: usize = 2;
/// How many sign-ins may wait for that in a lane.
const WAITING: usize = 16;
/// How many of those may wait that were held back, of all accounts: they have waited already, and are not to be sent away for
/// each other. How many wait for one account is bounded where they are held back.
const WAITING_HELD: usize = 4096;

/// Who waits. Each lane has places of its own, so that strangers take none of those who are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// From an address at which the user has signed in lately, or by somebody who is signed in.
    Known,
    /// From any other.
    Stranger,
    /// Of those that were held back: one of them at a time, so that all others pass it. Each queue is served in the order of
    /// coming and the queues in turn, so that nobody waits behind all who guess at another account.
    Held(Queue),
}

/// The door before argon2.
pub(super) struct Hashing {
    permits: Arc<Semaphore>,
    known: Arc<AtomicUsize>,
    strangers: Arc<AtomicUsize>,
    held: Arc<AtomicUsize>,
    turn_of_held: Arc<Semaphore>,
    queues: Mutex<HashMap<Queue, Weak<Semaphore>>>,
}

impl Default for Hashing {
    fn default() -> Self {
        let (known, strangers, held) = Default::default();
        let (permits, turn_of_held) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Semaphore::new(1)));
        Self { permits, known, strangers, held, turn_of_held, queues: Mutex::default() }
    }
}

impl Hashing {
    /// Runs `work` on a thread of its own, at most [`AT_ONCE`] at a time.
    ///
    /// Place and permit go with the work, not with who waits for it: a started hash cannot be stopped, and a client that
    /// closes while it runs must not make room for another.
    ///
    /// # Errors
    /// [`ServiceError::SignInBusy`] if too many wait already in this lane; [`ServiceError::Unauthenticated`] if the work panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let place = match lane {
            Lane::Known => Place::take(&self.known, AT_ONCE + WAITING)?,
            Lane::Stranger => Place::take(&self.strangers, AT_ONCE + WAITING)?,
            Lane::Held(_) => Place::take(&self.held, WAITING_HELD)?,
        };
        let turn = match lane {
            Lane::Known | Lane::Stranger => None,
            // Who is first in a queue waits with the first of the others: a semaphore is given in the order of coming.
            Lane::Held(queue) => {
                let first = permit(&self.queue(queue)).await?;
                Some((first, permit(&self.turn_of_held).await?))
            }
        };
        let permit = permit(&self.permits).await?;
        let done = tokio::task::spawn_blocking(move || {
            let _held = (permit, turn, place);
            work()
        });
        done.await.map_err(|_| ServiceError::Unauthenticated)
    }

    fn queue(&self, of: Queue) -> Arc<Semaphore> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&of).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::new(Semaphore::new(1));
        queues.insert(of, Arc::downgrade(&queue));
        queue
    }
}

async fn permit(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ServiceError> {
    Arc::clone(of).acquire_owned().await.map_err(|_| ServiceError::SignInBusy)
}

/// A place among those that wait or hash; it is given back however the work ends.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(inside: &Arc<AtomicUsize>, most: usize) -> Result<Self, ServiceError> {
        let before = inside.fetch_add(1, Ordering::Relaxed);
        let place = Self(Arc::clone(inside));
        if before >= most {
            return Err(ServiceError::SignInBusy);
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::net::IpAddr;
    use std::pin::Pin;
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use tokio::task::JoinSet;

    use super::*;
    use crate::access::guessing::{Greeting, Guesses, Reception, Trial};

    type SignIn<'a> = Pin<Box<dyn Future<Output = Result<(), ServiceError>> + 'a>>;

    /// Hashes that last until `release` is dropped, and how many of them ran at the same time at most.
    struct Slow {
        release: Option<Sender<()>>,
        gate: Arc<Mutex<Receiver<()>>>,
        running: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }

    impl Slow {
        fn new() -> Self {
            let (release, gate) = channel();
            let (running, most) = Default::default();
            Self { release: Some(release), gate: Arc::new(Mutex::new(gate)), running, most }
        }

        /// A sign-in that has gone as far as it can without waiting.
        fn begin<'a>(&self, hashing: &'a Hashing) -> (SignIn<'a>, Poll<Result<(), ServiceError>>) {
            let (gate, running, most) =
                (Arc::clone(&self.gate), Arc::clone(&self.running), Arc::clone(&self.most));
            let mut sign_in: SignIn<'a> = Box::pin(hashing.run(Lane::Stranger, move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let _released = gate.lock().unwrap().recv();
                running.fetch_sub(1, Ordering::SeqCst);
            }));
            let polled = sign_in.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            (sign_in, polled)
        }

        fn release(&mut self) {
            self.release = None;
        }
    }

    #[tokio::test]
    async fn sign_ins_whose_clients_left_never_run_more_than_two_hashes() {
        let (hashing, mut slow) = (Hashing::default(), Slow::new());
        for _ in 0..100 {
            let (given_up, _) = slow.begin(&hashing);
            drop(given_up);
        }
        assert_eq!(hashing.permits.available_permits(), 0, "two hashes run on");
        assert_eq!(hashing.strangers.load(Ordering::SeqCst), AT_ONCE);
        slow.release();
        // Both permits are given back: everything that was ever started has ended.
        drop(hashing.permits.acquire_many(AT_ONCE as u32).await.unwrap());
        assert!(slow.most.load(Ordering::SeqCst) <= AT_ONCE);
        hashing.run(Lane::Stranger, || ()).await.unwrap();
    }

    #[tokio::test]
    async fn the_nineteenth_sign_in_at_once_is_told_to_come_back() {
        let (hashing, mut slow) = (Hashing::default(), Slow::new());
        for _ in 0..AT_ONCE {
            drop(slow.begin(&hashing));
        }
        let waiting: Vec<_> = (0..WAITING).map(|_| slow.begin(&hashing)).collect();
        assert!(waiting.iter().all(|(_, polled)| polled.is_pending()));
        let (_, refused) = slow.begin(&hashing);
        assert!(matches!(refused, Poll::Ready(Err(ServiceError::SignInBusy))), "{refused:?}");
        drop(waiting);
        assert!(slow.begin(&hashing).1.is_pending(), "who gives up waiting makes room");
        let mut known: SignIn<'_> = Box::pin(hashing.run(Lane::Known, || ()));
        let polled = known.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "who is known has a place among any number of strangers");
        drop(known);
        slow.release();
        hashing.run(Lane::Stranger, || ()).await.unwrap();
    }

    /// The queue of strangers at the account of `user`.
    fn queue(user: &str) -> Queue {
        let (guesses, now) = (Guesses::default(), Duration::ZERO);
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        let user = user.to_owned();
        let trial = Trial { user, epoch: 0, address, suspect: true, greeting: Greeting::AsKnown };
        match guesses.receive(&trial, now) {
            Reception::Held(_, place) => place.queue(),
            _ => panic!("not held back"),
        }
    }

    #[tokio::test]
    async fn queues_of_those_that_were_held_back_take_turns_and_each_keeps_its_order() {
        let (hashing, order) = (Arc::new(Hashing::default()), Arc::new(Mutex::new(Vec::new())));
        let (crowd, other) = (queue("admin"), queue("anna"));
        assert_ne!(crowd, other);
        let mut all = JoinSet::new();
        // On one thread tasks run in the order in which they begin.
        for (queue, number) in (0..50).map(|number| (crowd, number)).chain([(other, 100)]) {
            let (hashing, order) = (Arc::clone(&hashing), Arc::clone(&order));
            all.spawn(async move {
                hashing.run(Lane::Held(queue), move || order.lock().unwrap().push(number)).await
            });
        }
        assert!(all.join_all().await.iter().all(Result::is_ok));
        let order = order.lock().unwrap().clone();
        let (of_crowd, other): (Vec<_>, Vec<_>) = order.iter().partition(|number| **number < 100);
        assert_eq!((of_crowd, other.len()), ((0..50).collect(), 1));
        assert!(order[..3].contains(&100), "it waited for one of the crowd, not for fifty: {order:?}");
    }

    #[tokio::test]
    async fn those_that_were_held_back_hash_one_at_a_time_and_wait_for_each_other() {
        let (hashing, mut slow) = (Hashing::default(), Slow::new());
        let (held_at, mut held): (_, Vec<SignIn<'_>>) = (queue("admin"), Vec::new());
        for _ in 0..100 {
            let (gate, running) = (Arc::clone(&slow.gate), Arc::clone(&slow.running));
            let mut one: SignIn<'_> = Box::pin(hashing.run(Lane::Held(held_at), move || {
                assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
                let _released = gate.lock().unwrap().recv();
                running.fetch_sub(1, Ordering::SeqCst);
            }));
            assert!(one.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            held.push(one);
        }
        assert_eq!(hashing.permits.available_permits(), AT_ONCE - 1, "everybody else passes them");
        hashing.run(Lane::Known, || ()).await.unwrap();
        slow.release();
        for one in held {
            one.await.unwrap();
        }
    }
}
