//! I5 and bad input: a bulk mint is judged as a whole before a token is minted.

use gatepass::access::Actor;
use gatepass::service::Caller;
use gatepass::service::tokens::mint::first_roles_order;
use serde_json::{Value, json};

use super::{TOKENS, bulk};
use crate::support::Running;
use crate::support::authority::PASSWORD;
use crate::support::client::Client;

async fn limited(at: &Running, name: &str, limits: Value) -> Client {
    let user = json!({ "username": name, "password": PASSWORD, "role": "operator", "limits": limits });
    assert_eq!(at.admin().post("/api/v1/users", &user).await.status, 201);
    at.stranger().basic(name, PASSWORD)
}

/// FLEETS 1, Bulk: `count × max_uses` must be within the caller's `max_uses`. A missing limit is the least.
#[tokio::test(flavor = "multi_thread")]
async fn i5_count_times_uses_stays_within_limits() {
    let at = Running::start().await;
    let least = limited(&at, "least", json!({})).await;
    let twenty = limited(&at, "twenty", json!({ "max_uses": 20 })).await;
    let before = at.entries("token_created").await;
    for (client, count, uses) in [
        (&least, 2, json!(1)),
        (&least, 1, json!(2)),
        (&twenty, 7, json!(3)),
        (&twenty, 21, json!(1)),
        (&twenty, 10_000, json!(4_294_967_295_u32)),
        (&twenty, 1, Value::Null),
    ] {
        let said = client.post(TOKENS, &json!({ "count": count, "max_uses": uses })).await;
        assert_eq!((said.status, said.code()), (403, "beyond_limits"), "{count} {uses}: {}", said.text);
        assert_eq!(said.json["fields"][0]["field"], "max_uses");
        assert_eq!(said.json["fields"].as_array().unwrap().len(), 1, "{}", said.text);
    }
    let said = twenty.post(TOKENS, &json!({ "count": 7, "max_uses": 3, "persistent": true })).await;
    let fields = said.json["fields"].as_array().unwrap().iter().map(|field| field["field"].clone());
    assert_eq!(fields.collect::<Vec<_>>(), ["max_ttl", "max_uses", "persistent"]);
    assert_eq!(at.entries("token_created").await, before, "nothing was minted");
    for (client, count, uses) in [(&least, 1, 1), (&twenty, 10, 2), (&twenty, 20, 1)] {
        let (lines, _) = bulk(client, json!({ "count": count, "max_uses": uses })).await;
        assert_eq!(lines.len(), count);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_count_is_400_and_named() {
    let at = Running::start().await;
    let before = at.entries("token_created").await;
    let key = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    for (request, field) in [
        (json!({ "count": 0 }), "count"),
        (json!({ "count": -1 }), "count"),
        (json!({ "count": 10_001 }), "count"),
        (json!({ "count": "9" }), "count"),
        (json!({ "count": 2, "key_thumbprint": key }), "key_thumbprint"),
        (json!({ "count": 2, "max_uses": 0 }), "max_uses"),
    ] {
        let said = at.admin().post(TOKENS, &request).await;
        assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!(field)), "{request}");
    }
    let both = at.admin().post(TOKENS, &json!({ "count": 0, "roles": ["elf"] })).await;
    assert_eq!(both.json["fields"].as_array().unwrap().len(), 2, "{}", both.text);
    assert_eq!(at.entries("token_created").await, before);
    at.stop().await;
}

/// FLEETS 1, Bulk: one bulk mint per caller and two in all run at a time.
#[tokio::test(flavor = "multi_thread")]
async fn i10_two_bulk_mints_run_at_a_time() {
    let at = Running::start().await;
    at.user("anna", PASSWORD, "operator").await;
    let anna = at.stranger().basic("anna", PASSWORD);
    // A bulk mint runs as long as its value lives.
    let run = |user: &str| {
        let caller = Caller { actor: Actor::User(user.to_owned()), ..Caller::SYSTEM };
        at.authority.minting.bulk(&caller, first_roles_order(), 2, None).unwrap()
    };
    let (first, second) = (run("admin"), run("ben"));
    let refused = at.admin().post(TOKENS, &json!({ "count": 2 })).await;
    assert_eq!((refused.status, refused.code()), (429, "too_many_requests"), "{}", refused.text);
    assert!(
        refused.headers.contains_key("retry-after") && refused.text.contains("of yours"),
        "{}",
        refused.text
    );
    let refused = anna.post(TOKENS, &json!({ "count": 2 })).await;
    assert_eq!((refused.status, refused.code()), (429, "too_many_requests"));
    assert!(refused.text.contains("2 bulk mints run"), "{}", refused.text);
    assert_eq!(anna.post(TOKENS, &json!({})).await.status, 201, "a single mint needs no turn");
    drop(second);
    bulk(&anna, json!({ "count": 2 })).await;
    bulk(&anna, json!({ "count": 2 })).await;
    drop(first);
    bulk(&at.admin(), json!({ "count": 2 })).await;
    at.stop().await;
}
