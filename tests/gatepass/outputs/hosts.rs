//! The outputs that a host gets with its policy.

use http::header::{ETAG, IF_NONE_MATCH};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

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

/// "For the Kafka output, it passes authentication parameters." "The authentication parameters are defined in the
/// authentication settings of the Kafka output". They "are used by Elastic Agent to authenticate with the Kafka cluster
/// before sending data to it."
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

/// "For the Logstash output, it passes SSL/TLS configuration details." "The SSL/TLS configuration details such as the SSL
/// certificate authority, the SSL certificate, and the SSL certificate key are defined during Logstash output creation."
/// "Although an API key is generated during Logstash output creation, this key is not passed to Elastic Agent by Fleet
/// Server." "If the Logstash pipeline uses the Elasticsearch output". Then "this API key is used by Logstash to authenticate
/// with the Elasticsearch cluster before sending data to it."
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

/// "The enrollment token enrolls the Elastic Agent in a specific agent policy that defines the data to be collected by the
/// agent". It also defines "which output to use." A host gets the outputs of its own policy, and nobody else gets their
/// secrets.
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

/// "Elastic Agent uses SSL/TLS client authentication to authenticate with the Logstash pipeline before sending data to it."
#[tokio::test(flavor = "multi_thread")]
async fn a_host_can_present_the_certificate_of_logstash() {
    let at = Running::start().await;
    let (certificate, key) = pair("agent.example.org");
    let pipeline = json!({
        "name": "pipeline", "type": "logstash", "hosts": ["ls.example.org:5044"], "certificate": certificate, "key": key,
    });
    let edge = policy(&at, &[&create(&at, &pipeline).await]).await;
    let given = Member::of(&at, &edge).await.client.get(POLICY).await.json["outputs"][0].clone();
    let certificate = CertificateDer::from_pem_slice(given["certificate"].as_str().unwrap().as_bytes());
    let key = PrivateKeyDer::from_pem_slice(given["key"].as_str().unwrap().as_bytes());
    let client = rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty());
    // It refuses a key of another certificate.
    client.with_client_auth_cert(vec![certificate.unwrap()], key.unwrap()).unwrap();
    at.stop().await;
}

/// "Depending on the output of the agent policy with which the enrollment token is associated, Fleet Server also passes
/// additional data to Elastic Agent". The credentials that gatepass and Logstash use are no part of it.
#[tokio::test(flavor = "multi_thread")]
async fn no_credential_of_a_cluster_reaches_a_host() {
    let at = Running::start().await;
    let (certificate, key) = pair("agent.example.org");
    let hosts = ["https://es.example.org:9200"];
    let mut outputs = Vec::new();
    for output in [
        json!({ "name": "a", "type": "elasticsearch", "hosts": hosts, "username": "elastic", "password": "zq-password" }),
        json!({
            "name": "b", "type": "remote_elasticsearch", "hosts": hosts, "username": "remote", "password": "zq-remote",
        }),
        json!({ "name": "c", "type": "elasticsearch", "hosts": hosts, "service_token": "zq-service-token" }),
        json!({
            "name": "d", "type": "logstash", "hosts": ["ls.example.org:5044"], "certificate": certificate, "key": key,
            "api_key": "zq-id:zq-api-key",
        }),
        kafka("e", "of-the-host"),
    ] {
        outputs.push(create(&at, &output).await);
    }
    let edge = policy(&at, &outputs.iter().collect::<Vec<_>>()).await;
    let member = Member::of(&at, &edge).await;
    let own = member.client.get(POLICY).await;
    assert_eq!(own.status, 200, "{}", own.text);
    let given = own.json["outputs"].as_array().unwrap();
    for cluster in &given[..3] {
        let fields = cluster.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(fields, ["hosts", "id", "name", "state", "type"], "{cluster}");
    }
    assert_eq!((&given[3]["key"], given[3].get("api_key")), (&json!(key), None));
    assert_eq!(given[4]["password"], "of-the-host");
    assert!(!own.text.contains("zq-"), "{}", own.text);
    let (policy, host) = (edge["id"].as_str().unwrap(), member.id());
    let lists =
        [OUTPUTS, "/api/v1/policies", "/api/v1/hosts", "/api/v1/ledger?limit=1000", "/api/v1/overview"];
    let lists = lists.into_iter().map(str::to_owned);
    let shown = [
        format!("/api/v1/hosts/{host}"),
        format!("/api/v1/policies/{policy}"),
        format!("/api/v1/policies/{policy}/revisions"),
    ];
    for path in lists.chain(shown).chain(outputs.iter().map(at_id)) {
        let said = at.admin().get(&path).await;
        assert_eq!(said.status, 200, "{path}: {}", said.text);
        assert!(!said.text.contains("zq-") && !said.text.contains("of-the-host"), "{path}: {}", said.text);
    }
    at.stop().await;
}
