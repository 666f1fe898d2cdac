//! Buckets under a clock that the tests move.

use std::sync::Arc;

use governor::clock::FakeRelativeClock;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn throttle(rate: &str, most: usize) -> (Throttle<u32, FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    let rate = Rate::parse(rate).unwrap().unwrap();
    (Throttle::with_clock(rate, most, clock.clone()), clock)
}

/// Number of the next `asked` that pass.
fn taken(throttle: &Throttle<u32, FakeRelativeClock>, key: u32, asked: usize) -> usize {
    (0..asked).filter(|_| throttle.check(&key).is_ok()).count()
}

#[test]
fn a_bucket_refills_evenly() {
    let (throttle, clock) = throttle("60/m", 10);
    assert_eq!(taken(&throttle, 1, 100), 60);
    assert_eq!(throttle.check(&1), Err(1));
    clock.advance(SECOND);
    assert_eq!(taken(&throttle, 1, 100), 1);
    clock.advance(10 * SECOND);
    assert_eq!(taken(&throttle, 1, 100), 10);
    clock.advance(3600 * SECOND);
    assert_eq!(taken(&throttle, 1, 100), 60, "it holds no more than that");
}

#[test]
fn a_token_is_there_after_the_retry_time() {
    let (throttle, clock) = throttle("2/h", 10);
    assert_eq!(taken(&throttle, 1, 3), 2);
    let wait = throttle.check(&1).unwrap_err();
    assert_eq!(wait, 1800);
    clock.advance((wait - 1) * SECOND);
    assert!(throttle.check(&1).is_err());
    clock.advance(SECOND);
    assert!(throttle.check(&1).is_ok());
}

#[test]
fn each_key_has_a_bucket_of_its_own() {
    let (throttle, _) = throttle("3/s", 10);
    assert_eq!(taken(&throttle, 1, 10), 3);
    assert_eq!(taken(&throttle, 2, 10), 3);
}

#[test]
fn looking_takes_nothing_and_makes_no_bucket() {
    let (throttle, _) = throttle("1/m", 10);
    assert!((0..5).all(|_| throttle.look(&1).is_ok()));
    assert_eq!(throttle.keys(), 0);
    assert!(throttle.check(&1).is_ok());
    assert_eq!(throttle.look(&1), Err(60));
}

#[test]
fn a_million_keys_are_limited_in_bounded_memory() {
    let (throttle, _) = throttle("5/m", 100);
    let through = (0..1_000_000).filter(|key| throttle.check(key).is_ok()).count();
    assert_eq!(throttle.keys(), 100);
    assert_eq!(through, 100 + 5, "those with a bucket of their own, and the one that the others share");
    assert_eq!(taken(&throttle, 7, 10), 4, "the flood took nothing from a bucket that was there");
    assert_eq!(taken(&throttle, 2_000_000, 10), 0);
}

#[test]
fn only_full_buckets_make_room_for_new_keys() {
    let (throttle, clock) = throttle("2/s", 2);
    assert_eq!((taken(&throttle, 1, 1), taken(&throttle, 2, 1)), (1, 1));
    assert_eq!(taken(&throttle, 3, 9), 2, "in the shared one");
    clock.advance(2 * SECOND);
    assert_eq!(taken(&throttle, 2, 9), 2);
    assert_eq!(taken(&throttle, 3, 9), 2, "1 is forgotten, as it was full");
    assert_eq!((throttle.keys(), taken(&throttle, 2, 1)), (2, 0));
    assert_eq!(taken(&throttle, 4, 9), 2, "in the shared one again");
}

#[test]
fn a_sweep_forgets_full_buckets_only() {
    let (throttle, clock) = throttle("60/m", 10);
    taken(&throttle, 1, 60);
    taken(&throttle, 2, 1);
    clock.advance(10 * SECOND);
    throttle.sweep();
    assert_eq!((throttle.keys(), taken(&throttle, 1, 60)), (1, 10));
    clock.advance(3600 * SECOND);
    throttle.sweep();
    assert_eq!(throttle.keys(), 0);
}

#[test]
fn many_threads_take_no_more_than_there_is() {
    let (throttle, _) = throttle("1000/h", 10);
    let throttle = Arc::new(throttle);
    let threads = (0..8).map(|_| {
        let throttle = Arc::clone(&throttle);
        std::thread::spawn(move || taken(&throttle, 1, 500))
    });
    let threads = threads.collect::<Vec<_>>();
    assert_eq!(threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>(), 1000);
}
