//! Tokens of policies.

use super::*;
use crate::support::authority::token_of;

const TOKENS: &str = "/api/v1/enrollment-tokens";

/// The promise: "When you … create a new policy, Fleet creates an enrollment token for you automatically." "You can use the token as many times as needed. It will remain valid until you revoke it."
#[tokio::test(flavor = "multi_thread")]
async fn a_new_policy_has_a_token_that_stays_valid() {
    let at = Running::start().await;
    let edge = create(&at, "edge", json!({ "roles": ["proxy", "director"] })).await;
    let first = &edge["first_token"];
    let facts = ["label", "kind", "persistent", "expires_at", "max_uses", "roles", "policy"];
    let facts: Value = facts.into_iter().map(|fact| (fact.to_owned(), first[fact].clone())).collect();
    let expected = json!({
        "label": "Default", "kind": "policy", "persistent": true, "expires_at": null, "max_uses": null,
        "roles": ["proxy", "director"], "policy": edge["id"],
    });
    assert_eq!(facts, expected);
    assert!(first["install_command"].as_str().unwrap().contains("gatepass enroll"));
    at.clock.advance(Duration::from_secs(86_400 * 10));
    for _ in 0..3 {
        let said = Host::new().redeem(&at, first["token"].as_str().unwrap()).await;
        assert_eq!((said.status, &said.json["roles"]), (200, &json!(["proxy", "director"])), "{}", said.text);
    }
    let shown = at.admin().get(&format!("{TOKENS}/{}", first["token_id"].as_str().unwrap())).await.json;
    assert_eq!(
        (&shown["policy"], &shown["used"], &shown["minter"]),
        (&edge["id"], &json!(3), &json!("user:admin"))
    );
    at.stop().await;
}

/// "To create an enrollment token: …" "Name your token and select an agent policy."
/// "Create enrollment tokens and use them to enroll Elastic Agents in specific policies."
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_minted_for_a_policy() {
    let at = Running::start().await;
    let edge = create(&at, "edge", json!({ "roles": ["proxy", "director"] })).await;
    let minted = at.mint(json!({ "policy": edge["id"], "label": "rack 7", "persistent": true })).await;
    assert_eq!((&minted["kind"], &minted["policy"]), (&json!("policy"), &edge["id"]));
    assert_eq!(minted["roles"], json!(["proxy", "director"]), "those of the policy");
    let some = at.mint(json!({ "policy": edge["id"], "roles": ["proxy"] })).await;
    assert_eq!((&some["kind"], &some["roles"]), (&json!("one-time"), &json!(["proxy"])));
    let none = at.mint(json!({ "policy": edge["id"], "roles": [] })).await;
    assert_eq!(none["roles"], json!([]));
    let many = at.admin().post(TOKENS, &json!({ "policy": edge["id"], "count": 2 })).await;
    assert_eq!(many.text.matches(edge["id"].as_str().unwrap()).count(), 2, "{}", many.text);
    let list = async |query: &str| at.admin().get(&format!("{TOKENS}?{query}")).await.json["items"].clone();
    let of_edge = list(&format!("policy={}", edge["id"].as_str().unwrap())).await;
    assert_eq!(of_edge.as_array().unwrap().len(), 6, "with the first token");
    assert!(of_edge.as_array().unwrap().iter().all(|token| token["policy"] == edge["id"]));
    let core = create(&at, "core", json!({})).await;
    assert_eq!(list(&format!("policy={}", core["id"].as_str().unwrap())).await.as_array().unwrap().len(), 1);
    let wrong = at.admin().get(&format!("{TOKENS}?policy=edge")).await;
    assert_eq!(fields(&wrong), ["policy"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_gives_no_role_outside_its_policy() {
    let at = Running::start().await;
    let edge = create(&at, "edge", json!({ "roles": ["proxy"] })).await;
    let mint = async |body: Value| at.admin().post(TOKENS, &body).await;
    let said = mint(json!({ "policy": edge["id"], "roles": ["proxy", "director"] })).await;
    assert_eq!(fields(&said), ["roles[1]"]);
    assert!(said.text.contains("its roles are: proxy"), "{}", said.text);
    for unknown in ["0198c0de-e2e3-7f50-8162-738495a6b7c8", "edge", ""] {
        assert_eq!(fields(&mint(json!({ "policy": unknown })).await), ["policy"], "{unknown}");
    }
    // A policy that loses a role mints it no longer.
    assert_eq!(at.admin().patch(&at_id(&edge), &json!({ "roles": [] })).await.status, 200);
    assert_eq!(fields(&mint(json!({ "policy": edge["id"], "roles": ["proxy"] })).await), ["roles[0]"]);
    assert_eq!(mint(json!({ "policy": edge["id"] })).await.json["roles"], json!([]));
    assert_eq!(at.admin().delete(&at_id(&edge)).await.status, 200);
    assert_eq!(fields(&mint(json!({ "policy": edge["id"] })).await), ["policy"]);
    at.stop().await;
}

/// "Revoking an enrollment token essentially invalidates the API key used by agents to communicate with Fleet Server."
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_policy_revokes_its_live_tokens() {
    let at = Running::start().await;
    let edge = create(&at, "edge", json!({ "roles": ["proxy"] })).await;
    let more = at.mint(json!({ "policy": edge["id"], "persistent": true })).await;
    let once = at.mint(json!({ "policy": edge["id"] })).await;
    let other = at.mint(json!({ "roles": ["proxy"] })).await;
    assert_eq!(Host::new().redeem(&at, once["token"].as_str().unwrap()).await.status, 200);
    database::execute(at.data_dir(), "UPDATE hosts SET policy = NULL");
    let said = at.admin().delete(&at_id(&edge)).await;
    assert_eq!(said.json, json!({ "id": edge["id"], "tokens_revoked": 2 }));
    for token in [&edge["first_token"], &more] {
        let refused = Host::new().redeem(&at, token["token"].as_str().unwrap()).await;
        assert_eq!((refused.status, refused.code()), (410, "token_revoked"), "{}", refused.text);
    }
    assert_eq!(Host::new().redeem(&at, other["token"].as_str().unwrap()).await.status, 200);
    assert_eq!(at.entries("token_revoked").await, 2);
    at.stop().await;
}

/// The first batch of the revocations fails, and no timer has run: the deletion itself ends the tokens.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_ends_tokens_before_their_revocation() {
    let at = Running::start().await;
    let edge = create(&at, "edge", json!({ "roles": ["proxy"] })).await;
    let many = at.mint(json!({ "policy": edge["id"], "ttl": "1h", "max_uses": 5 })).await;
    let tokens = [
        token_of(&edge["first_token"]),
        token_of(&many),
        token_of(&at.mint(json!({ "policy": edge["id"] })).await),
    ];
    let verified = async || {
        let said = at.admin().post("/api/v1/verify", &json!({ "tokens": tokens })).await;
        let results = said.json["results"].as_array().cloned().unwrap_or_default();
        results.iter().map(|result| (result["valid"] == true, result["reason"].clone())).collect::<Vec<_>>()
    };
    let introspected = async |token: &str| {
        let form = format!("token={token}&audience={}/enroll", at.url);
        at.admin().post_form("/oauth2/introspect", form).await.json["active"].clone()
    };
    assert_eq!(verified().await, vec![(true, Value::Null); 3]);
    let held =
        "CREATE TRIGGER held BEFORE UPDATE OF revoked_at ON mints BEGIN SELECT RAISE(ABORT, 'held'); END";
    database::execute(at.data_dir(), held);
    let said = at.admin().delete(&at_id(&edge)).await;
    assert_eq!((said.status, &said.json["tokens_revoked"]), (200, &json!(3)), "{}", said.text);
    assert_eq!(verified().await, vec![(false, json!("token_revoked")); 3]);
    for token in &tokens {
        assert_eq!(introspected(token).await, false);
        let refused = Host::new().redeem(&at, token).await;
        assert_eq!((refused.status, refused.code()), (410, "token_revoked"), "{}", refused.text);
    }
    assert_eq!(at.entries("token_revoked").await, 0, "none is revoked yet");
    database::execute(at.data_dir(), "DROP TRIGGER held");
    at.authority.upkeep.due.revoke().await.unwrap();
    assert_eq!(at.entries("token_revoked").await, 3);
    at.stop().await;
}
