//! The callers that may decide, about one host and about many.

use serde_json::{Value, json};

use super::{decide, listed, requiring, waiting};
use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::{Host, Running};

/// "An approver with small limits cannot approve beyond them."
#[tokio::test(flavor = "multi_thread")]
async fn an_approver_stays_within_its_limits() {
    let at = Running::start().await;
    let limits = json!({ "roles": ["proxy"], "dns_names": [], "clusters": ["eu-1"], "max_uses": 10 });
    let request = json!({ "label": "approver", "scopes": ["hosts:read", "hosts:write"], "limits": limits });
    let key = at.api_key(&at.admin(), request).await["api_key"].as_str().unwrap().to_owned();
    let small = at.stranger().bearer(&key);
    let token = json!({ "persistent": true, "max_uses": null, "roles": ["proxy"], "approval": "require" });
    let token = token_of(&at.mint(token).await);
    let enroll = async |cluster: &str| {
        let said = Host::new().redeem_with(&at, &token, json!({ "cluster": cluster })).await;
        format!("/api/v1/enrollments/{}", said.json["enrollment_id"].as_str().unwrap())
    };
    let (own, foreign) = (enroll("eu-1").await, enroll("us-1").await);
    for (path, body, field) in [
        (format!("{foreign}/approve"), json!({}), "clusters"),
        (format!("{foreign}/deny"), json!({}), "clusters"),
        (format!("{own}/approve"), json!({ "roles": ["proxy", "director"] }), "roles"),
    ] {
        let said = small.post(&path, &body).await;
        assert_eq!((said.status, said.code()), (403, "beyond_limits"), "{path}: {}", said.text);
        assert!(said.json["fields"].to_string().contains(field), "{}", said.text);
    }
    assert_eq!(small.post(&format!("{own}/approve"), &json!({})).await.status, 200);
    let reader = json!({ "label": "reader", "scopes": ["hosts:read"] });
    let reader = at.api_key(&at.admin(), reader).await["api_key"].as_str().unwrap().to_owned();
    let reader = at.stranger().bearer(&reader);
    assert_eq!(reader.get("/api/v1/enrollments").await.status, 200);
    assert_eq!(reader.post(&format!("{foreign}/approve"), &json!({})).await.status, 403);
    at.stop().await;
}

/// "`hosts.four_eyes` (off): who minted a token may not approve its hosts."
#[tokio::test(flavor = "multi_thread")]
async fn the_minter_does_not_approve_under_four_eyes() {
    let at = Running::start_with(&[("hosts.four_eyes", "true")]).await;
    at.user("anna", "staple battery horse", "operator").await;
    let token = requiring(&at, Value::Null).await;
    let (_, id) = waiting(&at, &token).await;
    let said = decide(&at, &id, "approve", json!({})).await;
    assert_eq!((said.status, said.code()), (403, "four_eyes"), "{}", said.text);
    let anna = at.stranger().basic("anna", "staple battery horse");
    let approved = anna.post(&format!("/api/v1/enrollments/{id}/approve"), &json!({})).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    let (_, id) = waiting(&at, &token).await;
    assert_eq!(decide(&at, &id, "deny", json!({})).await.status, 200, "a denial needs no second person");
    at.stop().await;
}

/// An API key is its owner's: of a person's session and keys, none approves hosts of a token that another one minted.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_one_owner_are_one_pair_of_eyes() {
    const PASSWORD: &str = "staple battery horse";
    let at = Running::start_with(&[("hosts.four_eyes", "true")]).await;
    for name in ["anna", "ben"] {
        at.user(name, PASSWORD, "operator").await;
    }
    let [anna, ben] = ["anna", "ben"].map(|name| at.stranger().basic(name, PASSWORD));
    let key_of = async |owner: &Client| {
        let scopes = ["tokens:write", "hosts:read", "hosts:write"];
        let made = at.api_key(owner, json!({ "label": "ci", "scopes": scopes, "limits": "any" })).await;
        at.stranger().bearer(made["api_key"].as_str().unwrap())
    };
    let (first, second, of_ben) = (key_of(&anna).await, key_of(&anna).await, key_of(&ben).await);
    for minter in [&anna, &first] {
        let order = json!({ "max_uses": 2, "approval": "require" });
        let minted = minter.post("/api/v1/enrollment-tokens", &order).await;
        assert_eq!(minted.status, 201, "{}", minted.text);
        let token = token_of(&minted.json);
        for other in [&ben, &of_ben] {
            let path = format!("/api/v1/enrollments/{}/approve", waiting(&at, &token).await.1);
            for own in [&anna, &first, &second] {
                let said = own.post(&path, &json!({})).await;
                assert_eq!((said.status, said.code()), (403, "four_eyes"), "{}", said.text);
            }
            let approved = other.post(&path, &json!({})).await;
            assert_eq!(approved.status, 200, "{}", approved.text);
        }
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_decided_each_for_itself() {
    let at = Running::start().await;
    let token = requiring(&at, Value::Null).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(waiting(&at, &token).await.1);
    }
    decide(&at, &ids[3], "deny", json!({})).await;
    let unknown = "0198c0de-d1d2-7e4f-9051-62738495a6b7".to_owned();
    let all = [ids.clone(), vec![unknown]].concat();
    let said =
        at.admin().post("/api/v1/enrollments/decide", &json!({ "ids": all, "decision": "approve" })).await;
    assert_eq!((said.status, &said.json["changed"]), (200, &json!(3)), "{}", said.text);
    let codes: Vec<_> =
        said.json["enrollments"].as_array().unwrap().iter().map(|one| one["code"].clone()).collect();
    let none = Value::Null;
    assert_eq!(codes, [none.clone(), none.clone(), none, json!("already_decided"), json!("not_found")]);
    assert!(listed(&at, "").await.is_empty());
    for wrong in [
        json!({ "ids": ids, "decision": "maybe" }),
        json!({ "ids": ids, "decision": "approve", "reason": "ours" }),
        json!({ "ids": vec![ids[0].clone(); 1001], "decision": "approve" }),
        json!({ "ids": ids, "decision": "deny", "reason": "x".repeat(257) }),
    ] {
        let said = at.admin().post("/api/v1/enrollments/decide", &wrong).await;
        assert_eq!(said.status, 400, "{}", said.text);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_filtered() {
    let at = Running::start().await;
    let token = requiring(&at, Value::Null).await;
    let (_, id) = waiting(&at, &token).await;
    let named = Host::new().redeem_with(&at, &token, json!({ "cluster": "eu-1" })).await;
    assert_eq!(named.status, 202);
    assert_eq!(listed(&at, "").await.len(), 2);
    assert_eq!(listed(&at, "?cluster=eu-1").await.len(), 1);
    assert_eq!(listed(&at, "?role=proxy").await.len(), 2);
    assert!(listed(&at, "?role=director").await.is_empty());
    let item = listed(&at, &format!("?short_id={}", &id[id.len() - 8..])).await;
    assert_eq!(item[0]["id"], json!(id));
    let token_id = item[0]["token_id"].as_str().unwrap();
    assert_eq!(listed(&at, &format!("?token={token_id}&state=waiting,denied")).await.len(), 2);
    for wrong in ["?state=pending", "?token=x", "?cluster=%20", "?short_id=1", "?colour=red"] {
        let said = at.admin().get(&format!("/api/v1/enrollments{wrong}")).await;
        assert_eq!(said.status, 400, "{wrong}: {}", said.text);
    }
    assert_eq!(at.admin().get(&format!("/api/v1/enrollments/{id}")).await.json["id"], json!(id));
    at.stop().await;
}
