//! Revoking many: only the selection of the dry run is revoked.

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::{Host, Running, Said};

const REVOKE: &str = "/api/v1/enrollment-tokens/revoke";

async fn revoke(at: &Running, body: Value) -> Said {
    at.admin().post(REVOKE, &body).await
}

/// The selection of a dry run of `body`.
async fn selection(at: &Running, body: &Value) -> Value {
    let mut dry_run = body.clone();
    dry_run["dry_run"] = json!(true);
    revoke(at, dry_run).await.json["selection"].take()
}

/// The answer of a dry run without its selection.
fn counted(said: &Said) -> Value {
    let mut counted = said.json.clone();
    let selection = counted.as_object_mut().unwrap().remove("selection").unwrap();
    assert_eq!(selection.as_str().unwrap().len(), 43, "{selection}");
    counted
}

async fn state(at: &Running, minted: &Value) -> Value {
    at.token(minted["token_id"].as_str().unwrap()).await["state"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_count_is_409() {
    let at = Running::start().await;
    let rack = json!({ "label": "rack 7" });
    let (one, two) = (at.mint(rack.clone()).await, at.mint(rack.clone()).await);
    let (spent, other) = (at.mint(rack.clone()).await, at.mint(json!({})).await);
    Host::new().redeem(&at, &token_of(&spent)).await;
    let filter = json!({ "label": "RACK*" });
    let told = revoke(&at, json!({ "filter": filter, "dry_run": true })).await;
    assert_eq!(counted(&told), json!({ "dry_run": true, "count": 2 }));
    assert_eq!(state(&at, &one).await, "pending", "counting changes nothing");

    let third = at.mint(rack).await;
    let changed = revoke(&at, json!({ "filter": filter, "expect": told.json["selection"] })).await;
    assert_eq!((changed.status, changed.code()), (409, "count_changed"));
    assert!(changed.json["detail"].as_str().unwrap().contains('3'), "{}", changed.text);
    assert_eq!(state(&at, &one).await, "pending");

    let before = at.entries("token_revoked").await;
    let selection = selection(&at, &json!({ "filter": filter })).await;
    let done = revoke(&at, json!({ "filter": filter, "expect": selection })).await;
    assert_eq!((done.status, &done.json), (200, &json!({ "dry_run": false, "revoked": 3 })));
    for token in [&one, &two, &third] {
        assert_eq!(state(&at, token).await, "revoked");
    }
    assert_eq!((state(&at, &spent).await, state(&at, &other).await), (json!("used"), json!("pending")));
    assert_eq!(at.entries("token_revoked").await, before + 3, "each has its entry");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_others_are_not_what_was_counted() {
    let at = Running::start().await;
    let rack = json!({ "label": "rack 7" });
    let (one, two) = (at.mint(rack.clone()).await, at.mint(rack.clone()).await);
    let filter = json!({ "label": "rack 7" });
    let counted = revoke(&at, json!({ "filter": filter, "dry_run": true })).await.json;
    at.admin().delete(&format!("/api/v1/enrollment-tokens/{}", two["token_id"].as_str().unwrap())).await;
    let third = at.mint(rack).await;
    let changed = revoke(&at, json!({ "filter": filter, "expect": counted["selection"] })).await;
    assert_eq!((changed.status, changed.code()), (409, "count_changed"), "{}", changed.text);
    assert_eq!((state(&at, &one).await, state(&at, &third).await), (json!("pending"), json!("pending")));

    let again = revoke(&at, json!({ "filter": filter, "dry_run": true })).await.json;
    assert_eq!(again["count"], counted["count"]);
    let done = revoke(&at, json!({ "filter": filter, "expect": again["selection"] })).await;
    assert_eq!((done.status, &done.json["revoked"]), (200, &json!(2)), "{}", done.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_as_expect_is_400_and_names_selection() {
    let at = Running::start().await;
    for expect in [json!(2), json!(true)] {
        let wrong = revoke(&at, json!({ "all": true, "expect": expect })).await;
        let field = &wrong.json["fields"][0];
        assert_eq!((wrong.status, &field["field"]), (400, &json!("expect")));
        assert!(field["message"].as_str().unwrap().contains("`selection`"), "{}", wrong.text);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_means_all_but_the_emergency_token() {
    let at = Running::start().await;
    at.mint(json!({})).await;
    let counted = revoke(&at, json!({ "all": true, "dry_run": true })).await;
    assert_eq!(counted.json["count"], json!(2), "that, and the first roles token");
    let done = revoke(&at, json!({ "all": true, "expect": counted.json["selection"] })).await;
    assert_eq!(done.json["revoked"], json!(2));
    let token = at.emergency_token.clone().unwrap();
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    let listed = at.admin().get("/api/v1/enrollment-tokens?label=emergency*").await;
    let by_id = revoke(&at, json!({ "ids": [listed.json["items"][0]["id"]] })).await;
    assert_eq!((by_id.status, by_id.code()), (409, "emergency_token"));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_in_any_state_are_revoked_with_hosts() {
    let at = Running::start().await;
    let (used, unused) = (at.mint(json!({ "label": "bad" })).await, at.mint(json!({ "label": "bad" })).await);
    let host = Host::new();
    let enrolled = host.redeem(&at, &token_of(&used)).await;
    let body = json!({ "filter": { "label": "bad" }, "hosts": "revoke", "dry_run": true });
    let told = revoke(&at, body).await;
    assert_eq!(counted(&told), json!({ "dry_run": true, "count": 2, "hosts": 1 }));
    let expect = &told.json["selection"];
    let body = json!({ "filter": { "label": "bad" }, "hosts": "revoke", "expect": expect });
    assert_eq!(revoke(&at, body).await.json, json!({ "dry_run": false, "revoked": 1, "hosts_revoked": 1 }));
    assert_eq!(host.client(&at, &enrolled.json).get("/api/v1/whoami").await.code(), "host_revoked");
    assert_eq!(state(&at, &unused).await, "revoked");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ambiguous_selection_is_400() {
    let at = Running::start().await;
    let id = at.mint(json!({})).await["token_id"].take();
    for (body, field) in [
        (json!({}), "filter"),
        (json!({ "filter": {} }), "filter"),
        (json!({ "ids": [id], "filter": { "label": "a" } }), "ids"),
        (json!({ "ids": [id], "all": true }), "all"),
        (json!({ "all": true, "filter": { "label": "a" } }), "all"),
        (json!({ "all": true }), "expect"),
        (json!({ "filter": { "label": "a" } }), "expect"),
        (json!({ "ids": ["x"] }), "ids"),
        (json!({ "filter": { "state": "gone" }, "dry_run": true }), "state"),
        (json!({ "filter": [null, "pending"], "dry_run": true }), "filter"),
        (json!({ "filter": { "colour": "red" }, "dry_run": true }), "filter.colour"),
        (json!({ "ids": [id], "hosts": "keep" }), "hosts"),
        (json!({ "everything": true }), "everything"),
    ] {
        let said = revoke(&at, body.clone()).await;
        assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!(field)), "{body}");
    }
    assert_eq!(state(&at, &json!({ "token_id": id })).await, "pending");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_revoked_by_filter_after_a_count() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "max_uses": 5, "roles": ["proxy"] })).await;
    for _ in 0..3 {
        Host::new().redeem(&at, &token_of(&minted)).await;
    }
    let other = Host::new();
    let enrolled = other.redeem(&at, &at.mint_once().await).await;
    let admin = at.admin();
    let filter = json!({ "token": minted["token_id"] });
    let ask = async |body: Value| admin.post("/api/v1/hosts/revoke", &body).await;
    let told = ask(json!({ "filter": filter, "dry_run": true })).await;
    assert_eq!(counted(&told), json!({ "dry_run": true, "count": 3 }));
    assert_eq!(ask(json!({ "filter": filter, "expect": "others" })).await.code(), "count_changed");
    let done = ask(json!({ "filter": filter, "expect": told.json["selection"] })).await;
    assert_eq!(done.json, json!({ "dry_run": false, "revoked": 3 }));
    assert_eq!(at.entries("host_revoked").await, 3);
    assert_eq!(other.client(&at, &enrolled.json).get("/api/v1/whoami").await.status, 200);
    let by_id = ask(json!({ "ids": [enrolled.json["host_id"], enrolled.json["host_id"]] })).await;
    assert_eq!(by_id.json, json!({ "dry_run": false, "revoked": 1, "unknown": 0 }));
    let gone = ask(json!({ "ids": ["0190a0b0-0000-7000-8000-000000000000"] })).await;
    assert_eq!(gone.json, json!({ "dry_run": false, "revoked": 0, "unknown": 1 }));
    assert_eq!(ask(json!({ "all": true, "dry_run": true })).await.json["count"], json!(0));
    assert_eq!(ask(json!({})).await.status, 400);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_in_a_body_takes_several_states() {
    let at = Running::start().await;
    at.mint(json!({ "label": "pending" })).await;
    let active = at.mint(json!({ "label": "active", "max_uses": 5 })).await;
    Host::new().redeem(&at, &token_of(&active)).await;
    for states in [json!(["pending", "active"]), json!("pending,active")] {
        let filter = json!({ "state": states, "minter": "admin" });
        let told = revoke(&at, json!({ "filter": filter, "dry_run": true })).await;
        assert_eq!(counted(&told), json!({ "dry_run": true, "count": 2 }), "{states}");
    }
    for states in [json!([]), json!(["pending", "gone"]), json!({}), json!([1])] {
        let said = revoke(&at, json!({ "filter": { "state": states }, "dry_run": true })).await;
        assert_eq!(said.status, 400, "{states}");
        let field = said.json["fields"][0]["field"].as_str().unwrap();
        assert!(field.ends_with("state"), "{field}");
    }
    at.stop().await;
}
