//! Malformed policies, schemas that do not compile, and settings that do not fit.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_policy_is_refused_by_field() {
    let at = Running::start().await;
    let made = create(&at, "made", json!({})).await;
    let many: serde_json::Map<_, _> = (0..33).map(|number| (format!("n{number}"), json!("x"))).collect();
    for (wrong, expected) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x".repeat(129) }), "name"),
        (json!({ "name": null }), "name"),
        (json!({ "description": "x".repeat(1025) }), "description"),
        (json!({ "certificate_lifetime": "59s" }), "certificate_lifetime"),
        (json!({ "certificate_lifetime": "826d" }), "certificate_lifetime"),
        (json!({ "certificate_lifetime": "a year" }), "certificate_lifetime"),
        (json!({ "renew_at": 0.2 }), "renew_at"),
        (json!({ "renew_at": 0.91 }), "renew_at"),
        (json!({ "renew_at": "0.5" }), "renew_at"),
        (json!({ "roles": ["root"] }), "roles[0]"),
        (json!({ "approval": "on" }), "approval"),
        (json!({ "labels": { "a b": "x" } }), "labels.a b"),
        (json!({ "labels": many }), "labels"),
        (json!({ "labels": ["x"] }), "labels"),
        (json!({ "ephemeral_hosts": 1 }), "ephemeral_hosts"),
        (json!({ "api_key_credential": "yes" }), "api_key_credential"),
        (json!({ "ephemeral_hosts": true, "certificate_lifetime": "1d" }), "certificate_lifetime"),
        (json!({ "settings": [1] }), "settings"),
        (json!({ "settings": null }), "settings"),
        (json!({ "schema": true }), "schema"),
        (json!({ "audiences": ["https://other.example.org"] }), "audiences[0]"),
        (json!({ "colour": "red" }), "colour"),
        (json!({ "revision": 7 }), "revision"),
    ] {
        assert_eq!(fields(&at.admin().post(POLICIES, &policy("edge", &wrong)).await), [expected], "{wrong}");
        assert_eq!(fields(&at.admin().patch(&at_id(&made), &wrong).await), [expected], "{wrong}");
    }
    let wrong = json!({
        "name": "", "renew_at": 2, "roles": ["root"], "approval": "on", "labels": { "a b": "x" }, "colour": "red",
        "audiences": ["urn:x"],
    });
    let expected = ["colour", "name", "renew_at", "roles[0]", "approval", "labels.a b", "audiences[0]"];
    for said in [at.admin().post(POLICIES, &wrong).await, at.admin().patch(&at_id(&made), &wrong).await] {
        assert_eq!(fields(&said), expected);
    }
    let wrong =
        json!({ "ephemeral_hosts": true, "certificate_lifetime": "1d", "schema": { "type": "colour" } });
    let said = at.admin().patch(&at_id(&made), &wrong).await;
    assert_eq!(fields(&said), ["certificate_lifetime", "schema.type"]);
    assert_eq!(at.admin().get(POLICIES).await.json["items"], json!([shown(&made)]));
    assert_eq!((at.entries("policy_created").await, at.entries("policy_changed").await), (1, 0));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_do_not_fit_are_refused_by_field() {
    let at = Running::start().await;
    let schema = json!({
        "type": "object", "additionalProperties": false,
        "properties": { "level": { "enum": ["info", "debug"] }, "ports": { "items": { "type": "integer" } } },
    });
    let wrong = json!({ "schema": schema, "settings": { "level": "loud", "ports": [80, "x"] } });
    let said = at.admin().post(POLICIES, &policy("edge", &wrong)).await;
    assert_eq!(fields(&said), ["settings.level", "settings.ports[1]"]);
    assert!(!said.text.contains("loud"), "values are not repeated: {}", said.text);
    let edge = create(&at, "edge", json!({ "schema": schema, "settings": { "level": "info" } })).await;
    // A change is judged with the part that it leaves.
    let said = at.admin().patch(&at_id(&edge), &json!({ "settings": { "level": 5 } })).await;
    assert_eq!(fields(&said), ["settings.level"]);
    let strict = json!({ "schema": { "required": ["ports"] } });
    assert_eq!(fields(&at.admin().patch(&at_id(&edge), &strict).await), ["settings"]);
    let said = at.admin().patch(&at_id(&edge), &json!({ "schema": null, "settings": { "level": 5 } })).await;
    assert_eq!((said.status, &said.json["settings"]["level"]), (200, &json!(5)), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_does_not_compile_is_refused() {
    let at = Running::start().await;
    for (schema, expected) in [
        (json!({ "type": "colour" }), "schema.type"),
        (json!({ "properties": { "a": { "pattern": "(" } } }), "schema"),
        (json!({ "$ref": "https://example.org/schema.json" }), "schema"),
        (json!({ "$ref": "#" }), "schema"),
        (json!({ "$schema": "http://json-schema.org/draft-04/schema#" }), "schema.$schema"),
    ] {
        let said = at.admin().post(POLICIES, &policy("edge", &json!({ "schema": schema }))).await;
        assert_eq!(fields(&said), [expected], "{schema}");
    }
    assert_eq!(at.entries("policy_created").await, 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_of_a_policy_is_bounded() {
    let at = Running::start().await;
    let settings = json!({ "text": "x".repeat(32 * 1024 - r#"{"text":""}"#.len()) });
    let schema = json!({ "description": "x".repeat(32 * 1024 - r#"{"description":""}"#.len()) });
    create(&at, "edge", json!({ "settings": settings, "schema": schema })).await;
    let long = json!({ "settings": { "text": "x".repeat(32 * 1024) } });
    assert_eq!(fields(&at.admin().post(POLICIES, &policy("more", &long)).await), ["settings"]);
    let said = at.admin().post(POLICIES, &json!({ "name": "x".repeat(128 * 1024) })).await;
    assert_eq!((said.status, said.code()), (413, "body_too_large"), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_policy_is_not_found() {
    let at = Running::start().await;
    let path = format!("{POLICIES}/0198c0de-e2e3-7f50-8162-738495a6b7c8");
    let admin = at.admin();
    for said in [
        admin.get(&path).await,
        admin.patch(&path, &json!({ "description": "x" })).await,
        admin.delete(&path).await,
        admin.get(&format!("{path}/revisions")).await,
        admin.post(&format!("{path}/revisions/1/restore"), &json!({})).await,
        admin.get(&format!("{POLICIES}/edge")).await,
    ] {
        assert_eq!((said.status, said.code()), (404, "not_found"), "{}", said.text);
    }
    at.stop().await;
}
