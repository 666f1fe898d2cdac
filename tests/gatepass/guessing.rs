//! Guessed passwords: a stranger is slowed down, and locks nobody out.

mod leaving;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use gatepass::access::guessing::LONGEST;
use gatepass::access::{Actor, Rights, SessionKind};
use gatepass::secret::Secret;
use gatepass::service::{AccountError, Authority, Caller, RequestError, ServiceError, SignedIn};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::authority::PASSWORD;
use crate::support::{Running, eventually};

/// How long a sign-in may take on a busy machine; how long it is held back is tested by a clock that tests move.
const PATIENCE: Duration = Duration::from_secs(60);
const WRONG: &str = "wrong horse battery staple";

fn from(last: u8) -> Caller {
    let address = Some(IpAddr::from([192, 0, 2, last]));
    Caller { actor: Actor::Anyone, rights: Rights::NONE, basis: None, address, request: None }
}

async fn sign_in(at: &Authority, last: u8, name: &str, password: &str) -> Result<SignedIn, ServiceError> {
    at.accounts.sign_in(&from(last), name, &Secret::new(password.to_owned())).await
}

/// Fails as often as it takes for strangers to be held back for the longest time there is. It does so from a known address,
/// which is not held back itself.
async fn guess(at: &Authority, name: &str) {
    for number in 0..20 {
        let refused = sign_in(at, 1, name, &format!("{WRONG} {number}")).await;
        assert_eq!(refused, Err(ServiceError::Account(AccountError::Unauthenticated)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_wrong_passwords_from_many_addresses_lock_nobody_out() {
    let at = Running::start().await;
    assert!(sign_in(&at.authority, 1, "admin", PASSWORD).await.is_ok());
    guess(&at.authority, "admin").await;
    let mut strangers = JoinSet::new();
    let guessing = Arc::new(std::sync::atomic::AtomicBool::new(true));
    for last in 10..22 {
        let (authority, guessing) = (at.authority.clone(), guessing.clone());
        strangers.spawn(async move {
            let (mut put_off, mut number) = (0, 0);
            while guessing.load(std::sync::atomic::Ordering::Relaxed) {
                number += 1;
                // Several at once, of which two are held back and the others refused.
                let wrong = (0..8).map(|one| format!("{WRONG} {last} {number} {one}")).collect::<Vec<_>>();
                let mut all = JoinSet::new();
                for wrong in wrong {
                    let authority = authority.clone();
                    all.spawn(async move { sign_in(&authority, last, "admin", &wrong).await });
                }
                for ended in all.join_all().await {
                    match ended {
                        Err(ServiceError::RateLimited(limited)) => {
                            assert!(limited.retry_after > 0);
                            put_off += 1;
                        }
                        Err(ServiceError::Account(AccountError::Unauthenticated)) => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
            put_off
        });
    }
    // The proof of the first sign-in is forgotten: both have to be proven anew, in the midst of the guessing.
    at.clock.advance(Duration::from_secs(61));
    for (last, from) in [(1, "an address that is known"), (2, "a new one")] {
        let signed_in = timeout(PATIENCE, sign_in(&at.authority, last, "admin", PASSWORD)).await;
        assert!(matches!(signed_in, Ok(Ok(_))), "from {from}: {signed_in:?}");
        at.clock.advance(Duration::from_secs(61));
    }
    guessing.store(false, std::sync::atomic::Ordering::Relaxed);
    let put_off: usize = strangers.join_all().await.into_iter().sum();
    assert!(put_off > 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_connections_with_the_same_right_password_share_one_hash() {
    let at = Running::start().await;
    let mut clients = JoinSet::new();
    for _ in 0..60 {
        let client = at.admin();
        clients.spawn(async move { client.get("/api/v1/roles").await.status });
    }
    assert_eq!(clients.join_all().await, [200; 60]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_told_together_and_names_that_nobody_has_are_not_told() {
    let at = Running::start().await;
    assert!(sign_in(&at.authority, 1, "admin", PASSWORD).await.is_ok());
    guess(&at.authority, "admin").await;
    for number in 0..20 {
        let name = format!("mallory{number}");
        assert!(sign_in(&at.authority, 1, &name, WRONG).await.is_err());
    }
    let told = eventually("they are told", async || {
        at.authority.ledger.write_refusals().await.unwrap();
        let entries = at.ledger().await;
        let told = entries.into_iter().filter(|entry| entry["action"] == "sign_in_refused");
        let told = told.collect::<Vec<_>>();
        let reasons = told.iter().map(|entry| entry["reason"].as_str().unwrap().to_owned());
        let reasons = reasons.collect::<std::collections::BTreeSet<_>>();
        (reasons.len() == 2).then_some(told)
    })
    .await;
    // The timer may have come in between, once.
    assert!(told.len() <= 4, "{told:?}");
    let of_admin = told.iter().find(|entry| entry["reason"] == "wrong_password").unwrap();
    assert_eq!((of_admin["actor"].as_str(), of_admin["outcome"].as_str()), (Some("anyone"), Some("refused")));
    assert_eq!(of_admin["subjects"]["user"], "admin");
    assert!(of_admin["detail"]["count"].as_u64().unwrap() >= 1);
    let all = format!("{:?}", at.ledger().await);
    assert!(!all.contains("mallory") && !all.contains(WRONG), "{all}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_is_slowed_down_as_a_known_one_is() {
    let at = Running::start().await;
    for name in ["admin", "mallory"] {
        let mut last = 100;
        // Six failures are made by strangers that are not held back yet; the seventh is.
        for number in 0..6 {
            last += 1;
            let refused = sign_in(&at.authority, last, name, &format!("{WRONG} {number}")).await;
            assert_eq!(refused, Err(ServiceError::Account(AccountError::Unauthenticated)));
        }
        let began = std::time::Instant::now();
        assert_eq!(
            sign_in(&at.authority, 99, name, WRONG).await,
            Err(ServiceError::Account(AccountError::Unauthenticated))
        );
        assert!(began.elapsed() >= Duration::from_millis(250), "{name}: {:?}", began.elapsed());
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_users_right_password_is_a_wrong_one_and_counts_as_a_guess() {
    let at = Running::start().await;
    at.user("alex", PASSWORD, "operator").await;
    let disabled = at.admin().patch("/api/v1/users/alex", &serde_json::json!({ "disabled": true })).await;
    assert_eq!(disabled.status, 200, "{}", disabled.text);
    for _ in 0..6 {
        assert_eq!(
            sign_in(&at.authority, 1, "alex", PASSWORD).await,
            Err(ServiceError::Account(AccountError::Unauthenticated))
        );
    }
    let began = std::time::Instant::now();
    assert_eq!(
        sign_in(&at.authority, 1, "alex", PASSWORD).await,
        Err(ServiceError::Account(AccountError::Unauthenticated))
    );
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_finds_no_place_any_more_is_refused_as_by_a_wrong_password() {
    let at = Running::start_with(&[("limits.refused_address", "1/h")]).await;
    assert!(sign_in(&at.authority, 1, "admin", PASSWORD).await.is_ok());
    guess(&at.authority, "admin").await;
    let mut strangers = JoinSet::new();
    for number in 0..3 {
        let (authority, wrong) = (at.authority.clone(), format!("{WRONG} of a stranger {number}"));
        strangers.spawn(async move { sign_in(&authority, 50, "admin", &wrong).await });
    }
    let refused = strangers.join_all().await;
    let limited = refused.iter().filter(|one| matches!(one, Err(ServiceError::RateLimited(_)))).count();
    assert_eq!(limited, 1, "{refused:?}");
    let suspect = |last: u8| at.authority.throttles.refuses(IpAddr::from([192, 0, 2, last]));
    assert!(suspect(50) && !suspect(51));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_much_is_refused_each_password_that_is_still_to_be_proven_is_held_back() {
    let at = Running::start_with(&[("limits.refused_address", "1/h")]).await;
    assert_eq!(at.stranger().bearer("gps_wrong").get("/api/v1/roles").await.status, 401);
    let began = std::time::Instant::now();
    assert_eq!(at.admin().get("/api/v1/roles").await.status, 200);
    assert!(began.elapsed() >= LONGEST, "{:?}", began.elapsed());
    let told = at.stranger().get("/metrics").await.text;
    let held = told.lines().find_map(|line| line.strip_prefix("gatepass_sign_ins_held_back_total "));
    assert!(held.is_some_and(|held| held != "0"), "{told}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_session_guesses_the_password_as_slowly_as_a_stranger() {
    let at = Running::start().await;
    assert!(sign_in(&at.authority, 1, "admin", PASSWORD).await.is_ok());
    let caller = Caller { actor: Actor::User("admin".to_owned()), rights: Rights::ALL, ..from(1) };
    let change = async |current: String| {
        let (current, new) = (Secret::new(current), Secret::new("another horse, another battery".to_owned()));
        at.authority.accounts.change_own_password(&caller, &current, new, None, Vec::new()).await
    };
    for number in 0..6 {
        let refused = change(format!("{WRONG} {number}")).await;
        assert!(matches!(refused, Err(ServiceError::Request(RequestError::Fields(_)))), "{refused:?}");
    }
    let began = std::time::Instant::now();
    assert!(change(WRONG.to_owned()).await.is_err());
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
    assert_eq!(change(PASSWORD.to_owned()).await, Ok(()), "it was shown a moment ago");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_signed_out_meanwhile_changes_no_password() {
    let at = Running::start().await;
    let given = ("admin", &Secret::new(PASSWORD.to_owned()));
    let session =
        at.authority.accounts.begin_session(&from(1), given, SessionKind::Bearer).await.unwrap().live.id;
    let caller = Caller { actor: Actor::User("admin".to_owned()), rights: Rights::ALL, ..from(1) };
    at.authority.accounts.end_session(&caller, session).await.unwrap();
    let new = Secret::new("another horse, another battery".to_owned());
    let changed =
        at.authority.accounts.change_own_password(&caller, given.1, new, Some(session), Vec::new()).await;
    assert_eq!(changed, Err(ServiceError::Account(AccountError::SessionOver)));
    assert!(sign_in(&at.authority, 1, "admin", PASSWORD).await.is_ok());
    at.stop().await;
}
