//! Decisions, rules and waits over a kill of the server.

use serde_json::{Value, json};

use super::ENROLLMENTS;
use crate::support::authority::token_of;
use crate::support::client::Said;
use crate::support::{Host, Process};

const FLAGS: [&str; 2] = ["--set", "server.external_url=https://127.0.0.1:8443"];
const RULES: &str = "/api/v1/auto-approve-rules";

/// A host of this token, and its first answer.
struct Caller {
    host: Host,
    first: Value,
}

async fn call(server: &Process, host: &Host, token: &str) -> Said {
    server.stranger().bearer(token).post("/api/v1/bootstrap", &json!({ "csr": host.csr() })).await
}

impl Caller {
    async fn new(server: &Process, token: &str, status: u16) -> Self {
        let host = Host::new();
        let said = call(server, &host, token).await;
        assert_eq!(said.status, status, "{}", said.text);
        Self { host, first: said.json }
    }

    /// Decides about it.
    async fn decide(&self, server: &Process, decision: &str) -> Said {
        let path = format!("{ENROLLMENTS}/{}/{decision}", self.first["enrollment_id"].as_str().unwrap());
        server.admin().post(&path, &json!({})).await
    }

    /// The status of its next answer, and a member of it.
    async fn again(&self, server: &Process, token: &str, member: &str) -> (u16, Value) {
        let said = call(server, &self.host, token).await;
        (said.status, said.json[member].clone())
    }
}

/// "An approval decided while the server restarts." The server is killed after the decision, and before the host calls again.
#[tokio::test(flavor = "multi_thread")]
async fn decisions_and_rules_outlive_a_killed_server() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Process::start(&data, &FLAGS).await;
    let rule = json!({ "cluster_id": "*", "label": "the first host", "max_nodes": 1 });
    let rule = server.admin().post(RULES, &rule).await.json;
    let rule = format!("{RULES}/{}", rule["id"].as_str().unwrap());
    let order = json!({ "persistent": true, "max_uses": 4, "approval": "require" });
    let token = token_of(&server.admin().post("/api/v1/enrollment-tokens", &order).await.json);
    let by_rule = Caller::new(&server, &token, 200).await;
    let [approved, denied, undecided] = [
        Caller::new(&server, &token, 202).await,
        Caller::new(&server, &token, 202).await,
        Caller::new(&server, &token, 202).await,
    ];
    let host = approved.decide(&server, "approve").await.json["host_id"].clone();
    assert_eq!(denied.decide(&server, "deny").await.status, 200);
    server.kill();

    let server = Process::start(&data, &FLAGS).await;
    assert_eq!(approved.again(&server, &token, "host_id").await, (200, host));
    assert_eq!(denied.again(&server, &token, "code").await, (403, json!("enrollment_denied")));
    assert_eq!(
        undecided.again(&server, &token, "enrollment_id").await,
        (202, undecided.first["enrollment_id"].clone())
    );
    assert_eq!(by_rule.again(&server, &token, "host_id").await, (200, by_rule.first["host_id"].clone()));
    let repeated = approved.decide(&server, "approve").await;
    assert_eq!((repeated.status, &repeated.json["changed"]), (200, &json!(false)), "{}", repeated.text);
    assert_eq!(approved.decide(&server, "deny").await.code(), "already_decided");
    assert_eq!(denied.decide(&server, "approve").await.code(), "already_decided");
    assert_eq!(server.admin().get(&rule).await.json["admitted"], 1);
    // The denial gave its use back, and the rule is full.
    let late = Caller::new(&server, &token, 202).await;
    assert_eq!(call(&server, &Host::new(), &token).await.code(), "token_exhausted");
    assert_eq!(late.decide(&server, "approve").await.status, 200);
    assert_eq!(late.again(&server, &token, "state").await.0, 200);
    server.stop().await;
}
