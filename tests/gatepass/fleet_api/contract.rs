//! The answers to the letter.

use std::time::Duration;

use serde_json::json;

use super::*;

/// The time of a test's clock with milliseconds, as Kibana writes it.
fn millis(at: &Running) -> String {
    at.clock_reading().to_string().replace('Z', ".000Z")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_the_members_of_kibana_in_order() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &["proxy"]).await;
    let said = kibana(at.admin()).post(KEYS, &json!({ "policy_id": policy, "name": "rack" })).await;
    let item = said.json["item"].clone();
    let (id, api_key) = (text(&item, "id"), text(&item, "api_key"));
    let expected = format!(
        r#"{{"id":"{id}","api_key_id":"{id}","api_key":"{api_key}","active":true,"policy_id":"{policy}","name":"rack ({id})","created_at":"{}","hidden":false}}"#,
        millis(&at)
    );
    assert_eq!((said.status, said.text), (200, format!(r#"{{"item":{expected},"action":"created"}}"#)));
    let shown = at.admin().get(&format!("{KEYS}/{id}")).await;
    assert_eq!((shown.status, shown.text), (200, format!(r#"{{"item":{expected}}}"#)));
    assert_eq!(shown.headers["content-type"], "application/json");
    assert_eq!(shown.headers["cache-control"], "no-store");
    let listed = at.admin().get(&format!("{KEYS}?kuery=name:rack")).await;
    let page = format!(r#"{{"items":[{expected}],"list":[{expected}],"total":1,"page":1,"perPage":20}}"#);
    assert_eq!(listed.text, page);
    assert_eq!(listed.headers["cache-control"], "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_is_base64_of_id_and_secret() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    let (id, secret) = pair(text(&item, "api_key"));
    assert_eq!((id.as_str(), secret.len()), (text(&item, "id"), 22));
    assert_eq!(item["name"], item["id"], "without a name, the id alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expiration_makes_expire_at() {
    let at = Running::start().await;
    let began = at.clock_reading();
    let policy = policy(&at, "edge", &[]).await;
    for (expiration, seconds) in
        [("7d", 604_800), ("36h", 129_600), ("90m", 5400), ("30s", 30), ("3650d", 315_360_000)]
    {
        let item = created(&at, json!({ "policy_id": policy, "expiration": expiration })).await;
        let end = began.plus(Duration::from_secs(seconds)).to_string().replace('Z', ".000Z");
        assert_eq!(item["expire_at"], json!(end), "{expiration}");
        let native = at.token(text(&item, "id")).await;
        assert_eq!(
            (&native["persistent"], &native["max_uses"], &native["kind"]),
            (&json!(true), &json!(null), &json!("policy"))
        );
    }
    for wrong in ["0d", "3651d", "7", "d", "1w", "-1d", "1.5h", ""] {
        let refused =
            kibana(at.admin()).post(KEYS, &json!({ "policy_id": policy, "expiration": wrong })).await;
        assert_eq!((refused.status, &refused.json["error"]), (400, &json!("Bad Request")), "{wrong}");
    }
}

/// "You can use the Fleet API to get a list of enrollment tokens."
#[tokio::test(flavor = "multi_thread")]
async fn pages_are_newest_first_and_end_empty() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    for name in ["a", "b", "c"] {
        at.clock.advance(Duration::from_millis(2));
        created(&at, json!({ "policy_id": policy, "name": name })).await;
    }
    let admin = at.admin();
    let page = |query: &'static str| listed(&admin, query);
    assert_eq!(names(&page("").await), ["c", "b", "a", "Default"]);
    assert_eq!(names(&page("?page=2&perPage=3").await), ["Default"]);
    let past = page("?page=3&perPage=3").await;
    assert_eq!(past, json!({ "items": [], "list": [], "total": 4, "page": 3, "perPage": 3 }));
    for wrong in ["?page=0", "?perPage=0", "?page=x", "?perPage=10001"] {
        assert_eq!(admin.get(&format!("{KEYS}{wrong}")).await.status, 400, "{wrong}");
    }
    assert_eq!(page("?sortField=name&showInactive=true").await["total"], 4, "unknown parameters are ignored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kuery_selects_by_its_fields() {
    let at = Running::start().await;
    let (one, other) = (policy(&at, "one", &[]).await, policy(&at, "other", &[]).await);
    at.clock.advance(Duration::from_millis(2));
    let gone = created(&at, json!({ "policy_id": one, "name": "gone" })).await;
    at.clock.advance(Duration::from_millis(2));
    let kept = created(&at, json!({ "policy_id": one, "name": "a b" })).await;
    delete(&at, text(&gone, "id"), "").await;
    let (admin, id) = (at.admin(), text(&kept, "id"));
    for (kuery, expected) in [
        (format!("policy_id:{one}"), &["a b", "gone", "Default"][..]),
        (format!("policy_id:{other}"), &["Default"]),
        (format!("active:true and policy_id:{one}"), &["a b", "Default"]),
        (format!("active: true AND policy_id: \"{one}\""), &["a b", "Default"]),
        (String::from("active:false"), &["gone"]),
        (String::from("name:\"a b\""), &["a b"]),
        (format!("name:\"a b ({id})\""), &["a b"]),
        (format!("api_key_id:{id}"), &["a b"]),
        (format!("api_key_id:{id} and active:false"), &[]),
        (String::from("policy_id:unknown"), &[]),
    ] {
        let query = format!("?kuery={}", kuery.replace(' ', "%20").replace('"', "%22"));
        let page = listed(&admin, &query).await;
        assert_eq!(names(&page), expected, "{kuery}");
        assert_eq!(page["total"], expected.len(), "{kuery}");
    }
    for unknown in ["hidden:true", "active:maybe", "name:a*", "active:true%20or%20active:false", "x"] {
        let refused = admin.get(&format!("{KEYS}?kuery={unknown}")).await;
        assert_eq!((refused.status, &refused.json["statusCode"]), (400, &json!(400)), "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_and_space_is_the_same_list() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    for prefix in ["", "/s/default", "/s/other-space"] {
        for spelling in ["enrollment_api_keys", "enrollment-api-keys"] {
            let base = format!("{prefix}/api/fleet/{spelling}");
            let made = kibana(at.admin()).post(&base, &json!({ "policy_id": policy })).await;
            assert_eq!(made.status, 200, "{base}: {}", made.text);
            let id = text(&made.json["item"], "id");
            assert_eq!(at.admin().get(&format!("{base}/{id}")).await.json["item"], made.json["item"]);
            assert!(at.admin().get(&base).await.text.contains(id));
            let deleted = kibana(at.admin()).delete(&format!("{base}/{id}")).await;
            assert_eq!((deleted.status, deleted.text.as_str()), (200, r#"{"action":"deleted"}"#));
        }
        let status = at.stranger().get(&format!("{prefix}/api/status")).await;
        assert_eq!(status.text, STATUS);
    }
}

const STATUS: &str =
    r#"{"name":"gatepass","version":{"number":"9.2.0"},"status":{"overall":{"level":"available"}}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_policys_roles_are_those_of_its_tokens() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &["proxy", "director"]).await;
    let item = created(&at, json!({ "policy_id": policy, "name": "rack", "roles": ["allocator"] })).await;
    let enrolled = redeem(&at, &Host::new(), text(&item, "api_key")).await;
    assert_eq!((enrolled.status, &enrolled.json["roles"]), (200, &json!(["proxy", "director"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_persistent_token_with_a_policy_is_listed() {
    let at = Running::start().await;
    at.mint(json!({ "persistent": true })).await;
    at.mint(json!({})).await;
    assert_eq!(listed(&at.admin(), "").await["total"], 0);
    policy(&at, "edge", &[]).await;
    let page = listed(&at.admin(), "").await;
    assert_eq!(names(&page), ["Default"]);
    let native = at.token(&pair(text(&page["items"][0], "api_key")).0).await;
    assert_eq!((&native["label"], &native["kind"]), (&json!("Default"), &json!("policy")));
    let foreign = at.mint(json!({ "persistent": true })).await;
    let said = at.admin().get(&format!("{KEYS}/{}", text(&foreign, "token_id"))).await;
    assert_eq!(said.status, 404, "it has no api_key");
}
