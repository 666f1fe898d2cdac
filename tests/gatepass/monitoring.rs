//! `examples/monitoring` fits the server: its metrics exist, and each alert has its paragraph. `outside::monitoring` runs promtool.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gatepass::http::metrics::{Labels, METRICS, MetricKind};
use serde_json::{Value, json};

use crate::support::{Host, Process, Running, eventually};

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect(name)
}

/// The metrics in an expression. A histogram is named with the suffix of its series.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let named = words.filter(|word| word.starts_with("gatepass_") || word.starts_with("process_"));
    named.map(|word| word.strip_suffix("_bucket").unwrap_or(word).to_owned()).collect()
}

fn exist(names: &BTreeSet<String>, file: &str) {
    let known = METRICS.iter().map(|metric| metric.name.to_owned()).collect::<BTreeSet<_>>();
    let unknown = names.difference(&known).collect::<Vec<_>>();
    assert!(unknown.is_empty(), "{file} names unknown metrics: {unknown:?}");
    assert!(names.len() > 10, "{file} names {names:?}");
}

#[test]
fn the_alerts_and_the_dashboard_name_known_metrics() {
    let rules = read("examples/monitoring/alerts.yml");
    let expressions = rules.split("expr: >-\n").skip(1).map(|rest| rest.lines().next().unwrap());
    exist(&expressions.flat_map(metrics).collect(), "alerts.yml");
    let dashboard: Value = serde_json::from_str(&read("examples/monitoring/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let shown = targets.flat_map(|target| metrics(target["expr"].as_str().unwrap())).collect();
    exist(&shown, "dashboard.json");
    for queue in ["waiting", "oldest_waiting_seconds"] {
        assert!(shown.contains(&format!("gatepass_enrollments_{queue}")), "nobody watches a queue by eye");
    }
    assert!(shown.contains("gatepass_enrollment_decisions_total"));
}

#[test]
fn each_alert_has_its_paragraph_and_its_test() {
    let (rules, guide) = (read("examples/monitoring/alerts.yml"), read("docs/alerts.md"));
    let tests = read("examples/monitoring/alerts_test.yml");
    let mut alerts = Vec::new();
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().unwrap();
        let link = format!("runbook_url: docs/alerts.md#{}\n", name.to_lowercase());
        assert!(rule.contains(&link), "{name} lacks {link}");
        assert!(tests.contains(&format!("  - name: {name} fires\n")), "alerts_test.yml does not fire {name}");
        assert!(
            tests.contains(&format!("alertname: {name} }}\n")),
            "alerts_test.yml does not keep {name} quiet"
        );
        alerts.push(name);
    }
    let paragraphs = guide.lines().filter_map(|line| line.strip_prefix("## ")).collect::<Vec<_>>();
    assert_eq!(paragraphs, alerts, "the paragraphs of docs/alerts.md, in the order of the rules");
}

/// The value of a series.
async fn measured(at: &Running, series: &str) -> f64 {
    let text = at.stranger().get("/metrics").await.text;
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{series} ")));
    line.unwrap_or_else(|| panic!("{series} is missing in {text}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn mints_of_every_contract_are_counted() {
    let at = Running::start().await;
    // The counters belong to the process, whose other tests mint too.
    let series = "gatepass_mints_total{outcome=\"beyond_limits\"}";
    let before = measured(&at, series).await;
    let limits = json!({ "limits": { "roles": ["proxy"] }, "scopes": ["tokens:write"], "label": "narrow", "ttl": "1h" });
    let key = at.api_key(&at.admin(), limits).await;
    let narrow = at.stranger().bearer(key["api_key"].as_str().unwrap());
    let path = "/api/v1/platform/configuration/security/enrollment-tokens";
    let refused = narrow.post(path, &json!({ "roles": ["director"], "persistent": false })).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    eventually("it is counted", async || (measured(&at, series).await > before).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_and_tokens_are_counted_by_state() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let at = Process::start(&data_dir, &[]).await;
    let admin = at.admin();
    let order = json!({ "roles": ["proxy"], "max_uses": 3 });
    let minted = admin.post("/api/v1/enrollment-tokens", &order).await;
    let bearer = at.stranger().bearer(minted.json["token"].as_str().unwrap());
    let mut host = String::new();
    for _ in 0..3 {
        let enrolled = bearer.post("/api/v1/bootstrap", &json!({ "csr": Host::new().csr() })).await;
        enrolled.json["host_id"]
            .as_str()
            .unwrap_or_else(|| panic!("{}", enrolled.text))
            .clone_into(&mut host);
    }
    assert_eq!(admin.delete(&format!("/api/v1/hosts/{host}")).await.status, 200);
    let order = json!({ "preset": "cluster", "cluster_id": "a", "ttl": "20d" });
    let minted = admin.post("/api/v1/enrollment-tokens", &order).await;
    let bearer = at.stranger().bearer(minted.json["token"].as_str().unwrap());
    let body = json!({ "csr": Host::new().csr(), "cluster": "a" });
    assert_eq!(bearer.post("/api/v1/bootstrap", &body).await.status, 200);
    at.stop().await;
    let at = Process::start(&data_dir, &["--set", "hosts.node_limit=25"]).await;
    let expected = [
        "gatepass_hosts{state=\"active\"} 3",
        "gatepass_hosts{state=\"expiring\"} 0",
        "gatepass_hosts{state=\"lapsed\"} 0",
        "gatepass_hosts{state=\"revoked\"} 1",
        "gatepass_hosts_overdue 0",
        "gatepass_hosts_enrolled 3",
        "gatepass_node_limit 25",
        "gatepass_tokens{state=\"exhausted\"} 1",
        "gatepass_tokens{state=\"active\"} 3",
        "gatepass_tokens{state=\"pending\"} 0",
        "gatepass_tokens_expiring_soon 1",
    ];
    eventually("the states are measured", async || {
        let text = at.stranger().get("/metrics").await.text;
        expected.iter().all(|line| text.lines().any(|found| found == *line)).then_some(())
    })
    .await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_counter_is_there_from_the_start() {
    let at = Running::start().await;
    let text = at.stranger().get("/metrics").await.text;
    for metric in METRICS {
        // A histogram begins with its first value, and the states with the first count of a server.
        if metric.kind == MetricKind::Histogram || matches!(metric.labels, Labels::Each("state", _)) {
            continue;
        }
        let head = format!("# HELP {} {}\n# TYPE {0} {}\n", metric.name, metric.help, metric.kind);
        assert!(text.contains(&head), "{head} is missing in {text}");
    }
    for series in [
        "gatepass_redemptions_total{outcome=\"done\"} ",
        "gatepass_redemptions_total{outcome=\"token_expired\"} ",
        "gatepass_renewals_total{outcome=\"ca_not_valid\"} ",
        "gatepass_mints_total{outcome=\"beyond_limits\"} ",
        "gatepass_requests_total{method=\"POST\",route=\"/api/v1/enrollment-tokens\",status=\"201\"} ",
        "gatepass_rate_limited_total{limit=\"refused_token\"} ",
        "gatepass_checkpoints_total{outcome=\"failed\"} ",
        "gatepass_emergency_token_uses_total ",
        "gatepass_log_lines_dropped_total ",
        &format!("gatepass_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(text.lines().any(|line| line.starts_with(series)), "{series} is missing in {text}");
    }
    let number = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).expect(name);
        line.parse().unwrap()
    };
    assert!(number("process_resident_memory_bytes") > 1e6);
    assert!(number("process_open_fds") > 3.0 && number("process_open_fds") < number("process_max_fds"));
    assert!(number("process_threads") > 1.0);
    assert!(number("process_start_time_seconds") > 1e9);
}
