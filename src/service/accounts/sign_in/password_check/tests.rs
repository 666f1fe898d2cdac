use std::path::Path;

use tokio::task::JoinSet;

use super::*;
use crate::access::throttle::{Limit, Rate, RateLimited, Rates};
use crate::ledger::{Action, Draft};
use crate::store::sqlite::SqliteStore;
use crate::store::{MOST_KNOWN_ADDRESSES, SetPassword};

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);
const DAY: Duration = Duration::from_secs(24 * 3600);
const RIGHT: &str = "correct horse battery";
const LIMITS: SignInLimits = SignInLimits {
    parallel_hashes: 2,
    queue: 16,
    known_for: Duration::from_secs(30 * 24 * 3600),
    proof_lifetime: Duration::from_secs(60),
};

async fn store(directory: &Path) -> Arc<dyn Store> {
    let path = directory.join("gatepass.db");
    let store: Arc<dyn Store> = SqliteStore::open(&path, NOW).unwrap();
    if store.user("admin".to_owned()).await.unwrap().is_none() {
        let hash = password::hash(&Secret::new(RIGHT.to_owned()), "admin").unwrap();
        let entry = Draft::done(Action::PasswordSet, NOW, "local");
        store.set_password(SetPassword { user: "admin".to_owned(), hash, entry }).await.unwrap();
    }
    store
}

/// Three checks of a site and five of new addresses.
fn checks(store: &Arc<dyn Store>) -> Arc<PasswordChecks> {
    let rate = |text| Rate::parse(text).unwrap().unwrap();
    let rates = Rates::from([(Limit::SignInSite, rate("3/h")), (Limit::SignInAccount, rate("5/h"))]);
    Arc::new(PasswordChecks::new(Arc::clone(store), Arc::new(Throttles::new(&rates)), LIMITS))
}

fn present(last: u8, password: &str) -> PresentedPassword {
    PresentedPassword {
        user: "admin".to_owned(),
        epoch: Some(0),
        password: Arc::new(Secret::new(password.to_owned())),
        address: Some(IpAddr::from([192, 0, 2, last])),
        at: NOW,
        boot: Duration::from_secs(1_000_000),
    }
}

/// Presents this many distinct wrong passwords and returns the last refusal by a rate limit.
async fn guess(checks: &Arc<PasswordChecks>, last: u8, times: usize) -> Option<Limit> {
    let mut limit = None;
    for number in 0..times {
        match checks.check(present(last, &format!("wrong horse {last} {number}"))).await {
            Ok(is_right) => assert!(!is_right),
            Err(ServiceError::RateLimited(limited)) => limit = Some(limited.limit),
            Err(error) => panic!("{error}"),
        }
    }
    limit
}

#[tokio::test(flavor = "multi_thread")]
async fn no_stranger_locks_out_a_known_address() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    let before = checks(&store);
    assert_eq!(before.check(present(1, RIGHT)).await, Ok(true));
    drop(before);
    // A restart: nothing is left in memory.
    let checks = checks(&store);
    assert_eq!(guess(&checks, 10, 4).await, Some(Limit::SignInSite));
    assert_eq!(guess(&checks, 11, 3).await, Some(Limit::SignInAccount));
    match checks.check(present(2, RIGHT)).await {
        Err(ServiceError::RateLimited(RateLimited { limit: Limit::SignInAccount, retry_after })) => {
            assert!((600..=720).contains(&retry_after), "{retry_after}");
        }
        other => panic!("a new address is held off: {other:?}"),
    }
    let later = PresentedPassword { at: NOW.plus(30 * DAY), ..present(1, RIGHT) };
    assert_eq!(checks.check(later).await, Ok(true));
    let local = PresentedPassword { address: None, ..present(1, "a wrong horse") };
    assert_eq!(checks.check(local).await, Ok(false), "the server's own machine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_address_has_a_bucket_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    let checks = checks(&store);
    assert_eq!(checks.check(present(1, RIGHT)).await, Ok(true));
    assert_eq!(guess(&checks, 1, 4).await, Some(Limit::SignInSite), "guesses there are limited too");
    assert_eq!(guess(&checks, 2, 3).await, None);
    let forgotten = PresentedPassword { at: NOW.plus(32 * DAY), ..present(1, "a wrong horse") };
    assert_eq!(checks.check(forgotten).await, Ok(false), "a new address again: another bucket");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_goes_on_when_the_client_leaves() {
    let directory = tempfile::tempdir().unwrap();
    let checks = checks(&store(directory.path()).await);
    for password in ["wrong horse 1", "wrong horse 2", RIGHT] {
        let left = tokio::time::timeout(Duration::ZERO, checks.check(present(1, password))).await;
        assert!(left.is_err());
        while checks.cached(&present(1, password)).is_none() {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(checks.cached(&present(1, RIGHT)), Some(true));
    let site = IpAddr::from([192, 0, 2, 1]);
    while checks.store.known_address("admin".to_owned(), site).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(guess(&checks, 1, 1).await, None, "the address is known by now");
    assert_eq!(guess(&checks, 2, 3).await, Some(Limit::SignInAccount), "each of the three counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_identical_passwords_share_one_check() {
    let directory = tempfile::tempdir().unwrap();
    let checks = checks(&store(directory.path()).await);
    let mut clients = JoinSet::new();
    for last in 0..60 {
        let checks = Arc::clone(&checks);
        clients.spawn(async move { checks.check(present(last, RIGHT)).await });
    }
    assert_eq!(clients.join_all().await, vec![Ok(true); 60]);
    let mut known = 0;
    for last in 0..60 {
        let site = IpAddr::from([192, 0, 2, last]);
        known += checks.store.known_address("admin".to_owned(), site).await.unwrap().iter().count();
    }
    assert_eq!(known, MOST_KNOWN_ADDRESSES as usize, "those that shared the check are known too");
}

/// On one thread for all that blocks, which counts the runs.
#[test]
fn unknown_and_disabled_users_cost_one_hash() {
    let mut threads = tokio::runtime::Builder::new_current_thread();
    threads.max_blocking_threads(1).enable_time().build().unwrap().block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let checks = checks(&store(directory.path()).await);
        let runs = async || tokio::task::spawn_blocking(password::runs).await.unwrap();
        let wrong = "a wrong horse";
        for (user, password, epoch) in
            [("admin", wrong, Some(0)), ("nobody", wrong, None), ("admin", RIGHT, None)]
        {
            let before = runs().await;
            let presented = || PresentedPassword { user: user.to_owned(), epoch, ..present(1, password) };
            assert_eq!(checks.check(presented()).await, Ok(false), "{user}");
            assert_eq!(runs().await, before + 1, "{user}");
            assert_eq!(checks.cached(&presented()), Some(false), "{user}");
        }
    });
}
