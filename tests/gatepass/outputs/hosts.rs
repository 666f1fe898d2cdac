//! The outputs that a host gets with its policy.

use http::header::{ETAG, IF_NONE_MATCH};

use super::*;
use crate::support::fleet::{Member, POLICY};

/// A policy with these outputs, and its first token.
async fn policy(at: &Running, outputs: &[&Value]) -> Value {
    let ids = outputs.iter().map(|output| &output["id"]).collect::<Vec<_>>();
    let said = at.admin().post("/api/v1/policies", &json!({ "name": "edge", "outputs": ids })).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json
}

fn healthy(policy: &Value) -> Value {
    json!({
        "version": "1.2.3", "status": "healthy", "policy": policy["id"], "policy_revision": policy["revision"],
        "outputs_revision": policy["outputs_revision"],
    })
}

/// "For the Kafka output, it passes authentication parameters. […] used by Elastic Agent to authenticate with the Kafka cluster before
/// sending data to it."
#[tokio::test(flavor = "multi_thread")]
async fn a_host_gets_the_authentication_of_kafka() {
    let at = Running::start().await;
    let (ca, _) = pair("ca.example.org");
    let mut events = kafka("events", "hunter2");
    events["ca"] = json!(ca);
    let events = create(&at, &events).await;
    let (certificate, key) = pair("agent.example.org");
    let by_certificate = json!({
        "name": "metrics", "type": "kafka", "hosts": ["kafka-3.example.org:9093"], "auth": "ssl",
        "certificate": certificate, "key": key,
    });
    let metrics = create(&at, &by_certificate).await;
    let edge = policy(&at, &[&metrics, &events]).await;
    let said = Member::of(&at, &edge).await.client.get(POLICY).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(said.headers["cache-control"], "no-store");
    let expected = json!([
        {
            "id": metrics["id"], "name": "metrics", "type": "kafka", "hosts": ["kafka-3.example.org:9093"], "auth": "ssl",
            "certificate": certificate, "key": key,
        },
        {
            "id": events["id"], "name": "events", "type": "kafka", "ca": ca, "auth": "user_pass",
            "hosts": ["kafka-1.example.org:9092", "kafka-2.example.org:9092"], "sasl_mechanism": "SCRAM-SHA-256",
            "username": "agent", "password": "hunter2",
        },
    ]);
    assert_eq!(said.json["outputs"], expected);
    at.stop().await;
}

/// "For the Logstash output, it passes SSL/TLS configuration details. […] such as the SSL certificate authority, the SSL certificate, and
/// the SSL certificate key". "Although an API key is generated during Logstash output creation, this key is not passed to Elastic Agent".
#[tokio::test(flavor = "multi_thread")]
async fn a_host_gets_no_api_key_of_logstash() {
    let at = Running::start().await;
    let ((ca, _), (certificate, key)) = (pair("ca.example.org"), pair("agent.example.org"));
    let pipeline = json!({
        "name": "pipeline", "type": "logstash", "hosts": ["ls.example.org:5044"], "ca": ca, "certificate": certificate,
        "key": key, "api_key": "id-of-logstash:secret-of-logstash",
    });
    let pipeline = create(&at, &pipeline).await;
    let edge = policy(&at, &[&pipeline]).await;
    let said = Member::of(&at, &edge).await.client.get(POLICY).await;
    let expected = json!([{
        "id": pipeline["id"], "name": "pipeline", "type": "logstash", "hosts": ["ls.example.org:5044"], "ca": ca,
        "certificate": certificate, "key": key,
    }]);
    assert_eq!(said.json["outputs"], expected);
    assert!(!said.text.contains("of-logstash"), "{}", said.text);
    at.stop().await;
}

/// "[…] a specific agent policy that defines the data to be collected by the agent and which output to use." A host gets the outputs of its own policy, and nobody else gets their secrets.
#[tokio::test(flavor = "multi_thread")]
async fn only_hosts_of_the_policy_get_its_secrets() {
    let at = Running::start().await;
    let events = create(&at, &kafka("events", "hunter2")).await;
    let edge = policy(&at, &[&events]).await;
    let core = at.admin().post("/api/v1/policies", &json!({ "name": "core" })).await.json;
    let (member, other) = (Member::of(&at, &edge).await, Member::of(&at, &core).await);
    assert!(!member.enrolled.to_string().contains("hunter2"), "the answer to the enrollment has no secret");
    assert_eq!(other.client.get(POLICY).await.json["outputs"], json!([]));
    for stranger in [at.stranger(), at.admin()] {
        assert_eq!(stranger.get(POLICY).await.status, 401);
    }
    let moved = json!({ "ids": [member.id()], "policy": core["id"] });
    assert_eq!(at.admin().post("/api/v1/hosts/move", &moved).await.status, 200);
    assert!(!member.client.get(POLICY).await.text.contains("hunter2"));
    let moved = json!({ "ids": [member.id()], "policy": edge["id"] });
    assert_eq!(at.admin().post("/api/v1/hosts/move", &moved).await.status, 200);
    assert!(member.client.get(POLICY).await.text.contains("hunter2"));
    member.revoke(&at).await;
    let said = member.client.get(POLICY).await;
    assert_eq!((said.status, said.code()), (403, "host_revoked"), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_changes_the_tag_of_the_policy() {
    let at = Running::start().await;
    let events = create(&at, &kafka("events", "hunter2")).await;
    let member = Member::of(&at, &policy(&at, &[&events]).await).await;
    let first = member.client.get(POLICY).await;
    let tag = first.headers[ETAG].to_str().unwrap().to_owned();
    assert_eq!(tag, format!("\"{}.1.1\"", first.json["id"].as_str().unwrap()));
    assert_eq!(member.check_in(&healthy(&first.json)).await.json["fetch_policy"], false);
    let changed = at.admin().patch(&at_id(&events), &json!({ "password": "correct horse" })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(member.check_in(&healthy(&first.json)).await.json["fetch_policy"], true);
    let second = member.client.get(POLICY).await;
    assert_eq!(second.json["outputs"][0]["password"], "correct horse");
    assert_eq!(second.headers[ETAG].to_str().unwrap(), tag.replace(".1.1", ".1.2"));
    assert_eq!(member.check_in(&healthy(&second.json)).await.json["fetch_policy"], false);
    let same = member.client.header(IF_NONE_MATCH, second.headers[ETAG].to_str().unwrap()).get(POLICY).await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    at.stop().await;
}
