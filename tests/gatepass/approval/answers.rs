//! Answers to a host that waits, and rules that change while hosts call.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ENROLLMENTS, decide, requiring, waiting};
use crate::support::authority::token_of;
use crate::support::{Host, Process, Running, database, eventually};

const RULES: &str = "/api/v1/auto-approve-rules";

/// "`Retry-After: 15` (after five minutes 60, with jitter)."
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_waits_long_asks_once_a_minute() {
    let at = Running::start().await;
    let token = requiring(&at, Value::Null).await;
    let (host, _) = waiting(&at, &token).await;
    let pause = async || -> u32 {
        let said = host.redeem(&at, &token).await;
        assert_eq!(said.status, 202, "{}", said.text);
        said.headers["retry-after"].to_str().unwrap().parse().unwrap()
    };
    at.clock.advance(Duration::from_secs(290));
    assert_eq!(pause().await, 15);
    at.clock.advance(Duration::from_secs(20));
    assert!((60..76).contains(&pause().await));
    at.stop().await;
}

/// A decision would tear the one act of a replacement apart. A host that waits already does not get another answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_waits_cannot_ask_to_replace() {
    let at = Running::start().await;
    let old = Host::new();
    let enrolled = old.redeem(&at, &at.mint_once().await).await.json;
    let token = requiring(&at, Value::Null).await;
    let (host, id) = waiting(&at, &token).await;
    let body = json!({ "csr": host.csr(), "replace": true });
    let said = old.client(&at, &enrolled).bearer(&token).post("/api/v1/bootstrap", &body).await;
    assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("replace")), "{}", said.text);
    assert_eq!(decide(&at, &id, "approve", json!({})).await.status, 200);
    at.stop().await;
}

/// The rules in memory may be older than those of the store. The transaction notices, and the host is judged again.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_rule_decides_about_the_next_host() {
    let at = Running::start().await;
    let rule = json!({ "cluster_id": "*", "label": "one host", "max_nodes": 1 });
    assert_eq!(at.admin().post(RULES, &rule).await.status, 201);
    let token = requiring(&at, Value::Null).await;
    let next = async || Host::new().redeem(&at, &token).await.status;
    assert_eq!([next().await, next().await], [200, 202]);
    database::execute(at.data_dir(), "UPDATE rules SET max_nodes = 2, revision = revision + 1");
    assert_eq!([next().await, next().await], [200, 202]);
    database::execute(at.data_dir(), "DELETE FROM rules");
    assert_eq!(next().await, 202);
    at.stop().await;
}

/// The same for the setting `approval`.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_mode_decides_about_the_next_host() {
    let at = Running::start().await;
    let token = token_of(&at.mint(json!({ "persistent": true, "max_uses": null })).await);
    let next = async || Host::new().redeem(&at, &token).await.status;
    assert_eq!(next().await, 200);
    database::execute(
        at.data_dir(),
        "INSERT INTO settings (name, value, changed_at) VALUES ('approval', 2, 1)",
    );
    assert_eq!(next().await, 202);
    database::execute(at.data_dir(), "DELETE FROM settings");
    assert_eq!(next().await, 200);
    at.stop().await;
}

/// A machine that is set up again under the rule that admitted it, while the rule is full.
#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_takes_the_place_of_its_host() {
    let at = Running::start().await;
    let rule = json!({ "cluster_id": "*", "label": "one host", "max_nodes": 1 });
    assert_eq!(at.admin().post(RULES, &rule).await.status, 201);
    let token = requiring(&at, Value::Null).await;
    let old = Host::new();
    let enrolled = old.redeem(&at, &token).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    let body = json!({ "csr": Host::new().csr(), "replace": true });
    let client = old.client(&at, &enrolled.json).bearer(&token);
    let said = client.post("/api/v1/bootstrap", &body).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(Host::new().redeem(&at, &token).await.status, 202, "the rule is full again");
    at.stop().await;
}

/// A denial holds under every token, also for an approver who sees another enrollment of the same key.
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_key_cannot_be_approved_elsewhere() {
    let at = Running::start().await;
    let (one, other) = (requiring(&at, Value::Null).await, requiring(&at, Value::Null).await);
    let (host, first) = waiting(&at, &one).await;
    let second = host.redeem(&at, &other).await.json["enrollment_id"].as_str().unwrap().to_owned();
    assert_eq!(decide(&at, &first, "deny", json!({ "reason": "wrong rack" })).await.status, 200);
    let said = decide(&at, &second, "approve", json!({})).await;
    assert_eq!((said.status, said.code()), (403, "enrollment_denied"), "{}", said.text);
    assert!(said.text.contains("wrong rack"), "{}", said.text);
    assert_eq!(at.admin().get(&format!("{ENROLLMENTS}/{second}")).await.json["state"], "waiting");
    assert_eq!(decide(&at, &second, "deny", json!({})).await.status, 200);
    at.stop().await;
}

/// Hosts that ask again and again are not counted as enrolled ones.
#[tokio::test(flavor = "multi_thread")]
async fn answers_to_waiting_hosts_are_counted_apart() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let order = json!({ "approval": "require" });
    let token = token_of(&server.admin().post("/api/v1/enrollment-tokens", &order).await.json);
    let body = json!({ "csr": Host::new().csr() });
    for _ in 0..3 {
        let said = server.stranger().bearer(&token).post("/api/v1/bootstrap", &body).await;
        assert_eq!(said.status, 202, "{}", said.text);
    }
    let counted = |text: &str, outcome: &str, count: u32| {
        text.contains(&format!("gatepass_redemptions_total{{outcome=\"{outcome}\"}} {count}\n"))
    };
    eventually("the answers are counted", async || {
        let text = server.stranger().get("/metrics").await.text;
        (counted(&text, "waiting", 3) && counted(&text, "done", 0)).then_some(())
    })
    .await;
    server.stop().await;
}
