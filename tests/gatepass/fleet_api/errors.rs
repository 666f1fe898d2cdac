//! The errors to the letter.

use serde_json::json;

use super::*;
use crate::support::authority::PASSWORD;

const UNKNOWN: &str = "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081";

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_token_is_not_found() {
    let at = Running::start().await;
    for id in [UNKNOWN, "x", "%3Cscript%3E"] {
        let decoded = id.replace("%3C", "<").replace("%3E", ">");
        let expected = format!(
            r#"{{"statusCode":404,"error":"Not Found","message":"EnrollmentAPIKey {decoded} not found"}}"#
        );
        let shown = at.admin().get(&format!("{KEYS}/{id}")).await;
        assert_eq!((shown.status, shown.text), (404, expected.clone()));
        let deleted = delete(&at, id, "").await;
        assert_eq!((deleted.status, deleted.text), (404, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_policy_is_not_found() {
    let at = Running::start().await;
    for id in [UNKNOWN, "fleet-first-agent-policy"] {
        let said = kibana(at.admin()).post(KEYS, &json!({ "policy_id": id })).await;
        let expected = format!(
            r#"{{"statusCode":404,"error":"Not Found","message":"Agent policy \"{id}\" not found"}}"#
        );
        assert_eq!((said.status, said.text), (404, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_use_is_a_conflict() {
    let at = Running::start().await;
    let (one, other) = (policy(&at, "one", &[]).await, policy(&at, "other", &[]).await);
    created(&at, json!({ "policy_id": one, "name": "rack" })).await;
    let said = kibana(at.admin()).post(KEYS, &json!({ "policy_id": one, "name": "rack" })).await;
    let expected = format!(
        r#"{{"statusCode":409,"error":"Conflict","message":"An enrollment key named rack already exists for agent policy {one}"}}"#
    );
    assert_eq!((said.status, said.text), (409, expected));
    created(&at, json!({ "policy_id": other, "name": "rack" })).await;
    for _ in 0..2 {
        created(&at, json!({ "policy_id": one })).await;
        created(&at, json!({ "policy_id": one, "name": "" })).await;
    }
    let said = kibana(at.admin()).post(KEYS, &json!({ "policy_id": one, "name": "Default" })).await;
    assert_eq!(said.status, 409, "the policy's first token has the name");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_for_a_name_has_one_winner() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let (admin, body) = (kibana(at.admin()), json!({ "policy_id": policy, "name": "rack" }));
    let all = futures_util::future::join_all((0..8).map(|_| admin.post(KEYS, &body))).await;
    let mut statuses = all.iter().map(|said| said.status).collect::<Vec<_>>();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_header_of_kibana() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let id = text(&created(&at, json!({ "policy_id": policy })).await, "id").to_owned();
    let token = format!("{KEYS}/{id}");
    let bulk = format!("{KEYS}/_bulk_delete");
    let (one, deletion) = (format!("{POLICIES}/{policy}"), format!("{POLICIES}/delete"));
    let expected =
        r#"{"statusCode":400,"error":"Bad Request","message":"Request must contain a kbn-xsrf header."}"#;
    for (method, path) in [
        (Method::POST, KEYS),
        (Method::DELETE, &token),
        (Method::POST, &bulk),
        (Method::POST, POLICIES),
        (Method::PUT, &one),
        (Method::POST, &deletion),
    ] {
        let body = (method != Method::DELETE).then(|| "{}".to_owned());
        let said = at.admin().send(method.clone(), path, body).await;
        assert_eq!((said.status, said.text.as_str()), (400, expected), "{method} {path}");
    }
    let by_version = at.admin().header(HeaderName::from_static("kbn-version"), "9.2.0");
    assert_eq!(by_version.delete(&token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_is_a_bad_request() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let admin = kibana(at.admin());
    let long = "x".repeat(129);
    for body in [
        String::new(),
        "{".into(),
        "[]".into(),
        "null".into(),
        "{}".into(),
        r#"{"policy_id":7}"#.into(),
        format!(r#"{{"policy_id":"{policy}","name":7}}"#),
        format!(r#"{{"policy_id":"{policy}","name":"{long}"}}"#),
        format!(r#"{{"policy_id":"{policy}","name":"a\u0000b"}}"#),
        format!(r#"{{"policy_id":"{policy}","expiration":7}}"#),
    ] {
        let said = send(&admin, Method::POST, KEYS, &body).await;
        assert_eq!(said.status, 400, "{body}: {}", said.text);
        assert_eq!((&said.json["statusCode"], &said.json["error"]), (&json!(400), &json!("Bad Request")));
        assert_eq!(said.headers["content-type"], "application/json");
    }
    let null = created(&at, json!({ "policy_id": policy, "name": null, "expiration": null, "x": [1] })).await;
    assert_eq!(null["name"], null["id"]);
    let said = delete(&at, text(&null, "id"), "?forceDelete=1").await;
    assert_eq!(said.status, 400, "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_front_answers_in_the_words_of_kibana_too() {
    let at = Running::start().await;
    let said = at.stranger().get(KEYS).await;
    assert_eq!(
        (said.status, &said.json["error"], &said.json["statusCode"]),
        (401, &json!("Unauthorized"), &json!(401))
    );
    at.user("vera", PASSWORD, "viewer").await;
    let said = kibana(at.stranger().basic("vera", PASSWORD)).post(KEYS, &json!({})).await;
    assert_eq!((said.status, &said.json["error"]), (403, &json!("Forbidden")));
    let said = at.admin().get("/s/x/api/fleet/agents/setup").await;
    assert_eq!(
        (said.status, &said.json["error"]),
        (404, &json!("Not Found")),
        "Elastic's agent protocol is not served"
    );
    let said = at.admin().put(KEYS, &json!({})).await;
    assert_eq!((said.status, &said.json["error"]), (405, &json!("Method Not Allowed")));
}
