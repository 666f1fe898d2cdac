//! Outputs over HTTP: their secrets, their limits, and the part of a host.

mod bad_input;
mod cli;
mod document;
mod hosts;
mod limits;
mod rotation;
mod secrets;

use http::header::IF_MATCH;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::support::{Running, Said};

const OUTPUTS: &str = "/api/v1/outputs";

fn at_id(output: &Value) -> String {
    format!("{OUTPUTS}/{}", output["id"].as_str().unwrap())
}

/// A certificate and its key, PEM.
fn pair(name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn kafka(name: &str, password: &str) -> Value {
    json!({
        "name": name, "type": "kafka", "hosts": ["kafka-1.example.org:9092", "kafka-2.example.org:9092"],
        "auth": "user_pass", "sasl_mechanism": "SCRAM-SHA-256", "username": "agent", "password": password,
    })
}

fn elasticsearch(name: &str, token: &str) -> Value {
    let hosts = ["https://es.example.org:9200"];
    json!({ "name": name, "type": "elasticsearch", "hosts": hosts, "service_token": token })
}

/// Creates an output as the admin; the answer.
async fn create(at: &Running, output: &Value) -> Value {
    at.clock.advance(std::time::Duration::from_secs(1));
    let said = at.admin().post(OUTPUTS, output).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json
}

/// The invalid fields of a refused request.
fn fields(said: &Said) -> Vec<&str> {
    assert_eq!((said.status, said.code()), (400, "invalid_request"), "{}", said.text);
    said.json["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect()
}

fn etag(said: &Said) -> String {
    said.headers["etag"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_is_shown_without_its_secrets() {
    let at = Running::start().await;
    let (certificate, key) = pair("agent.example.org");
    let (ca, _) = pair("ca.example.org");
    let pipeline = json!({
        "name": "pipeline", "type": "logstash", "hosts": ["LS.example.org:5044"], "ca": ca, "certificate": certificate,
        "key": key, "api_key": "id:secret",
    });
    let pipeline = create(&at, &pipeline).await;
    let events = create(&at, &kafka("events", "hunter2")).await;
    let logs = create(&at, &elasticsearch("logs", "token")).await;
    assert_eq!(pipeline["hosts"], json!(["ls.example.org:5044"]));
    assert_eq!((&pipeline["ca"], &pipeline["certificate"]), (&json!(ca), &json!(certificate)));
    let set = json!({ "set": true });
    assert_eq!((&pipeline["key"], &pipeline["api_key"], pipeline.get("password")), (&set, &set, None));
    assert_eq!((&events["password"], &events["username"], events.get("key")), (&set, &json!("agent"), None));
    assert_eq!((&logs["service_token"], &logs["type"]), (&set, &json!("elasticsearch")));
    let role = &logs["role_descriptors"]["gatepass_host"]["indices"][0];
    assert_eq!(role["privileges"], json!(["auto_configure", "create_doc"]));
    let said = at.admin().get(&at_id(&events)).await;
    assert_eq!((etag(&said), &said.json), (String::from("\"1\""), &events));
    assert_eq!(at.admin().get(OUTPUTS).await.json["items"], json!([pipeline, events, logs]));
    let page = at.admin().get(&format!("{OUTPUTS}?limit=2")).await.json;
    let next = at.admin().get(&format!("{OUTPUTS}?limit=2&cursor={}", page["next"].as_str().unwrap())).await;
    assert_eq!(next.json["items"], json!([logs]));
    assert_eq!(at.entries("output_created").await, 3);
    let at = at.restart().await;
    assert_eq!(at.admin().get(&at_id(&events)).await.json, events);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_revision_that_was_read() {
    let at = Running::start().await;
    let path = at_id(&create(&at, &kafka("events", "hunter2")).await);
    let said = at.admin().header(IF_MATCH, "\"1\"").patch(&path, &json!({ "name": "first" })).await;
    assert_eq!((said.status, etag(&said)), (200, String::from("\"2\"")), "{}", said.text);
    for stale in [
        at.admin().header(IF_MATCH, "\"1\"").patch(&path, &json!({ "name": "second" })).await,
        at.admin().header(IF_MATCH, "\"1\"").delete(&path).await,
    ] {
        assert_eq!((stale.status, stale.code()), (412, "stale"), "{}", stale.text);
    }
    // The same values are no change.
    let said = at.admin().patch(&path, &json!({ "name": "first", "type": "kafka" })).await;
    assert_eq!((said.status, &said.json["revision"]), (200, &json!(2)), "{}", said.text);
    assert_eq!(at.entries("output_changed").await, 1);
    assert_eq!(at.admin().header(IF_MATCH, "\"2\"").delete(&path).await.status, 200);
    assert_eq!(at.admin().get(&path).await.status, 404);
    assert_eq!(at.entries("output_deleted").await, 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_of_a_policy_is_in_use() {
    let at = Running::start().await;
    let events = create(&at, &kafka("events", "hunter2")).await;
    let terms = json!({ "name": "edge", "outputs": [events["id"]], "first_token": false });
    let edge = at.admin().post("/api/v1/policies", &terms).await;
    assert_eq!((edge.status, &edge.json["outputs"]), (201, &json!([events["id"]])), "{}", edge.text);
    let said = at.admin().delete(&at_id(&events)).await;
    assert_eq!((said.status, said.code()), (409, "output_in_use"), "{}", said.text);
    assert!(said.json["detail"].as_str().unwrap().starts_with("1 policy has"), "{}", said.text);
    assert_eq!(at.admin().get(&at_id(&events)).await.json["policies"], 1);
    let policy = format!("/api/v1/policies/{}", edge.json["id"].as_str().unwrap());
    assert_eq!(at.admin().patch(&policy, &json!({ "outputs": [] })).await.status, 200);
    assert_eq!(at.admin().delete(&at_id(&events)).await.status, 200);
    // The revision with the output cannot come back.
    let said = at.admin().post(&format!("{policy}/revisions/1/restore"), &json!({})).await;
    assert_eq!(fields(&said), ["outputs[0]"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outputs_name_is_unique() {
    let at = Running::start().await;
    create(&at, &kafka("events", "hunter2")).await;
    let other = create(&at, &kafka("other", "hunter2")).await;
    for said in [
        at.admin().post(OUTPUTS, &elasticsearch("events", "token")).await,
        at.admin().patch(&at_id(&other), &json!({ "name": "events" })).await,
    ] {
        assert_eq!((said.status, said.code()), (409, "output_exists"), "{}", said.text);
    }
    at.stop().await;
}
