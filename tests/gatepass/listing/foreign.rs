//! Revoking within limits: one's own tokens, tokens within the limits, and a token that is presented.

use serde_json::{Value, json};

use crate::support::authority::{AUDIENCE, token_of};
use crate::support::client::Client;
use crate::support::{Host, Running, Said};

const TOKENS: &str = "/api/v1/enrollment-tokens";
const SERVICE: &str = "/api/v1/service-tokens";
const HOSTS: &str = "/api/v1/hosts";
const ECE: &str = "/api/v1/platform/configuration/security/enrollment-tokens";
const PASSWORD: &str = "staple battery horse correct";

async fn start() -> Running {
    Running::start_with(&[("tokens.audiences", AUDIENCE)]).await
}

/// An API key of the operator `ops`, with the least limits, and its owner.
async fn least(at: &Running) -> (Client, Client) {
    at.user("ops", PASSWORD, "operator").await;
    let owner = at.stranger().basic("ops", PASSWORD);
    let scopes = ["tokens:write", "tokens:read", "hosts:write", "hosts:read"];
    let key = at.api_key(&owner, json!({ "scopes": scopes })).await;
    (at.stranger().bearer(key["api_key"].as_str().unwrap()), owner)
}

fn path(minted: &Value) -> String {
    format!("{TOKENS}/{}", minted["token_id"].as_str().unwrap())
}

fn is_beyond(said: &Said, limits: &[&str]) {
    assert_eq!((said.status, said.code()), (403, "beyond_limits"), "{}", said.text);
    let fields = said.json["fields"].as_array().unwrap();
    let named = fields.iter().map(|field| field["field"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(named, limits);
}

async fn present(client: &Client, token: &str, more: &str) -> Said {
    client.post_form("/oauth2/revoke", format!("token={token}{more}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_limited_key_revokes_within_its_limits() {
    let at = start().await;
    let (key, owner) = least(&at).await;
    let foreign = at.mint(json!({ "roles": ["proxy"], "persistent": true, "max_uses": 5 })).await;
    is_beyond(&key.delete(&path(&foreign)).await, &["roles", "max_ttl", "max_uses", "persistent"]);
    let service = at.mint_service(json!({ "roles": ["proxy"] })).await;
    let service = format!("{SERVICE}/{}", service["token_id"].as_str().unwrap());
    is_beyond(&key.delete(&service).await, &["roles", "max_uses"]);
    let ece = key.delete(&format!("{ECE}/{}", foreign["token_id"].as_str().unwrap())).await;
    assert!(ece.status == 403 && ece.text.contains("proxy given by the token"), "{}", ece.text);
    assert_eq!(at.entries("token_revoked").await, 0);

    let own = key.post(TOKENS, &json!({})).await;
    let of_owner = owner.post(TOKENS, &json!({ "roles": ["proxy"], "persistent": true })).await;
    let within = at.mint(json!({ "ttl": "30m" })).await;
    for minted in [&own.json, &of_owner.json, &within] {
        let said = key.delete(&path(minted)).await;
        assert_eq!((said.status, &said.json["changed"]), (200, &json!(true)), "{}", said.text);
    }
    assert_eq!(at.admin().delete(&path(&foreign)).await.status, 200, "a caller without limits");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_bulk_revocation_stays_within_limits() {
    let at = start().await;
    let (key, _) = least(&at).await;
    let foreign = at.mint(json!({ "roles": ["proxy"] })).await;
    let within = at.mint(json!({})).await;
    let ids = json!({ "ids": [within["token_id"], foreign["token_id"]] });
    let together = format!("{TOKENS}/revoke");
    for more in [json!({}), json!({ "dry_run": true })] {
        let mut body = ids.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        is_beyond(&key.post(&together, &body).await, &["roles"]);
    }
    assert_eq!(at.entries("token_revoked").await, 0);
    let counted = key.post(&together, &json!({ "all": true, "dry_run": true })).await;
    assert_eq!(counted.json["count"], json!(1), "{}", counted.text);
    let done = key.post(&together, &json!({ "all": true, "expect": counted.json["selection"] })).await;
    assert_eq!(done.json["revoked"], json!(1), "{}", done.text);
    assert_eq!(at.token(foreign["token_id"].as_str().unwrap()).await["state"], "pending");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bearer_of_a_token_revokes_it() {
    let at = start().await;
    let (key, _) = least(&at).await;
    let foreign = at.mint(json!({ "roles": ["proxy"], "max_uses": 5 })).await;
    let forged = format!("{}AAAA", &token_of(&foreign)[..token_of(&foreign).len() - 4]);
    assert_eq!(present(&key, &forged, "").await.status, 200, "an unknown token");
    assert_eq!(at.token(foreign["token_id"].as_str().unwrap()).await["state"], "active");
    assert_eq!(present(&key, &token_of(&foreign), "").await.status, 200);
    assert_eq!(at.token(foreign["token_id"].as_str().unwrap()).await["state"], "revoked");
    let persistent = at.mint(json!({ "roles": ["proxy"], "persistent": true })).await;
    let text = token_of(&persistent);
    let forged = key.delete(&format!("{ECE}/{}AAAA", &text[..text.len() - 4])).await;
    assert_eq!(forged.status, 403, "the id alone does not suffice: {}", forged.text);
    assert_eq!(key.delete(&format!("{ECE}/{text}")).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_admin_revokes_the_emergency_token() {
    let at = start().await;
    at.user("ops", PASSWORD, "operator").await;
    let ops = at.stranger().basic("ops", PASSWORD);
    let text = at.emergency_token.clone().unwrap();
    let listed = at.admin().get(&format!("{TOKENS}?minter=system&label=emergency*")).await;
    let id = listed.json["items"][0]["id"].as_str().unwrap().to_owned();
    let refusals = [
        ops.delete(&format!("{TOKENS}/{id}?confirm=emergency")).await,
        ops.delete(&format!("{ECE}/{id}?confirm=emergency")).await,
        ops.delete(&format!("{ECE}/{text}?confirm=emergency")).await,
        ops.post(&format!("{TOKENS}/revoke"), &json!({ "ids": [id] })).await,
        present(&ops, &text, "&confirm=emergency").await,
    ];
    for refused in refusals {
        assert_eq!(refused.status, 403, "{}", refused.text);
        assert!(refused.text.contains("admin"), "{}", refused.text);
    }
    assert_eq!(at.token(&id).await["state"], "active");
    assert_eq!(at.admin().delete(&format!("{TOKENS}/{id}")).await.code(), "emergency_token");
    assert_eq!(present(&at.admin(), &text, "&confirm=emergency").await.status, 200);
    assert_eq!(at.token(&id).await["state"], "revoked");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_limited_key_revokes_hosts_within_its_limits() {
    let at = start().await;
    let (key, owner) = least(&at).await;
    let enroll = async |token: String| {
        let enrolled = Host::new().redeem(&at, &token).await;
        assert_eq!(enrolled.status, 200, "{}", enrolled.text);
        enrolled.json["host_id"].as_str().unwrap().to_owned()
    };
    let foreign = enroll(token_of(&at.mint(json!({ "roles": ["proxy"] })).await)).await;
    is_beyond(&key.delete(&format!("{HOSTS}/{foreign}")).await, &["roles"]);
    is_beyond(&key.post(&format!("{HOSTS}/revoke"), &json!({ "ids": [foreign] })).await, &["roles"]);
    let counted = key.post(&format!("{HOSTS}/revoke"), &json!({ "all": true, "dry_run": true })).await;
    assert_eq!(counted.json["count"], json!(0), "{}", counted.text);
    let of_owner = owner.post(TOKENS, &json!({ "roles": ["proxy"] })).await.json;
    let (within, own) = (at.mint(json!({})).await, enroll(token_of(&of_owner)).await);
    let host = enroll(token_of(&within)).await;
    let raised = at.admin().patch(&format!("{HOSTS}/{host}"), &json!({ "roles": ["proxy"] })).await;
    assert_eq!(raised.status, 200);
    is_beyond(&key.delete(&format!("{}?hosts=revoke", path(&within))).await, &["roles"]);
    assert_eq!(at.entries("host_revoked").await, 0);
    assert_eq!(key.delete(&format!("{HOSTS}/{own}")).await.status, 200);
    let lowered = at.admin().patch(&format!("{HOSTS}/{host}"), &json!({ "roles": [] })).await;
    assert_eq!(lowered.status, 200);
    assert_eq!(key.delete(&format!("{HOSTS}/{host}")).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_taking_roles_away_stays_within_limits() {
    let at = start().await;
    let (key, _) = least(&at).await;
    let enrolled = Host::new().redeem(&at, &token_of(&at.mint(json!({ "roles": ["proxy"] })).await)).await;
    let host = format!("{HOSTS}/{}", enrolled.json["host_id"].as_str().unwrap());
    is_beyond(&key.patch(&host, &json!({ "roles": [], "now": true })).await, &["roles"]);
    assert_eq!(at.admin().get(&host).await.json["roles"], json!(["proxy"]));
    let proxies = json!({ "scopes": ["hosts:write"], "limits": { "roles": ["proxy", "director"] } });
    let proxies = at.api_key(&at.admin(), proxies).await;
    let proxies = at.stranger().bearer(proxies["api_key"].as_str().unwrap());
    assert_eq!(proxies.patch(&host, &json!({ "roles": ["director"] })).await.status, 200);
    at.stop().await;
}
