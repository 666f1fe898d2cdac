//! Malformed rules and examples that do not hold.

use serde_json::{Value, json};

use super::*;
use crate::support::database;

/// The invalid fields of a refused request.
fn fields(said: &Said) -> Vec<&str> {
    assert_eq!((said.status, said.code()), (400, "invalid_request"), "{}", said.text);
    said.json["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_rule_is_refused_by_field() {
    let at = Running::start().await;
    let made = create(&at, json!({})).await;
    for (wrong, expected) in [
        (json!({ "cluster_id": "" }), "cluster_id"),
        (json!({ "cluster_id": "eu 1" }), "cluster_id"),
        (json!({ "cluster_id": "**" }), "cluster_id"),
        (json!({ "cluster_id": null }), "cluster_id"),
        (json!({ "allowed_roles": ["root"] }), "allowed_roles[0]"),
        (json!({ "allowed_roles": "proxy" }), "allowed_roles"),
        (json!({ "max_nodes": 0 }), "max_nodes"),
        (json!({ "max_nodes": -1 }), "max_nodes"),
        (json!({ "max_nodes": 4_294_967_296_u64 }), "max_nodes"),
        (json!({ "max_nodes": "50" }), "max_nodes"),
        (json!({ "addresses": ["10.0.0.1/8"] }), "addresses[0]"),
        (json!({ "addresses": ["10.0.0.0/8", "node.example.org"] }), "addresses[1]"),
        (json!({ "addresses": vec!["10.0.0.0/8"; 65] }), "addresses"),
        (json!({ "names": ["*"] }), "names[0]"),
        (json!({ "names": ["*.org"] }), "names[0]"),
        (json!({ "examples": [[null, ["proxy"], null, null, true]] }), "examples[0]"),
        (json!({ "examples": [{ "roles": ["proxy"] }] }), "examples[0]"),
        (json!({ "examples": [{ "admitted": true, "address": "10.0.0.0/8" }] }), "examples[0].address"),
        (json!({ "examples": [{ "admitted": true, "colour": "red" }] }), "examples[0].colour"),
        (json!({ "colour": "red" }), "colour"),
        (json!({ "admitted": 7 }), "admitted"),
    ] {
        assert_eq!(fields(&at.admin().post(RULES, &rule(&wrong)).await), [expected], "{wrong}");
        assert_eq!(fields(&at.admin().patch(&at_id(&made), &wrong).await), [expected], "{wrong}");
    }
    assert_eq!(listed(&at).await, [made]);
    assert_eq!((at.entries("rule_created").await, at.entries("rule_changed").await), (1, 0));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_dry_run_is_refused_by_field() {
    let at = Running::start().await;
    for (wrong, expected) in [
        (json!({ "cluster": "*" }), "cluster"),
        (json!({ "roles": ["root"] }), "roles[0]"),
        (json!({ "address": "10.0.0.0/8" }), "address"),
        (json!({ "name": "*.example.org" }), "name"),
        (json!({ "host": "x" }), "host"),
    ] {
        assert_eq!(fields(&at.admin().post(&format!("{RULES}/test"), &wrong).await), [expected], "{wrong}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_example_that_does_not_hold_is_named() {
    let at = Running::start().await;
    let examples = json!([
        { "cluster": "eu-1", "roles": ["proxy"], "address": "10.1.2.3", "admitted": true },
        { "cluster": "eu-2", "roles": ["proxy"], "address": "10.1.2.3", "admitted": true },
        { "cluster": "eu-1", "roles": ["director"], "address": "10.1.2.3", "admitted": false },
        { "cluster": "eu-1", "roles": [], "address": "10.1.2.3", "admitted": false },
    ]);
    let terms = json!({ "cluster_id": "eu-1", "label": "eu", "allowed_roles": ["proxy"], "addresses": ["10.1.0.0/16"], "max_nodes": 1 });
    let mut wrong = terms.clone();
    wrong["examples"] = examples.clone();
    let said = at.admin().post(RULES, &rule(&wrong)).await;
    assert_eq!(fields(&said), ["examples[1]", "examples[3]"]);
    let message = |place: usize| said.json["fields"][place]["message"].as_str().unwrap().to_owned();
    assert_eq!(
        message(0),
        "the rule does not admit cluster=eu-2,role=proxy,address=10.1.2.3: the rule is for cluster eu-1, and the token is bound to cluster eu-2"
    );
    assert_eq!(message(1), "the rule admits cluster=eu-1,address=10.1.2.3");
    assert_eq!(listed(&at).await, Vec::<Value>::new());

    let mut right = terms;
    right["examples"] = json!([examples[0], examples[2]]);
    let made = create(&at, right.clone()).await;
    let stored = json!({ "cluster": "eu-1", "roles": ["proxy"], "address": "10.1.2.3", "name": null, "admitted": true });
    assert_eq!(made["examples"][0], stored);
    // Each change is checked against the examples that stay.
    let said = at.admin().patch(&at_id(&made), &json!({ "addresses": ["10.2.0.0/16"] })).await;
    assert_eq!(fields(&said), ["examples[0]"]);
    let both = json!({ "addresses": ["10.2.0.0/16"], "examples": [] });
    assert_eq!(at.admin().patch(&at_id(&made), &both).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rule_too_many_is_refused() {
    let at = Running::start().await;
    let last = create(&at, json!({})).await;
    let copies = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
                  INSERT INTO rules SELECT unhex(format('0190a0b0c0d07abc8def%012x', i)), NULL, 'copy', '[]', NULL, '[]', '[]', \
                  '[]', 1, 'system', 1, NULL FROM n";
    database::execute(at.data_dir(), copies);
    let said = at.admin().post(RULES, &rule(&json!({}))).await;
    assert_eq!((said.status, said.code()), (409, "too_many_rules"), "{}", said.text);
    assert_eq!(at.admin().delete(&at_id(&last)).await.status, 200);
    assert_eq!(test(&at, json!({})).await["others"].as_array().unwrap().len(), 998);
    create(&at, json!({})).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_rule_is_not_found() {
    let at = Running::start().await;
    let path = format!("{RULES}/0198c0de-c1c2-7d3e-8f40-5162738495a6");
    for said in [
        at.admin().get(&path).await,
        at.admin().patch(&path, &json!({ "max_nodes": 3 })).await,
        at.admin().delete(&path).await,
    ] {
        assert_eq!((said.status, said.code()), (404, "not_found"), "{}", said.text);
    }
    at.stop().await;
}
