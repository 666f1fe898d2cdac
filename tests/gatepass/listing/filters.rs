//! The items and filters of lists, and the answers to bad filters.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::{Host, Running};

const TOKENS: &str = "/api/v1/enrollment-tokens";

/// The labels of the tokens that this query shows, sorted.
async fn labels(at: &Running, query: &str) -> Vec<String> {
    let said = at.admin().get(&format!("{TOKENS}?{query}")).await;
    assert_eq!(said.status, 200, "{query}: {}", said.text);
    let items = said.json["items"].as_array().unwrap();
    let mut labels: Vec<_> = items.iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect();
    labels.sort();
    labels
}

/// Telovix: "Each token entry shows its status, label, expiry time, creation time, and used time if applicable. The plain token is not
/// shown in listings."
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_never_shows_the_token() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "label": "rack 7", "roles": ["proxy"], "ttl": "15m" })).await;
    let id = minted["token_id"].as_str().unwrap();
    let before = at.token(id).await;
    assert_eq!((&before["last_used_at"], &before["hosts"]), (&Value::Null, &json!(0)));
    at.clock.advance(Duration::from_secs(60));
    let enrolled = Host::new().redeem(&at, &token_of(&minted)).await;
    let said = at.admin().get(&format!("{TOKENS}?label=rack*")).await;
    let item = &said.json["items"][0];
    let used_at = at.clock_reading();
    assert_eq!(item["state"], "used");
    assert_eq!(item["label"], "rack 7");
    assert_eq!(item["last_used_at"], json!(used_at));
    assert_eq!(item["last_used_by"], enrolled.json["host_id"]);
    assert_eq!((&item["last_used_from"], &item["hosts"]), (&json!("127.0.0.1"), &json!(1)));
    for time in ["created_at", "expires_at"] {
        assert!(item[time].is_string(), "{item}");
    }
    assert!(!said.text.contains(&token_of(&minted)) && !said.text.contains("eyJ"));
    let shown = at.token(id).await;
    assert_eq!(shown["newest_hosts"][0]["id"], enrolled.json["host_id"]);
    assert_eq!(shown["newest_hosts"][0]["state"], "active");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_id_finds_tokens_and_hosts() {
    let at = Running::start().await;
    let (one, _) = (at.mint(json!({})).await, at.mint(json!({})).await);
    let host = Host::new().redeem(&at, &token_of(&one)).await.json;
    for (list, id) in [("enrollment-tokens", &one["token_id"]), ("hosts", &host["host_id"])] {
        let short = &id.as_str().unwrap()[28..];
        let said = at.admin().get(&format!("/api/v1/{list}?short_id={short}")).await;
        let items = said.json["items"].as_array().unwrap();
        assert!(items.len() == 1 && items[0]["id"] == *id, "{list}: {}", said.text);
        for wrong in [&short[1..], &short.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A"), "%25"] {
            let said = at.admin().get(&format!("/api/v1/{list}?short_id={wrong}")).await;
            assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("short_id")), "{wrong}");
        }
    }
    let path = format!("/api/v1/hosts/{}", &host["host_id"].as_str().unwrap()[28..]);
    assert_eq!(at.admin().get(&path).await.status, 404, "a path takes whole ids only");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_shows_the_label_of_its_key() {
    let at = Running::start().await;
    let made = at
        .admin()
        .post("/api/v1/api-keys", &json!({ "label": "pipeline", "scopes": ["tokens:write"] }))
        .await;
    let key = at.stranger().bearer(made.json["api_key"].as_str().unwrap());
    let minted = key.post(TOKENS, &json!({})).await;
    let id = minted.json["token_id"].as_str().unwrap();
    assert_eq!(at.token(id).await["minter_label"], "pipeline");
    let listed = at.admin().get(&format!("{TOKENS}?minter={}", made.json["id"].as_str().unwrap())).await;
    assert_eq!(listed.json["items"][0]["minter_label"], "pipeline", "{}", listed.text);
    let path = format!("/api/v1/api-keys/{}", made.json["id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&path).await.status, 200);
    assert_eq!(at.token(id).await["minter_label"], Value::Null, "the key is gone");
    at.stop().await;
}

/// Sielum's states: active, expired, exhausted, revoked.
#[tokio::test(flavor = "multi_thread")]
async fn filters_find_tokens() {
    let at = Running::start().await;
    let mint = async |label: &str, more: Value| {
        let mut request = more;
        request["label"] = json!(label);
        at.mint(request).await
    };
    mint("forgotten", json!({ "persistent": true, "roles": ["director"] })).await;
    at.clock.advance(Duration::from_secs(10 * 86_400));
    let exhausted = mint("exhausted", json!({ "max_uses": 2 })).await;
    for _ in 0..2 {
        Host::new().redeem(&at, &token_of(&exhausted)).await;
    }
    let revoked = mint("revoked", json!({})).await;
    at.admin().delete(&format!("{TOKENS}/{}", revoked["token_id"].as_str().unwrap())).await;
    mint("expired", json!({ "ttl": "1m" })).await;
    at.clock.advance(Duration::from_secs(120));
    mint("pending", json!({ "roles": ["proxy"] })).await;
    mint("active", json!({ "max_uses": null, "roles": ["proxy", "director"] })).await;

    let first = ["emergency token", "first roles token"].map(str::to_owned);
    let with_first = |labels: &[&str]| {
        let mut all: Vec<_> = labels.iter().map(|label| (*label).to_owned()).chain(first.clone()).collect();
        all.sort();
        all
    };
    let all = ["active", "exhausted", "expired", "forgotten", "pending", "revoked"];
    assert_eq!(labels(&at, "").await, with_first(&all));
    for state in ["exhausted", "expired", "pending", "revoked"] {
        assert_eq!(labels(&at, &format!("state={state}")).await, [state]);
    }
    for list in ["state=revoked,expired", "state=revoked%2Cexpired", "state=revoked&state=expired"] {
        assert_eq!(labels(&at, list).await, ["expired", "revoked"], "{list}");
    }
    assert_eq!(labels(&at, "role=proxy&minter=admin").await, ["active", "pending"]);
    assert_eq!(labels(&at, "label=*PIRE*").await, ["expired"]);
    assert_eq!(labels(&at, "label=expired").await, ["expired"]);
    assert!(labels(&at, "label=pire").await.is_empty(), "a name alone is the whole name");
    assert_eq!(labels(&at, "minter=system").await, first);
    assert_eq!(labels(&at, "minter=user:admin").await, all);
    assert_eq!(labels(&at, "persistent=true").await, with_first(&["forgotten"]));
    assert_eq!(labels(&at, "persistent=false&state=active").await, ["active"]);
    assert_eq!(labels(&at, "unused_for=9d&minter=admin").await, ["forgotten"]);
    assert!(labels(&at, "unused_for=11d").await.is_empty());

    at.clock.advance(Duration::from_secs(8 * 86_400));
    assert_eq!(labels(&at, "minter=admin").await, ["forgotten"], "what ended longer ago than retention");
    assert_eq!(labels(&at, "minter=admin&ended=true").await, all);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_found_by_token_role_and_state() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "max_uses": 5, "roles": ["proxy"] })).await;
    let id = minted["token_id"].as_str().unwrap();
    let mut hosts = Vec::new();
    for _ in 0..3 {
        hosts.push(
            Host::new().redeem(&at, &token_of(&minted)).await.json["host_id"].as_str().unwrap().to_owned(),
        );
    }
    Host::new().redeem(&at, &at.mint_once().await).await;
    let admin = at.admin();
    admin.delete(&format!("/api/v1/hosts/{}", hosts[0])).await;
    let count = async |query: &str| {
        let said = admin.get(&format!("/api/v1/hosts?{query}")).await;
        assert_eq!(said.status, 200, "{}", said.text);
        said.json["items"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 4);
    assert_eq!(count(&format!("token={id}")).await, 3);
    assert_eq!(count(&format!("token={id}&state=live")).await, 2);
    assert_eq!(count("state=revoked").await, 1);
    assert_eq!(count("role=proxy").await, 3);
    assert_eq!(count("name=nothing").await, 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_filter_is_400_and_names_the_field() {
    let at = Running::start().await;
    let admin = at.admin();
    for (query, field) in [
        ("state=gone", "state"),
        ("role=No%20Role", "role"),
        ("label=", "label"),
        ("minter=", "minter"),
        ("unused_for=ages", "unused_for"),
        ("persistent=maybe", "persistent"),
        ("colour=red", "colour"),
    ] {
        let said = admin.get(&format!("{TOKENS}?{query}")).await;
        assert_eq!((said.status, said.code()), (400, "invalid_request"), "{query}");
        assert_eq!(said.json["fields"][0]["field"], field, "{query}: {}", said.text);
    }
    for (query, field) in [("token=x", "token"), ("state=pending", "state"), ("minter=admin", "minter")] {
        let said = admin.get(&format!("/api/v1/hosts?{query}")).await;
        assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!(field)), "{query}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_parameter_is_400() {
    let at = Running::start().await;
    for (path, field) in [
        ("/api/v1/enrollment-tokens?label=active&label=expired", "label"),
        ("/api/v1/hosts?limit=1&%6cimit=2", "limit"),
        ("/api/v1/ledger?cursor=a&cursor=b", "cursor"),
    ] {
        let said = at.admin().get(path).await;
        let expected = json!([{ "field": field, "message": "is repeated: send it once" }]);
        assert_eq!((said.status, &said.json["fields"]), (400, &expected), "{path}");
    }
    let id = at.mint(json!({})).await["token_id"].take();
    let path = format!("/api/v1/enrollment-tokens/{}", id.as_str().unwrap());
    assert_eq!(at.admin().delete(&format!("{path}?hosts=revoke&hosts=revoke")).await.status, 400);
    let wrong = at.admin().delete(&format!("{path}?hosts=keep")).await;
    assert_eq!(wrong.json["fields"], json!([{ "field": "hosts", "message": "must be `revoke`" }]));
    let unknown = at.admin().get("/api/v1/ledger?colour=red").await;
    assert_eq!(unknown.json["fields"], json!([{ "field": "colour", "message": "no such field" }]));
    assert_eq!(at.token(id.as_str().unwrap()).await["state"], "pending");
    at.stop().await;
}
