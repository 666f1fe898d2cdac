//! A key ends with its certificate, and with the permission of its policy.

use std::time::Duration;

use serde_json::json;

use super::{Holder, LEAVE, WHOAMI, ask, create, key_of, open_policy, refused, works};
use crate::support::authority::token_of;
use crate::support::fleet::{CHECKIN, POLICY, change};
use crate::support::{Host, Running};

const HOUR: Duration = Duration::from_secs(3600);

/// "It ends with the host's certificate."
#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_revoked_host_is_refused() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    assert_eq!(holder.outcome(&at).await, works());
    let said = at.admin().delete(&format!("/api/v1/hosts/{}", holder.id())).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(holder.outcome(&at).await, refused(403, "host_revoked"));
    let at = at.restart().await;
    assert_eq!(holder.outcome(&at).await, refused(403, "host_revoked"));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_lapses_with_its_certificate() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    at.clock.advance(HOUR * 24 * 29);
    assert_eq!(holder.outcome(&at).await, works());
    at.clock.advance(HOUR * 25);
    assert_eq!(holder.outcome(&at).await, refused(401, "unauthenticated"));
    at.stop().await;
}

/// A key is as good as its certificate, which stays valid for `hosts.overlap` after the first use of its successor.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_with_a_superseded_certificate() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    let (certified, next) = (holder.host.client(&at, &holder.enrolled), Host::new());
    let renewed = certified.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    assert_eq!(renewed.json.get("access_api_key"), None);
    assert_eq!(next.client(&at, &renewed.json).get(WHOAMI).await.status, 200);
    assert_eq!(holder.outcome(&at).await, works(), "the overlap");
    let left = holder.client(&at).post(LEAVE, &json!({})).await;
    assert_eq!((left.status, left.code()), (403, "certificate_superseded"), "{}", left.text);
    at.clock.advance(HOUR * 2);
    assert_eq!(holder.outcome(&at).await, refused(403, "certificate_superseded"));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_quarantined_host_is_refused() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    let (certified, next) = (holder.host.client(&at, &holder.enrolled), Host::new());
    let renewed = certified.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
    assert_eq!(next.client(&at, &renewed.json).get(WHOAMI).await.status, 200);
    assert_eq!(holder.outcome(&at).await, works());
    let copied = certified.post("/api/v1/renew", &json!({ "csr": Host::new().csr() })).await;
    assert_eq!(copied.code(), "lineage_conflict", "{}", copied.text);
    assert_eq!(holder.outcome(&at).await, refused(403, "host_quarantined"));
    at.stop().await;
}

/// "Turning `api_key_credential` off in the policy ends the keys' use at once."
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_ends_keys_at_once() {
    let at = Running::start().await;
    let policy = open_policy(&at).await;
    let (used, unused) = (Holder::of(&at, &policy).await, Holder::of(&at, &policy).await);
    assert_eq!(used.outcome(&at).await, works());
    change(&at, &policy, json!({ "api_key_credential": false })).await;
    let client = used.client(&at);
    let report = json!({ "version": "1", "status": "healthy" });
    for said in [
        client.get(WHOAMI).await,
        client.get(POLICY).await,
        client.post(CHECKIN, &report).await,
        client.post(LEAVE, &json!({})).await,
    ] {
        assert_eq!((said.status, said.code()), (403, "credential_not_allowed"), "{}", said.text);
    }
    assert_eq!(unused.outcome(&at).await, refused(403, "credential_not_allowed"));
    let by_certificate = used.host.client(&at, &used.enrolled);
    assert_eq!(by_certificate.get(WHOAMI).await.status, 200, "the certificate is not touched");
    let at = at.restart().await;
    assert_eq!(used.outcome(&at).await, refused(403, "credential_not_allowed"));
    change(&at, &policy, json!({ "api_key_credential": true })).await;
    assert_eq!(used.outcome(&at).await, works());
    assert!(key_of(&unused.repeat(&at).await).is_some(), "the refused use did not count");
    assert_eq!(key_of(&used.repeat(&at).await), None);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_host_follows_its_new_policy() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    let closed = create(&at, "core", json!({ "roles": ["proxy"] })).await;
    let open = create(&at, "rim", json!({ "roles": ["proxy"], "api_key_credential": true })).await;
    for (policy, expected) in [
        (&closed["id"], refused(403, "credential_not_allowed")),
        (&open["id"], works()),
        (&json!(null), refused(403, "credential_not_allowed")),
    ] {
        let path = format!("/api/v1/hosts/{}", holder.id());
        let moved = at.admin().patch(&path, &json!({ "policy": policy })).await;
        assert_eq!(moved.status, 200, "{}", moved.text);
        assert_eq!(holder.outcome(&at).await, expected);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reenrolled_host_gets_a_key_of_its_own() {
    let at = Running::start().await;
    let mut holder = Holder::of(&at, &open_policy(&at).await).await;
    let path = format!("/api/v1/hosts/{}/reenrollment-token", holder.id());
    let mint = async || {
        let said = at.admin().post(&path, &json!({})).await;
        assert_eq!(said.status, 201, "{}", said.text);
        token_of(&said.json)
    };
    let (next, token) = (Host::new(), mint().await);
    let back = ask(&at, &next, &token).await;
    let key = key_of(&back).expect("a new key pair gets a key");
    assert_eq!(back.json["host_id"], holder.enrolled["host_id"]);
    assert_eq!(holder.outcome(&at).await, refused(401, "unauthenticated"));
    holder.key = key;
    assert_eq!(holder.outcome(&at).await, works());
    assert_eq!(key_of(&ask(&at, &next, &token).await), None, "a repeat after the first use");
    let plain = Host::new().redeem(&at, &mint().await).await;
    assert_eq!(key_of(&plain), None);
    assert_eq!(holder.outcome(&at).await, refused(401, "unauthenticated"));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_leaves_by_its_key() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    let said = holder.client(&at).post(LEAVE, &json!({})).await;
    assert_eq!((said.status, &said.json["state"]), (200, &json!("revoked")), "{}", said.text);
    assert_eq!(holder.outcome(&at).await, refused(403, "host_revoked"));
    let ledger = at.ledger().await;
    let entry = ledger.iter().find(|entry| entry["action"] == "host_revoked").unwrap();
    assert_eq!(entry["actor"], json!(format!("opaque_key:{}", holder.id())));
    at.stop().await;
}
