//! Malformed outputs are refused by field, and no error repeats a secret.

use super::*;

/// "An output without its secret, an `http:` address, a loopback address that `[outputs] allow` does not name, an Elasticsearch API
/// key as the cluster's credential."
#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_output_is_refused_by_field() {
    let at = Running::start().await;
    let key = "VuaCfGcBCdbkQm-e5aOx:ui2lp2axTNmsyakw9tvNnw";
    let with = |output: Value, field: &str, value: Value| {
        let mut output = output;
        output[field] = value;
        output
    };
    let (es, of_kafka) = (elasticsearch("logs", "token"), kafka("events", "hunter2"));
    for (wrong, expected) in [
        (with(es.clone(), "service_token", json!(null)), "service_token"),
        (with(es.clone(), "service_token", json!(key)), "service_token"),
        (with(es.clone(), "api_key", json!(key)), "api_key"),
        (with(es.clone(), "hosts", json!(["http://es.example.org:9200"])), "hosts[0]"),
        (with(es.clone(), "hosts", json!(["https://127.0.0.1:9200"])), "hosts[0]"),
        (with(es.clone(), "hosts", json!(["https://localhost:9200"])), "hosts[0]"),
        (with(es.clone(), "hosts", json!(["https://[::1]:9200"])), "hosts[0]"),
        (with(es.clone(), "hosts", json!(["https://169.254.169.254"])), "hosts[0]"),
        (with(es.clone(), "hosts", json!(["https://elastic:hunter2@es.example.org"])), "hosts[0]"),
        (with(es.clone(), "hosts", json!([])), "hosts"),
        (with(es.clone(), "hosts", json!("https://es.example.org")), "hosts"),
        (with(es.clone(), "ca", json!("hunter2")), "ca"),
        (with(es.clone(), "role_descriptors", json!({})), "role_descriptors"),
        (with(es.clone(), "type", json!("opensearch")), "type"),
        (with(es.clone(), "name", json!("")), "name"),
        (with(es.clone(), "colour", json!("red")), "colour"),
        (with(es, "service_token", json!(7)), "service_token"),
        (with(of_kafka.clone(), "password", json!("")), "password"),
        (with(of_kafka.clone(), "password", json!("hunter2\n")), "password"),
        (with(of_kafka.clone(), "auth", json!("hunter2")), "auth"),
        (with(of_kafka.clone(), "sasl_mechanism", json!("hunter2")), "sasl_mechanism"),
        (with(of_kafka.clone(), "key", json!("hunter2")), "key"),
        (with(of_kafka, "hosts", json!(["kafka.example.org"])), "hosts[0]"),
    ] {
        let said = at.admin().post(OUTPUTS, &wrong).await;
        assert_eq!(fields(&said), [expected], "{wrong}: {}", said.text);
        assert!(!said.text.contains("hunter2") && !said.text.contains(key), "{}", said.text);
    }
    assert_eq!(at.admin().get(OUTPUTS).await.json["items"], json!([]));
    assert_eq!(at.entries("output_created").await, 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_allows_addresses_by_name() {
    let at = Running::start_with(&[("outputs.allow", "localhost, 127.0.0.1")]).await;
    let mut local = elasticsearch("local", "token");
    local["hosts"] = json!(["https://localhost:9200", "https://127.0.0.1:9200"]);
    create(&at, &local).await;
    local["hosts"] = json!(["https://127.0.0.2:9200", "https://[::1]:9200"]);
    assert_eq!(fields(&at.admin().post(OUTPUTS, &local).await), ["hosts[0]", "hosts[1]"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_output_is_not_found() {
    let at = Running::start().await;
    let id = "0198c0de-f2f3-7061-9273-8495a6b7c8d9";
    let (path, admin) = (format!("{OUTPUTS}/{id}"), at.admin());
    for said in [
        admin.get(&path).await,
        admin.patch(&path, &json!({ "name": "x" })).await,
        admin.delete(&path).await,
        admin.get(&format!("{OUTPUTS}/events")).await,
    ] {
        assert_eq!((said.status, said.code()), (404, "not_found"), "{}", said.text);
    }
    let terms = |outputs: Value| json!({ "name": "edge", "outputs": outputs, "first_token": false });
    for (outputs, field) in [
        (json!([id]), "outputs[0]"),
        (json!(["events"]), "outputs[0]"),
        (json!([id, id]), "outputs[1]"),
        (json!(vec![id; 17]), "outputs"),
        (json!("x"), "outputs"),
    ] {
        let said = at.admin().post("/api/v1/policies", &terms(outputs)).await;
        assert!(fields(&said).contains(&field), "{}", said.text);
    }
    assert_eq!(admin.get("/api/v1/policies").await.json["items"], json!([]));
    at.stop().await;
}

/// No stored secret is sent to a new address.
#[tokio::test(flavor = "multi_thread")]
async fn another_address_needs_every_secret_again() {
    let at = Running::start().await;
    let events = create(&at, &kafka("events", "hunter2")).await;
    let (ca, _) = pair("ca.example.org");
    for moved in [
        json!({ "hosts": ["evil.example.org:9092"] }),
        json!({ "ca": ca }),
        json!({ "sasl_mechanism": "PLAIN" }),
        json!({ "username": "other" }),
    ] {
        assert_eq!(fields(&at.admin().patch(&at_id(&events), &moved).await), ["password"], "{moved}");
    }
    let (certificate, key) = pair("agent.example.org");
    let moved = json!({ "auth": "ssl", "certificate": certificate });
    assert_eq!(fields(&at.admin().patch(&at_id(&events), &moved).await), ["key"]);
    assert_eq!(at.admin().get(&at_id(&events)).await.json, events);
    let moved = json!({ "auth": "ssl", "certificate": certificate, "key": key });
    let said = at.admin().patch(&at_id(&events), &moved).await;
    assert_eq!((said.status, said.json.get("password")), (200, None), "{}", said.text);
    assert_eq!(fields(&at.admin().patch(&at_id(&events), &json!({ "type": "logstash" })).await), ["type"]);
    at.stop().await;
}
