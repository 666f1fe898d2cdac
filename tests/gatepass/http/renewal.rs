//! Renewal over mTLS: the newest certificate, or the one before while the newest was never seen; nothing else renews.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::{Host, Running, Said};

const DAY: Duration = Duration::from_secs(86_400);

/// An enrolled host: its machine and the answer it got.
async fn enrolled(at: &Running) -> (Host, Value) {
    let host = Host::new();
    let answer = host.redeem(at, &at.mint_once().await).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    (host, answer.json)
}

async fn renew(client: &Client, next: &Host) -> Said {
    client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn renewal_keeps_the_host_id() {
    let at = Running::start().await;
    let (mut host, mut answer) = enrolled(&at).await;
    for _ in 0..3 {
        at.clock.advance(5 * DAY);
        let next = Host::new();
        let renewed = renew(&host.client(&at, &answer), &next).await;
        assert_eq!(renewed.status, 200, "{}", renewed.text);
        assert_eq!(renewed.json["host_id"], answer["host_id"]);
        assert!(renewed.json["expires_at"].as_str() > answer["expires_at"].as_str());
        let said = next.client(&at, &renewed.json).get("/api/v1/whoami").await;
        assert_eq!((said.status, &said.json["host_id"]), (200, &answer["host_id"]));
        (host, answer) = (next, renewed.json);
    }
    assert_eq!(at.entries("host_renewed").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_repeated_and_recorded_once() {
    let at = Running::start().await;
    let (host, answer) = enrolled(&at).await;
    let (client, next) = (host.client(&at, &answer), Host::new());
    let first = renew(&client, &next).await;
    for _ in 0..3 {
        let again = renew(&client, &next).await;
        assert_eq!((again.status, &again.json), (200, &first.json), "{}", again.text);
    }
    assert_eq!(at.entries("host_renewed").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unseen_renewal_keeps_the_previous_certificate_valid() {
    let at = Running::start().await;
    let (host, answer) = enrolled(&at).await;
    let old = host.client(&at, &answer);
    let (lost, next) = (Host::new(), Host::new());
    assert_eq!(renew(&old, &lost).await.status, 200);
    assert_eq!(old.get("/api/v1/whoami").await.status, 200);
    let renewed = renew(&old, &next).await;
    assert_eq!(renewed.status, 200, "with another key too: {}", renewed.text);
    assert_eq!(next.client(&at, &renewed.json).get("/api/v1/whoami").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_certificate_renews_nothing() {
    let at = Running::start_with(&[("hosts.quarantine", "alarm")]).await;
    let (host, answer) = enrolled(&at).await;
    let (old, next) = (host.client(&at, &answer), Host::new());
    let renewed = renew(&old, &next).await.json;
    let new = next.client(&at, &renewed);
    assert_eq!(new.get("/api/v1/whoami").await.status, 200);
    for _ in 0..3 {
        let conflict = renew(&old, &Host::new()).await;
        assert_eq!((conflict.status, conflict.code()), (403, "lineage_conflict"));
        assert_eq!(renew(&old, &next).await.code(), "lineage_conflict");
        assert_eq!(old.get("/api/v1/whoami").await.status, 200, "its overlap");
    }
    let ledger = at.ledger().await;
    let told = ledger.iter().filter(|entry| entry["reason"] == "lineage_conflict").collect::<Vec<_>>();
    assert_eq!(told.len(), 1, "once in a minute");
    assert_eq!(told[0]["subjects"]["host"], answer["host_id"]);
    assert_eq!(new.get("/api/v1/whoami").await.status, 200, "the one in use goes on");
}

/// "A host that came with a role-less token gets roles from an operator; the next renewal brings them." "Whoami tells the
/// host to renew now."
#[tokio::test(flavor = "multi_thread")]
async fn whoami_tells_a_host_with_other_roles_to_renew() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": [] })).await;
    let (host, next) = (Host::new(), Host::new());
    let answer = host.redeem(&at, minted["token"].as_str().unwrap()).await.json;
    let client = host.client(&at, &answer);
    let asked = async |client: &Client| client.get("/api/v1/whoami").await.json;
    assert_eq!(asked(&client).await["renew_after"], answer["renew_after"], "two thirds of its life");
    let path = format!("/api/v1/hosts/{}", answer["host_id"].as_str().unwrap());
    let now = async |roles: Value| at.admin().patch(&path, &json!({ "roles": roles })).await.status;
    let is_due =
        |told: &Value| told["renew_after"].as_str().unwrap() <= at.clock_reading().to_string().as_str();
    assert_eq!(now(json!(["proxy"])).await, 200);
    let told = asked(&client).await;
    assert!(is_due(&told), "{told}");
    assert_eq!((&told["roles"], &told["expires_at"]), (&json!([]), &answer["expires_at"]));
    let renewed = renew(&client, &next).await.json;
    assert_eq!(renewed["roles"], json!(["proxy"]));
    let client = next.client(&at, &renewed);
    assert_eq!(asked(&client).await["renew_after"], renewed["renew_after"]);
    assert_eq!(now(json!([])).await, 200);
    assert!(is_due(&asked(&client).await), "a role that was taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_hosts_certificate_renews_that_host_and_no_other() {
    let at = Running::start().await;
    let ((one, first), (other, second)) = (enrolled(&at).await, enrolled(&at).await);
    let renewed = renew(&one.client(&at, &first), &Host::new()).await.json;
    assert_eq!(renewed["host_id"], first["host_id"]);
    let client = other.client(&at, &second);
    let body = json!({ "csr": Host::new().csr(), "host_id": first["host_id"] });
    let named = client.post("/api/v1/renew", &body).await;
    assert_eq!((named.status, &named.json["fields"][0]["field"]), (400, &json!("host_id")));
    // The certificate of one with the key of the other is no identity at all.
    assert_eq!(at.stranger().post("/api/v1/renew", &body).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_of_another_authority_closes_the_handshake() {
    let (at, elsewhere) = (Running::start().await, Running::start().await);
    let (host, answer) = enrolled(&elsewhere).await;
    let client = Client::with_identity(&at.url, at.root, Some(host.identity(&answer)));
    assert!(client.try_post("/api/v1/renew", &json!({ "csr": host.csr() })).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_serials_and_hosts_have_their_codes() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["allocator", "proxy"] })).await;
    let host = Host::new();
    let answer = host.redeem(&at, &crate::support::authority::token_of(&minted)).await.json;
    let client = host.client(&at, &answer);
    let path = format!("/api/v1/hosts/{}", answer["host_id"].as_str().unwrap());
    let changed = at.admin().patch(&path, &json!({ "roles": ["proxy"], "now": true })).await;
    assert_eq!(changed.status, 200);
    let refused = renew(&client, &Host::new()).await;
    assert_eq!((refused.status, refused.code()), (403, "certificate_revoked"));
    at.admin().delete(&path).await;
    let refused = renew(&client, &Host::new()).await;
    assert_eq!((refused.status, refused.code()), (403, "host_revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_renews_nothing() {
    let at = Running::start_with(&[("hosts.certificate_lifetime", "25d")]).await;
    let (host, answer) = enrolled(&at).await;
    let client = host.client(&at, &answer);
    at.clock.advance(24 * DAY);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    at.clock.advance(2 * DAY);
    // To the machine's own clock it is good for some days yet: it is the request that is refused, by the authority's.
    let refused = renew(&client, &Host::new()).await;
    assert_eq!((refused.status, refused.code()), (401, "unauthenticated"), "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_request_keeps_the_certificate_valid() {
    let at = Running::start().await;
    let (host, answer) = enrolled(&at).await;
    let client = host.client(&at, &answer);
    for body in [json!({ "csr": "" }), json!({ "csr": "x".repeat(9000) })] {
        let refused = client.post("/api/v1/renew", &body).await;
        assert_eq!((refused.status, refused.code()), (422, "csr_rejected"), "{}", refused.text);
    }
    assert_eq!(client.post("/api/v1/renew", &json!({})).await.status, 400);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
}
