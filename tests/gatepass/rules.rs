//! Auto-approve rules over HTTP: the promises of Telovix's document, their changes, limits and dry run.

mod bad_input;
mod cli;
mod enrolling;
mod limits;
mod promises;

use std::time::Duration;

use http::header::IF_MATCH;
use serde_json::{Value, json};

use crate::support::{Running, Said};

const RULES: &str = "/api/v1/auto-approve-rules";

/// A rule that admits every host, with other values in place.
fn rule(more: &Value) -> Value {
    let mut rule = json!({ "cluster_id": "*", "label": "every host" });
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    rule
}

fn at_id(rule: &Value) -> String {
    format!("{RULES}/{}", rule["id"].as_str().unwrap())
}

/// Creates a rule as the admin, later than all others; the whole answer.
async fn create(at: &Running, more: Value) -> Value {
    at.clock.advance(Duration::from_secs(1));
    let said = at.admin().post(RULES, &rule(&more)).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json
}

/// The decision of the rules about an enrollment.
async fn test(at: &Running, applicant: Value) -> Value {
    let said = at.admin().post(&format!("{RULES}/test"), &applicant).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

async fn listed(at: &Running) -> Vec<Value> {
    at.admin().get(RULES).await.json["items"].as_array().unwrap().clone()
}

/// The id of the rule that decides, or null.
async fn decides(at: &Running, applicant: Value) -> Value {
    test(at, applicant).await["rule"]["id"].clone()
}

fn etag(said: &Said) -> String {
    said.headers["etag"].to_str().unwrap().to_owned()
}

/// "Human-readable label (max 128 chars)", which Telovix marks as required.
#[tokio::test(flavor = "multi_thread")]
async fn a_label_has_at_most_128_characters() {
    let at = Running::start().await;
    let longest = "é".repeat(128);
    assert_eq!(create(&at, json!({ "label": longest })).await["label"], longest);
    for wrong in ["", " ", &"é".repeat(129), "a\u{202e}b"] {
        let said = at.admin().post(RULES, &rule(&json!({ "label": wrong }))).await;
        assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("label")), "{wrong:?}");
    }
    let said = at.admin().post(RULES, &json!({})).await;
    let fields = said.json["fields"].as_array().unwrap().iter().map(|field| field["field"].clone());
    assert_eq!(fields.collect::<Vec<_>>(), ["cluster_id", "label"], "both are required");
    at.stop().await;
}

/// "Cluster identifier this rule applies to".
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_applies_to_tokens_of_its_cluster() {
    let at = Running::start().await;
    let named = create(&at, json!({ "cluster_id": "ran-zone-a" })).await;
    assert_eq!(decides(&at, json!({ "cluster": "ran-zone-a" })).await, named["id"]);
    assert_eq!(decides(&at, json!({ "cluster": "ran-zone-b" })).await, Value::Null);
    assert_eq!(decides(&at, json!({})).await, Value::Null, "an unbound token");
    let every = create(&at, json!({ "cluster_id": "*" })).await;
    assert_eq!(decides(&at, json!({ "cluster": "ran-zone-a" })).await, named["id"], "the oldest decides");
    assert_eq!(decides(&at, json!({ "cluster": "ran-zone-b" })).await, every["id"]);
    assert_eq!(decides(&at, json!({})).await, every["id"]);
    at.stop().await;
}

/// "Node roles that are auto-approved (empty = all roles)".
#[tokio::test(flavor = "multi_thread")]
async fn empty_allowed_roles_are_all_roles() {
    let at = Running::start().await;
    let some = create(&at, json!({ "allowed_roles": ["proxy", "director"] })).await;
    assert_eq!(decides(&at, json!({ "roles": ["proxy"] })).await, some["id"]);
    assert_eq!(decides(&at, json!({ "roles": [] })).await, some["id"], "no role is another one");
    let decision = test(&at, json!({ "roles": ["proxy", "allocator", "coordinator"] })).await;
    let reasons = json!(["the rule does not allow allocator, coordinator"]);
    assert_eq!((&decision["rule"], &decision["others"][0]["reasons"]), (&Value::Null, &reasons));
    for body in [json!({ "allowed_roles": [] }), json!({})] {
        let all = create(&at, body).await;
        assert_eq!(all["allowed_roles"], json!([]));
        assert_eq!(decides(&at, json!({ "roles": ["allocator", "coordinator"] })).await, all["id"]);
        assert_eq!(at.admin().delete(&at_id(&all)).await.status, 200);
    }
    at.stop().await;
}

/// "Cap on the number of auto-approved nodes for this cluster".
#[tokio::test(flavor = "multi_thread")]
async fn a_cap_is_shown_with_the_admitted_hosts() {
    let at = Running::start().await;
    let capped = create(&at, json!({ "max_nodes": 50 })).await;
    assert_eq!((&capped["max_nodes"], &capped["admitted"]), (&json!(50), &json!(0)));
    let open = create(&at, json!({})).await;
    assert_eq!(open["max_nodes"], Value::Null);
    let said = at.admin().patch(&at_id(&capped), &json!({ "max_nodes": null })).await;
    assert_eq!((said.status, &said.json["max_nodes"]), (200, &Value::Null));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_condition_must_hold() {
    let at = Running::start().await;
    let whole = json!({
        "cluster_id": "eu-1", "label": "eu", "allowed_roles": ["proxy"], "addresses": ["10.1.0.0/16", "2001:db8::/32"],
        "names": ["*.eu.example.org"],
    });
    let eu = create(&at, whole).await;
    let good =
        json!({ "cluster": "eu-1", "roles": ["proxy"], "address": "10.1.2.3", "name": "n1.eu.example.org" });
    for (field, value, admitted) in [
        ("address", json!("10.1.255.255"), true),
        ("address", json!("::ffff:10.1.2.3"), true),
        ("address", json!("2001:db8::7"), true),
        ("name", json!("N2.EU.example.org."), true),
        ("address", json!("10.2.0.1"), false),
        ("address", Value::Null, false),
        ("name", json!("a.n1.eu.example.org"), false),
        ("name", Value::Null, false),
        ("roles", json!(["proxy", "director"]), false),
        ("cluster", json!("eu-2"), false),
    ] {
        let mut applicant = good.clone();
        applicant[field] = value;
        let decision = test(&at, applicant.clone()).await;
        assert_eq!(decision["rule"]["id"] == eu["id"], admitted, "{applicant}: {decision}");
        let reasons =
            decision["others"].as_array().unwrap().iter().map(|other| other["reasons"].as_array().unwrap());
        assert_eq!(reasons.map(Vec::len).sum::<usize>(), usize::from(!admitted), "{decision}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_shown_changed_and_deleted() {
    let at = Running::start().await;
    let made = create(&at, json!({ "label": "rack 7", "addresses": ["10.0.0.0/8"] })).await;
    assert_eq!((&made["created_by"], &made["addresses"]), (&json!("user:admin"), &json!(["10.0.0.0/8"])));
    let shown = at.admin().get(&at_id(&made)).await;
    assert_eq!((&shown.json, etag(&shown)), (&made, "\"1\"".to_owned()));
    let changed = at.admin().patch(&at_id(&made), &json!({ "label": "rack 8", "max_nodes": 3 })).await;
    let mut expected = made.clone();
    (expected["label"], expected["max_nodes"]) = (json!("rack 8"), json!(3));
    assert_eq!((&changed.json, etag(&changed)), (&expected, "\"2\"".to_owned()));
    let same = at.admin().patch(&at_id(&made), &json!({ "label": "rack 8" })).await;
    assert_eq!((same.status, etag(&same)), (200, "\"2\"".to_owned()));
    let at = at.restart().await;
    assert_eq!(listed(&at).await, [expected]);
    assert_eq!(
        decides(&at, json!({ "address": "10.0.0.1" })).await,
        made["id"],
        "rules are loaded at a start"
    );
    let gone = at.admin().delete(&at_id(&made)).await;
    assert_eq!((gone.status, gone.json), (200, json!({ "id": made["id"] })));
    assert_eq!(at.admin().delete(&at_id(&made)).await.status, 404);
    assert_eq!(decides(&at, json!({ "address": "10.0.0.1" })).await, Value::Null);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_has_one_entry_with_the_terms() {
    let at = Running::start().await;
    let made = create(&at, json!({ "label": "rack 7" })).await;
    at.admin().patch(&at_id(&made), &json!({ "max_nodes": 3 })).await;
    at.admin().patch(&at_id(&made), &json!({ "max_nodes": 3 })).await;
    test(&at, json!({})).await;
    at.admin().delete(&at_id(&made)).await;
    let ledger = at.ledger().await;
    let entries = ledger.iter().filter(|entry| entry["action"].as_str().unwrap().starts_with("rule_"));
    let entries = entries.collect::<Vec<_>>();
    let actions = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(actions, ["rule_deleted", "rule_changed", "rule_created"]);
    for entry in &entries {
        assert_eq!((&entry["detail"]["rule"], &entry["actor"]), (&made["id"], &json!("user:admin")));
    }
    let changed = &entries[1]["detail"];
    assert_eq!(changed["rule_terms_before"]["max_nodes"], Value::Null);
    assert_eq!((&changed["rule_terms"]["max_nodes"], &changed["label"]), (&json!(3), &json!("rack 7")));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outdated_tag_changes_nothing() {
    let at = Running::start().await;
    let made = create(&at, json!({})).await;
    let admin = |tag: &str| at.admin().header(IF_MATCH, tag);
    for stale in ["\"2\"", "\"1\", \"2\"", "W/\"1\"", "1"] {
        for said in [
            admin(stale).patch(&at_id(&made), &json!({ "max_nodes": 3 })).await,
            admin(stale).delete(&at_id(&made)).await,
        ] {
            assert_eq!((said.status, said.code()), (412, "stale"), "{stale}: {}", said.text);
        }
    }
    let changed = admin("\"1\"").patch(&at_id(&made), &json!({ "max_nodes": 3 })).await;
    assert_eq!((changed.status, etag(&changed)), (200, "\"2\"".to_owned()));
    assert_eq!(admin("*").patch(&at_id(&made), &json!({ "max_nodes": 4 })).await.status, 200);
    assert_eq!(admin("\"3\"").delete(&at_id(&made)).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_once_are_all_kept() {
    let at = Running::start().await;
    let made = create(&at, json!({})).await;
    let admin = at.admin();
    let set = |body: Value| {
        let (admin, path) = (&admin, at_id(&made));
        async move { admin.patch(&path, &body).await.status }
    };
    let (one, other, label) = tokio::join!(
        set(json!({ "max_nodes": 3 })),
        set(json!({ "addresses": ["10.0.0.0/8"] })),
        set(json!({ "label": "rack 7" })),
    );
    assert_eq!((one, other, label), (200, 200, 200));
    let rule = &listed(&at).await[0];
    assert_eq!((&rule["max_nodes"], &rule["addresses"]), (&json!(3), &json!(["10.0.0.0/8"])));
    assert_eq!(rule["label"], "rack 7");
    assert_eq!(at.entries("rule_changed").await, 3);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_listed_in_the_order_of_decision() {
    let at = Running::start().await;
    let mut made = Vec::new();
    for number in 0..3 {
        made.push(create(&at, json!({ "label": format!("rack {number}") })).await);
    }
    assert_eq!(listed(&at).await, made);
    let first = at.admin().get(&format!("{RULES}?limit=2")).await.json;
    assert_eq!(first["items"], json!(made[..2]));
    let cursor = first["next"].as_str().unwrap();
    let rest = at.admin().get(&format!("{RULES}?limit=2&cursor={cursor}")).await.json;
    assert_eq!((&rest["items"], &rest["next"]), (&json!(made[2..]), &Value::Null));
    let decision = test(&at, json!({})).await;
    assert_eq!(decision["rule"], json!({ "id": made[0]["id"], "label": "rack 0" }));
    let older = json!([format!("rule {} is older, and decides", made[0]["id"].as_str().unwrap())]);
    for (other, rule) in decision["others"].as_array().unwrap().iter().zip(&made[1..]) {
        assert_eq!((&other["id"], &other["reasons"]), (&rule["id"], &older));
    }
    at.stop().await;
}
