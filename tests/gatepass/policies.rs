//! Policies over HTTP: the promises of Elastic's document, their revisions, limits and deletion.

mod bad_input;
mod cli;
mod limits;
mod tokens;

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use gatepass::access::Rights;
use gatepass::id::PolicyId;
use gatepass::name::Label;
use gatepass::service::Caller;
use gatepass::service::policies::PolicyEdit;
use http::header::IF_MATCH;
use serde_json::{Value, json};

use crate::support::authority::AUDIENCE;
use crate::support::{Host, Running, Said, database};

const POLICIES: &str = "/api/v1/policies";

fn at_id(policy: &Value) -> String {
    format!("{POLICIES}/{}", policy["id"].as_str().unwrap())
}

fn etag(said: &Said) -> String {
    said.headers["etag"].to_str().unwrap().to_owned()
}

/// A policy with this name, with other values in place.
fn policy(name: &str, more: &Value) -> Value {
    let mut policy = json!({ "name": name });
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    policy
}

/// Creates a policy as the admin, later than all others; the whole answer.
async fn create(at: &Running, name: &str, more: Value) -> Value {
    at.clock.advance(Duration::from_secs(1));
    let said = at.admin().post(POLICIES, &policy(name, &more)).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json
}

/// The policy of an answer to its creation, as it is shown.
fn shown(created: &Value) -> Value {
    let mut shown = created.clone();
    shown.as_object_mut().unwrap().remove("first_token");
    shown
}

/// The invalid fields of a refused request.
fn fields(said: &Said) -> Vec<&str> {
    assert_eq!((said.status, said.code()), (400, "invalid_request"), "{}", said.text);
    said.json["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect()
}

/// Gives every host the policy.
fn give_every_host(at: &Running, policy: &Value) {
    let id = policy["id"].as_str().unwrap().replace('-', "");
    database::execute(at.data_dir(), &format!("UPDATE hosts SET policy = x'{id}'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_shown_and_listed_as_created() {
    let at = Running::start().await;
    let terms = json!({
        "description": "proxies at the edge", "certificate_lifetime": "14d", "renew_at": 0.5, "roles": ["proxy"],
        "approval": "warn", "labels": { "site": "eu-1" }, "ephemeral_hosts": false, "api_key_credential": true,
        "settings": { "log": { "level": "info" } }, "schema": { "type": "object" }, "audiences": [],
    });
    let edge = create(&at, "edge", terms.clone()).await;
    for (name, value) in terms.as_object().unwrap() {
        assert_eq!(edge[name], *value, "{name}");
    }
    assert_eq!((&edge["revision"], &edge["hosts"]), (&json!(1), &json!(0)));
    assert_eq!((&edge["created_by"], &edge["updated_by"]), (&json!("user:admin"), &json!("user:admin")));
    let plain = create(&at, "plain", json!({ "first_token": false })).await;
    let defaults = json!({
        "description": "", "certificate_lifetime": null, "renew_at": 0.67, "roles": [], "approval": "off", "labels": {},
        "ephemeral_hosts": false, "api_key_credential": false, "settings": {}, "schema": null, "audiences": [],
    });
    for (name, value) in defaults.as_object().unwrap() {
        assert_eq!(plain[name], *value, "{name}");
    }
    let said = at.admin().get(&at_id(&edge)).await;
    assert_eq!((etag(&said), &said.json), (String::from("\"1\""), &shown(&edge)));
    let list = at.admin().get(POLICIES).await.json;
    assert_eq!(list["items"], json!([shown(&edge), shown(&plain)]));
    let page = at.admin().get(&format!("{POLICIES}?limit=1")).await.json;
    let next = at.admin().get(&format!("{POLICIES}?limit=1&cursor={}", page["next"].as_str().unwrap())).await;
    assert_eq!((&page["items"][0], &next.json["items"][0]), (&list["items"][0], &list["items"][1]));
    assert_eq!(at.entries("policy_created").await, 2);
    at.stop().await;
}

/// "Note that the token name you specify must be unique", and so is the name of the policy that it is for.
#[tokio::test(flavor = "multi_thread")]
async fn a_policys_name_is_unique() {
    let at = Running::start().await;
    let edge = create(&at, "edge", json!({})).await;
    let core = create(&at, "core", json!({})).await;
    let said = at.admin().post(POLICIES, &policy("edge", &json!({}))).await;
    assert_eq!((said.status, said.code()), (409, "policy_exists"), "{}", said.text);
    let said = at.admin().patch(&at_id(&core), &json!({ "name": "edge" })).await;
    assert_eq!((said.status, said.code()), (409, "policy_exists"), "{}", said.text);
    assert_eq!(at.admin().delete(&at_id(&edge)).await.status, 200);
    let said = at.admin().patch(&at_id(&core), &json!({ "name": "edge" })).await;
    assert_eq!((said.status, &said.json["name"]), (200, &json!("edge")));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_revision_that_was_read() {
    let at = Running::start().await;
    let edge = create(&at, "edge", json!({})).await;
    let path = at_id(&edge);
    let said = at.admin().header(IF_MATCH, "\"1\"").patch(&path, &json!({ "description": "first" })).await;
    assert_eq!((said.status, etag(&said)), (200, String::from("\"2\"")), "{}", said.text);
    let stale = at.admin().header(IF_MATCH, "\"1\"").patch(&path, &json!({ "description": "second" })).await;
    assert_eq!((stale.status, stale.code()), (412, "stale"), "{}", stale.text);
    let stale = at.admin().header(IF_MATCH, "\"1\"").delete(&path).await;
    assert_eq!((stale.status, stale.code()), (412, "stale"), "{}", stale.text);
    let stale =
        at.admin().header(IF_MATCH, "\"1\"").post(&format!("{path}/revisions/1/restore"), &json!({})).await;
    assert_eq!((stale.status, stale.code()), (412, "stale"), "{}", stale.text);
    let said = at.admin().get(&path).await;
    assert_eq!((&said.json["description"], &said.json["revision"]), (&json!("first"), &json!(2)));
    // The same values are no change.
    let said = at.admin().patch(&path, &json!({ "description": "first" })).await;
    assert_eq!((said.status, &said.json["revision"]), (200, &json!(2)));
    assert_eq!(at.entries("policy_changed").await, 1);
    assert_eq!(at.admin().header(IF_MATCH, "*").delete(&path).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_revision_is_restored_as_a_new_one() {
    let at = Running::start().await;
    let edge = create(&at, "edge", json!({ "settings": { "level": "info" } })).await;
    let path = at_id(&edge);
    for level in ["debug", "trace"] {
        let said = at.admin().patch(&path, &json!({ "settings": { "level": level } })).await;
        assert_eq!(said.status, 200, "{}", said.text);
    }
    let revisions = at.admin().get(&format!("{path}/revisions")).await.json;
    let levels = revisions["items"].as_array().unwrap().iter().map(|one| one["settings"]["level"].clone());
    assert_eq!(levels.collect::<Vec<_>>(), ["trace", "debug", "info"]);
    let restored = at.admin().post(&format!("{path}/revisions/1/restore"), &json!({})).await;
    assert_eq!((restored.status, etag(&restored)), (200, String::from("\"4\"")), "{}", restored.text);
    assert_eq!(restored.json["settings"], json!({ "level": "info" }));
    for unknown in ["5", "0", "x"] {
        let said = at.admin().post(&format!("{path}/revisions/{unknown}/restore"), &json!({})).await;
        assert_eq!((said.status, said.code()), (404, "not_found"), "{unknown}: {}", said.text);
    }
    assert_eq!(at.entries("policy_changed").await, 3);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_revision_has_known_roles_and_audiences() {
    let at = Running::start_with(&[("tokens.audiences", AUDIENCE)]).await;
    let edge = create(&at, "edge", json!({ "roles": ["proxy"], "audiences": [AUDIENCE] })).await;
    let path = at_id(&edge);
    let said = at.admin().patch(&path, &json!({ "roles": [], "audiences": [] })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    // The catalogue loses a role, and the configuration its audience.
    let at = at.restart().await;
    database::execute(at.data_dir(), r#"UPDATE policy_revisions SET roles = '["gone"]' WHERE revision = 1"#);
    let said = at.admin().post(&format!("{path}/revisions/1/restore"), &json!({})).await;
    assert_eq!(fields(&said), ["roles[0]", "audiences[0]"]);
    assert_eq!(at.admin().get(&path).await.json["revision"], 2);
    assert_eq!(at.entries("policy_changed").await, 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_hosts_have_stays() {
    let at = Running::start().await;
    let edge = create(&at, "edge", json!({})).await;
    let token = edge["first_token"]["token"].as_str().unwrap();
    let [one, two] = [Host::new(), Host::new()];
    let first = one.redeem(&at, token).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let second = two.redeem(&at, token).await;
    give_every_host(&at, &edge);
    assert_eq!(at.admin().get(&at_id(&edge)).await.json["hosts"], 2);
    for (host, left) in [(&first, "2 hosts"), (&second, "1 host")] {
        let said = at.admin().delete(&at_id(&edge)).await;
        assert_eq!((said.status, said.code()), (409, "policy_in_use"), "{}", said.text);
        assert!(said.json["detail"].as_str().unwrap().starts_with(left), "{}", said.text);
        let path = format!("/api/v1/hosts/{}", host.json["host_id"].as_str().unwrap());
        assert_eq!(at.admin().delete(&path).await.status, 200);
    }
    let said = at.admin().delete(&at_id(&edge)).await;
    assert_eq!((said.status, &said.json["tokens_revoked"]), (200, &json!(1)), "{}", said.text);
    assert_eq!(at.admin().get(&at_id(&edge)).await.status, 404);
    let refused = Host::new().redeem(&at, token).await;
    assert_eq!((refused.status, refused.code()), (410, "token_revoked"), "{}", refused.text);
    assert_eq!(at.entries("policy_deleted").await, 1);
    at.stop().await;
}

/// A slow schema must not keep the changes of other policies waiting.
#[tokio::test(flavor = "multi_thread")]
async fn settings_are_checked_beside_another_change() {
    let at = Running::start().await;
    let (edge, core) = (create(&at, "edge", json!({})).await, create(&at, "core", json!({})).await);
    at.settled().await;
    let held = database::hold(at.data_dir());
    let id = PolicyId::parse(edge["id"].as_str().unwrap()).unwrap();
    let edit = PolicyEdit { name: Label::parse("edges").ok(), ..PolicyEdit::default() };
    let caller = Caller { rights: Rights::ALL, ..Caller::SYSTEM };
    let mut changing = pin!(at.authority.policies.change_policy(&caller, id, edit, None));
    let begun = std::future::poll_fn(|context| Poll::Ready(changing.as_mut().poll(context))).await;
    assert!(begun.is_pending(), "it was written although the database was held");
    let wrong = json!({ "schema": { "required": ["ports"] } });
    assert_eq!(fields(&at.admin().patch(&at_id(&core), &wrong).await), ["settings"]);
    drop(held);
    assert_eq!(changing.await.unwrap().policy.revision, 2);
}

/// Each of them changes something else, so that all of them hold.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_policy_side_by_side_all_hold() {
    let at = Running::start().await;
    let edge = create(&at, "edge", json!({})).await;
    let schema = json!({ "properties": { "level": { "enum": ["info", "debug"] } } });
    let changes = [
        json!({ "description": "proxies" }),
        json!({ "roles": ["proxy"] }),
        json!({ "labels": { "site": "eu-1" } }),
        json!({ "settings": { "level": "info" } }),
        json!({ "schema": schema }),
        json!({ "approval": "warn" }),
    ];
    let patch = async |change: &Value| at.admin().patch(&at_id(&edge), change).await;
    let answers = futures_util::future::join_all(changes.iter().map(patch)).await;
    assert!(
        answers.iter().all(|said| said.status == 200),
        "{:?}",
        answers.iter().map(|said| &said.text).collect::<Vec<_>>()
    );
    let after = at.admin().get(&at_id(&edge)).await.json;
    assert_eq!(after["revision"], 7);
    for change in &changes {
        let (name, value) = change.as_object().unwrap().iter().next().unwrap();
        assert_eq!(after[name], *value);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_survive_a_restart() {
    let at = Running::start().await;
    let edge = create(&at, "edge", json!({ "settings": { "level": "info" } })).await;
    let at = at.restart().await;
    assert_eq!(at.admin().get(&at_id(&edge)).await.json, shown(&edge));
    let live = at.authority.policies.policies.load();
    assert_eq!(live.values().map(|policy| policy.terms.name.as_str()).collect::<Vec<_>>(), ["edge"]);
    at.stop().await;
}
