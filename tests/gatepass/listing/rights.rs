//! Lists and revocations for callers with part of the rights.

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::{Host, Running};

const TOKENS: &str = "/api/v1/enrollment-tokens";

async fn key(at: &Running, scopes: &[&str], limits: Value) -> Client {
    let request = json!({ "label": "script", "scopes": scopes, "limits": limits });
    let made = at.admin().post("/api/v1/api-keys", &request).await;
    assert_eq!(made.status, 201, "{}", made.text);
    at.stranger().bearer(made.json["api_key"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_hosts_needs_its_own_permission() {
    let at = Running::start().await;
    let minted = at.mint(json!({})).await;
    let host = Host::new();
    let enrolled = host.redeem(&at, &token_of(&minted)).await;
    let id = minted["token_id"].as_str().unwrap();
    let tokens_only = key(&at, &["tokens:read", "tokens:write"], json!("any")).await;
    let refused = [
        tokens_only.delete(&format!("{TOKENS}/{id}?hosts=revoke")).await,
        tokens_only.post(&format!("{TOKENS}/revoke"), &json!({ "ids": [id], "hosts": "revoke" })).await,
        tokens_only.post("/api/v1/hosts/revoke", &json!({ "all": true, "dry_run": true })).await,
    ];
    for said in refused {
        assert_eq!((said.status, said.code()), (403, "forbidden"), "{}", said.text);
        assert!(said.text.contains("hosts:write"), "{}", said.text);
    }
    assert_eq!(host.client(&at, &enrolled.json).get("/api/v1/whoami").await.status, 200);
    assert_eq!(at.token(id).await["state"], "used");

    let shown = tokens_only.get(&format!("{TOKENS}/{id}")).await;
    assert_eq!((shown.status, &shown.json["newest_hosts"]), (200, &Value::Null), "{}", shown.text);
    let both = key(&at, &["tokens:write", "hosts:write"], json!("any")).await;
    let done = both.delete(&format!("{TOKENS}/{id}?hosts=revoke")).await;
    assert_eq!(done.json["hosts_revoked"], json!(1), "{}", done.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_need_the_permission_to_read() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "label": "secret project" })).await;
    let host = Host::new().redeem(&at, &token_of(&minted)).await;
    let writes = key(&at, &["tokens:write", "hosts:write"], json!("any")).await;
    for (path, id, filter, scope) in [
        (format!("{TOKENS}/revoke"), &minted["token_id"], json!({ "label": "s" }), "tokens:read"),
        ("/api/v1/hosts/revoke".to_owned(), &host.json["host_id"], json!({ "role": "a" }), "hosts:read"),
    ] {
        for which in [json!({ "filter": filter }), json!({ "all": true })] {
            for how in [("dry_run", json!(true)), ("expect", json!("any"))] {
                let mut body = which.clone();
                body[how.0] = how.1;
                let said = writes.post(&path, &body).await;
                assert_eq!((said.status, said.code()), (403, "forbidden"), "{body}: {}", said.text);
                assert!(said.text.contains(scope), "{}", said.text);
            }
        }
        let counted = writes.post(&path, &json!({ "ids": [id], "dry_run": true })).await;
        assert_eq!((counted.status, &counted.json["count"]), (200, &json!(1)), "{}", counted.text);
        assert_eq!(writes.post(&path, &json!({ "ids": [id] })).await.status, 200);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_rotation_beyond_limits_names_each() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "persistent": true, "roles": ["proxy"] })).await;
    let path = format!("{TOKENS}/{}/rotate", minted["token_id"].as_str().unwrap());
    let least = key(&at, &["tokens:write"], json!({})).await;
    let before = at.ledger().await.len();
    let said = least.post(&path, &json!({})).await;
    assert_eq!((said.status, said.code()), (403, "beyond_limits"), "{}", said.text);
    let named = said.json["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap());
    let named: Vec<_> = named.collect();
    for limit in ["persistent", "max_uses"] {
        assert!(named.contains(&limit), "{named:?}");
    }
    assert!(named.iter().any(|field| field.starts_with("roles")), "{named:?}");
    assert_eq!(at.ledger().await.len(), before);
    assert_eq!(at.token(minted["token_id"].as_str().unwrap()).await["replaced_by"], Value::Null);

    let key = key(&at, &["tokens:write"], json!("any")).await;
    assert_eq!(key.post(&path, &json!({})).await.status, 201);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_ends_in_the_rotators_name() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "max_uses": 3 })).await;
    let made = json!({ "label": "script", "scopes": ["tokens:write"], "limits": "any" });
    let made = at.admin().post("/api/v1/api-keys", &made).await.json;
    let key = at.stranger().bearer(made["api_key"].as_str().unwrap());
    let path = format!("{TOKENS}/{}/rotate", minted["token_id"].as_str().unwrap());
    assert_eq!(key.post(&path, &json!({ "overlap": "5m" })).await.status, 201);
    at.clock.advance(std::time::Duration::from_secs(300));
    at.authority.upkeep.due.revoke().await.unwrap();
    let newest = at.ledger().await.remove(0);
    assert_eq!(newest["action"], "token_revoked");
    assert_eq!(newest["actor"], json!(format!("api_key:{}", made["id"].as_str().unwrap())));
    let query = format!("{TOKENS}?minter=api_key:{}", made["id"].as_str().unwrap());
    assert_eq!(at.admin().get(&query).await.json["items"].as_array().unwrap().len(), 1);
    at.stop().await;
}
