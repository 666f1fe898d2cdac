//! The same request again: another key while none was used, and no key after the first use.

use std::time::Duration;

use futures_util::future::join;
use serde_json::json;

use super::{Holder, WHOAMI, ask, create, key_of, open_policy, refused, works};
use crate::support::authority::token_of;
use crate::support::{Host, Running};

const HOUR: Duration = Duration::from_secs(3600);

/// "A repeat makes a new key (one entry) only while the key before was never used." "After its first use a repeat answers
/// without a key, because a CSR can be replayed."
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_is_replaced_until_one_is_used() {
    let at = Running::start().await;
    let mut holder = Holder::of(&at, &open_policy(&at).await).await;
    let again = holder.repeat(&at).await;
    assert_eq!(again.json["host_id"], holder.enrolled["host_id"]);
    let next = key_of(&again).expect("the first key was never used");
    assert_ne!(next, holder.key);
    assert_eq!(holder.outcome(&at).await, refused(401, "unauthenticated"));
    assert_eq!(at.entries("opaque_key_replaced").await, 1);
    holder.key = next;
    assert_eq!(holder.outcome(&at).await, works());
    for _ in 0..2 {
        let late = holder.repeat(&at).await;
        assert_eq!((key_of(&late), &late.json["certificate"]), (None, &holder.enrolled["certificate"]));
    }
    assert_eq!(holder.outcome(&at).await, works(), "the replayed request did not end the key");
    assert_eq!((at.entries("opaque_key_replaced").await, at.entries("host_enrolled").await), (1, 1));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_makes_no_first_key() {
    let at = Running::start().await;
    let token = token_of(&open_policy(&at).await["first_token"]);
    let host = Host::new();
    assert_eq!(key_of(&host.redeem(&at, &token).await), None);
    assert_eq!(key_of(&ask(&at, &host, &token).await), None, "anyone could have replayed the request");
    assert_eq!(at.entries("opaque_key_replaced").await, 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_repeat_leaves_the_key() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    assert_eq!(key_of(&holder.host.redeem(&at, &holder.token).await), None);
    assert_eq!(holder.outcome(&at).await, works());
    at.stop().await;
}

/// A repeat answers with the certificate although the token was revoked. A key would be a new right.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_gives_no_more_keys() {
    let at = Running::start().await;
    let policy = open_policy(&at).await;
    let holder = Holder::of(&at, &policy).await;
    let token = policy["first_token"]["token_id"].as_str().unwrap();
    let said = at.admin().delete(&format!("/api/v1/enrollment-tokens/{token}")).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(key_of(&holder.repeat(&at).await), None);
    assert_eq!(holder.outcome(&at).await, works(), "revoking a token touches no enrolled host");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_repeated_after_a_day_gets_no_key() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    at.clock.advance(HOUR * 25);
    let late = holder.repeat(&at).await;
    assert_eq!((key_of(&late), &late.json["host_id"]), (None, &holder.enrolled["host_id"]));
    assert_ne!(late.json["certificate"], holder.enrolled["certificate"]);
    at.stop().await;
}

/// "Ends with the host's certificate": a policy without keys gives none to a repeat either.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_follows_the_policy_of_the_host() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    let core = create(&at, "core", json!({ "roles": ["proxy"] })).await;
    let path = format!("/api/v1/hosts/{}", holder.id());
    let moved = at.admin().patch(&path, &json!({ "policy": core["id"] })).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    assert_eq!(key_of(&holder.repeat(&at).await), None);
    at.stop().await;
}

/// A first use and a repeat at once: one of them wins, and exactly one key works afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_use_races_a_repeat() {
    let at = Running::start().await;
    let policy = open_policy(&at).await;
    for _ in 0..8 {
        let mut holder = Holder::of(&at, &policy).await;
        let client = holder.client(&at);
        let (used, again) = join(client.get(WHOAMI), holder.repeat(&at)).await;
        let next = key_of(&again);
        assert_eq!(used.status == 200, next.is_none(), "{} {next:?}", used.text);
        if let Some(next) = next {
            assert_eq!(holder.outcome(&at).await, refused(401, "unauthenticated"));
            holder.key = next;
        }
        assert_eq!(holder.outcome(&at).await, works());
    }
    at.stop().await;
}
