use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::JoinSet;

use super::*;
use crate::access::guessing::{Greeting, Guesses, Reception, Trial};

type SignIn<'a> = Pin<Box<dyn Future<Output = Result<(), ServiceError>> + 'a>>;

/// A stranger of one site.
const STRANGER: Lane = Lane::Stranger(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));

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
        self.begin_in(STRANGER, hashing)
    }

    fn begin_in<'a>(&self, lane: Lane, hashing: &'a Hashing) -> (SignIn<'a>, Poll<Result<(), ServiceError>>) {
        let (gate, running, most) =
            (Arc::clone(&self.gate), Arc::clone(&self.running), Arc::clone(&self.most));
        let mut sign_in: SignIn<'a> = Box::pin(hashing.run(lane, move || {
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
    assert_eq!(hashing.strangers.count(), AT_ONCE);
    slow.release();
    // Both permits are given back: everything that was ever started has ended.
    drop(hashing.permits.acquire_many(AT_ONCE as u32).await.unwrap());
    assert!(slow.most.load(Ordering::SeqCst) <= AT_ONCE);
    hashing.run(STRANGER, || ()).await.unwrap();
}

#[tokio::test]
async fn the_nineteenth_sign_in_at_once_of_a_site_is_told_to_come_back() {
    let (hashing, mut slow) = (Hashing::default(), Slow::new());
    for _ in 0..AT_ONCE {
        drop(slow.begin(&hashing));
    }
    let waiting: Vec<_> = (0..WAITING).map(|_| slow.begin(&hashing)).collect();
    assert!(waiting.iter().all(|(_, polled)| polled.is_pending()));
    let (_, refused) = slow.begin(&hashing);
    assert!(
        matches!(refused, Poll::Ready(Err(ServiceError::Account(AccountError::SignInBusy)))),
        "{refused:?}"
    );
    drop(waiting);
    assert!(slow.begin(&hashing).1.is_pending(), "who gives up waiting makes room");
    let mut known: SignIn<'_> = Box::pin(hashing.run(Lane::Known, || ()));
    let polled = known.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "who is known has a place among any number of strangers");
    drop(known);
    slow.release();
    hashing.run(STRANGER, || ()).await.unwrap();
}

fn site(number: u16) -> Lane {
    let [high, low] = number.to_be_bytes();
    Lane::Stranger(IpAddr::from([198, 18, high, low]))
}

#[tokio::test]
async fn one_site_takes_no_place_of_another_and_many_leave_room_for_a_new_one() {
    let (hashing, mut slow) = (Hashing::default(), Slow::new());
    let mut waiting = Vec::new();
    let mut begin = |lane| {
        let (sign_in, polled) = slow.begin_in(lane, &hashing);
        waiting.push(sign_in);
        polled.is_pending()
    };
    let taken = |lane: Lane, begin: &mut dyn FnMut(Lane) -> bool| (0..40).filter(|_| begin(lane)).count();
    assert_eq!(taken(site(1), &mut begin), AT_ONCE + WAITING);
    assert_eq!(taken(site(2), &mut begin), AT_ONCE + WAITING);
    for number in 3..100 {
        taken(site(number), &mut begin);
    }
    assert!(taken(site(100), &mut begin) == 1 && taken(site(101), &mut begin) == 1);
    slow.release();
}

/// In which order these begin, each in its lane, on one thread: there tasks run in the order in which they are made.
async fn order_of(all: impl Iterator<Item = (Lane, usize)>) -> Vec<usize> {
    let (hashing, order) = (Arc::new(Hashing::default()), Arc::new(Mutex::new(Vec::new())));
    let mut tasks = JoinSet::new();
    for (lane, number) in all {
        let (hashing, order) = (Arc::clone(&hashing), Arc::clone(&order));
        tasks.spawn(async move { hashing.run(lane, move || order.lock().unwrap().push(number)).await });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    let order = order.lock().unwrap();
    order.clone()
}

#[tokio::test]
async fn strangers_are_served_by_turns_of_their_sites() {
    let crowd = (0..AT_ONCE + WAITING).map(|number| (site(1), number));
    let order = order_of(crowd.chain([(site(2), 100)])).await;
    assert!(order[..2 * AT_ONCE + 1].contains(&100), "it did not wait for all of the crowd: {order:?}");
}

#[tokio::test]
async fn a_site_that_tries_many_names_takes_one_turn_where_another_takes_one() {
    let crowd = (0..50).map(|number| (Lane::Held(queue_at(1, &format!("name{number}"))), number));
    let order = order_of(crowd.chain([(Lane::Held(queue_at(2, "anna")), 100)])).await;
    assert!(order[..3].contains(&100), "it waited for one of the crowd, not for fifty: {order:?}");
}

/// The queue of strangers at the account of `user`.
fn queue(user: &str) -> Queue {
    queue_at(1, user)
}

/// The same of those that come from this address.
fn queue_at(last: u8, user: &str) -> Queue {
    let (guesses, now) = (Guesses::default(), Duration::ZERO);
    let (user, address) = (user.to_owned(), Some(IpAddr::from([192, 0, 2, last])));
    let trial = Trial { user, epoch: 0, address, suspect: true, greeting: Greeting::AsKnown };
    match guesses.receive(&trial, now) {
        Reception::Held(_, place) => place.queue(),
        _ => panic!("not held back"),
    }
}

#[tokio::test]
async fn queues_of_those_that_were_held_back_take_turns_and_each_keeps_its_order() {
    let (crowd, other) = (queue("admin"), queue("anna"));
    assert_ne!(crowd, other);
    let all = (0..50).map(|number| (Lane::Held(crowd), number)).chain([(Lane::Held(other), 100)]);
    let order = order_of(all).await;
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
