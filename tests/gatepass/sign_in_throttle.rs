//! The sign-in throttle over real TLS.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass::access::{Actor, Rights, SessionKind};
use gatepass::secret::Secret;
use gatepass::service::{AccountError, Caller, ServiceError};
use http::HeaderName;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::authority::PASSWORD;
use crate::support::client::{Client, Said};
use crate::support::wire::Wire;
use crate::support::{Running, database, eventually};

const ROLES: &str = "/api/v1/roles";
const WRONG: &str = "wrong horse battery staple";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Few checks, so that argon2 runs rarely; an hour, so that no test outlives a refill.
const LIMITS: [(&str, &str); 3] = [
    ("http.trusted_proxies", "127.0.0.1"),
    ("limits.sign_in_site", "3/h"),
    ("limits.sign_in_account", "5/h"),
];

/// A client at this address that signs in with each request.
fn client(at: &Running, last: u8, name: &str, password: &str) -> Client {
    let address = format!("192.0.2.{last}");
    at.stranger().basic(name, password).header(HeaderName::from_static("x-forwarded-for"), &address)
}

/// Shows this many distinct wrong passwords and returns the last answer.
async fn guess(at: &Running, last: u8, name: &str, times: usize) -> Said {
    let shown = async |number| client(at, last, name, &format!("{WRONG} {last} {number}")).get(ROLES).await;
    let mut said = shown(0).await;
    for number in 1..times {
        said = shown(number).await;
    }
    said
}

fn assert_limited(said: &Said, limit: &str) {
    assert_eq!((said.status, said.code()), (429, "rate_limited"), "{}", said.text);
    let seconds: u32 = said.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{seconds}");
    assert!(said.json["detail"].as_str().unwrap().contains(&format!("(limit {limit})")), "{}", said.text);
}

fn caller(actor: Actor, rights: Rights) -> Caller {
    Caller { actor, rights, basis: None, address: Some(HERE), request: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_stranger_locks_out_a_known_address() {
    let at = Running::start_with(&LIMITS).await;
    assert_eq!(client(&at, 1, "admin", PASSWORD).get(ROLES).await.status, 200);
    let (data_dir, clock, _own) = at.stop().await;
    let at = Running::open(&data_dir, clock, &LIMITS).await.unwrap();
    at.clock.advance(Duration::from_secs(29 * 24 * 3600));
    assert_limited(&guess(&at, 10, "admin", 4).await, "sign_in_site");
    assert_limited(&guess(&at, 11, "admin", 3).await, "sign_in_account");
    let held_off = client(&at, 2, "admin", PASSWORD).get(ROLES).await;
    assert_limited(&held_off, "sign_in_account");
    assert_eq!(client(&at, 1, "admin", PASSWORD).get(ROLES).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_connections_with_the_same_password_share_one_check() {
    let at = Running::start_with(&LIMITS).await;
    let mut clients = JoinSet::new();
    for _ in 0..60 {
        let client = at.admin();
        clients.spawn(async move { client.get(ROLES).await.status });
    }
    assert_eq!(clients.join_all().await, [200; 60]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_disabled_users_get_the_same_answer() {
    let at = Running::start_with(&LIMITS).await;
    at.user("alex", PASSWORD, "operator").await;
    let disabled = at.admin().patch("/api/v1/users/alex", &json!({ "disabled": true })).await;
    assert_eq!(disabled.status, 200, "{}", disabled.text);
    let refused = async |name: &str, password: &str| {
        let said = client(&at, 1, name, password).get(ROLES).await;
        (said.status, said.code().to_owned(), said.json["detail"].clone())
    };
    let another = "another wrong horse";
    let wrong = refused("admin", another).await;
    assert_eq!((wrong.0, wrong.1.as_str()), (401, "unauthenticated"));
    assert_eq!(refused("mallory", another).await, wrong);
    assert_eq!(refused("alex", PASSWORD).await, wrong);
    for name in ["admin", "mallory", "alex"] {
        let said = guess(&at, 2, name, 4).await;
        assert_limited(&said, "sign_in_site");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_many_refusals_admits_known_users_only() {
    let at = Running::start_with(&[LIMITS[0], ("limits.refused_address", "1/h")]).await;
    at.user("alex", PASSWORD, "operator").await;
    assert_eq!(client(&at, 1, "alex", PASSWORD).get(ROLES).await.status, 200);
    at.clock.advance(Duration::from_secs(61));
    assert_eq!(guess(&at, 1, "mallory", 1).await.status, 401);
    assert_limited(&client(&at, 1, "admin", PASSWORD).get(ROLES).await, "refused_address");
    assert_eq!(client(&at, 1, "alex", PASSWORD).get(ROLES).await.status, 200, "it signed in there");
    assert_eq!(client(&at, 2, "admin", PASSWORD).get(ROLES).await.status, 200, "another address");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_holder_guesses_within_the_same_limits() {
    let at = Running::start_with(&LIMITS).await;
    let caller = caller(Actor::User("admin".to_owned()), Rights::ALL);
    let change = async |current: String| {
        let (current, new) = (Secret::new(current), Secret::new("another horse, another battery".to_owned()));
        at.authority.accounts.change_own_password(&caller, &current, new, None, Vec::new()).await
    };
    for number in 0..3 {
        let refused = change(format!("{WRONG} {number}")).await;
        assert!(matches!(refused, Err(ServiceError::Request(_))), "{refused:?}");
    }
    let limited = change(PASSWORD.to_owned()).await;
    assert!(matches!(limited, Err(ServiceError::RateLimited(_))), "{limited:?}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_out_session_changes_no_password() {
    let at = Running::start().await;
    let (stranger, password) = (caller(Actor::Anyone, Rights::NONE), Secret::new(PASSWORD.to_owned()));
    let begun =
        at.authority.accounts.begin_session(&stranger, ("admin", &password), SessionKind::Bearer).await;
    let session = begun.unwrap().live.id;
    let caller = caller(Actor::User("admin".to_owned()), Rights::ALL);
    at.authority.accounts.end_session(&caller, session).await.unwrap();
    let new = Secret::new("another horse, another battery".to_owned());
    let changed =
        at.authority.accounts.change_own_password(&caller, &password, new, Some(session), Vec::new()).await;
    assert_eq!(changed, Err(AccountError::SessionOver.into()));
    assert!(at.authority.accounts.sign_in(&stranger, "admin", &password).await.is_ok());
    at.stop().await;
}

/// The entries about refused sign-ins, once there is one for each of these reasons.
async fn refusals(at: &Running, expected: &[&str]) -> Vec<Value> {
    eventually("the refusals are written", async || {
        at.authority.upkeep.write_refusals().await.unwrap();
        let mut entries = at.ledger().await;
        entries.retain(|entry| entry["action"] == "sign_in_refused");
        let reasons = entries.iter().filter_map(|entry| entry["reason"].as_str()).collect::<BTreeSet<_>>();
        expected.iter().all(|reason| reasons.contains(reason)).then(|| entries.clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_summarises_refused_sign_ins() {
    let at = Running::start().await;
    for number in 0..20 {
        for name in ["admin", &format!("mallory{number}")] {
            assert_eq!(client(&at, 1, name, WRONG).get(ROLES).await.status, 401);
        }
    }
    let written = refusals(&at, &["wrong_password", "unknown_user"]).await;
    // The timer may have written in between, once.
    assert!(written.len() <= 4, "{written:?}");
    let of_admin = written.iter().find(|entry| entry["reason"] == "wrong_password").unwrap();
    assert_eq!((of_admin["actor"].as_str(), of_admin["outcome"].as_str()), (Some("anyone"), Some("refused")));
    assert_eq!(of_admin["subjects"]["user"], "admin");
    assert!(of_admin["detail"]["count"].as_u64().unwrap() >= 1);
    let all = format!("{:?}", at.ledger().await);
    assert!(!all.contains("mallory") && !all.contains(WRONG), "{all}");
    at.stop().await;
}

/// Less time than argon2 takes.
const SHORT: Duration = Duration::from_millis(10);

/// Sends a request with this password and closes the connection before the answer, most likely while argon2 runs.
async fn ask_and_leave(at: &Running, password: &str) {
    let credential = STANDARD.encode(format!("admin:{password}"));
    let mut wire = Wire::open(at).await;
    let lines = format!("host: a\r\nauthorization: Basic {credential}\r\n");
    wire.write(&format!("GET {ROLES} HTTP/1.1\r\n{lines}\r\n")).await;
    let _left = timeout(SHORT, wire.hear(false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_counts_when_its_client_leaves() {
    let at = Running::start_with(&LIMITS).await;
    let written = eventually("the refusal is written", async || {
        ask_and_leave(&at, WRONG).await;
        at.authority.upkeep.write_refusals().await.unwrap();
        at.ledger().await.into_iter().find(|entry| entry["action"] == "sign_in_refused")
    })
    .await;
    assert_eq!(
        (written["reason"].as_str(), &written["subjects"]["user"]),
        (Some("wrong_password"), &json!("admin"))
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_is_checked_when_its_client_leaves() {
    let at = Running::start_with(&LIMITS).await;
    eventually("the address is known", async || {
        ask_and_leave(&at, PASSWORD).await;
        let known = "SELECT count(*) FROM known_addresses WHERE site = '127.0.0.1'";
        (database::one(&database::reader(at.data_dir()), known) == 1).then_some(())
    })
    .await;
    at.stop().await;
}
