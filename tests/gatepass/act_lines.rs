//! The log of a real server: one line for each act, with the same fields in text and JSON.

use std::collections::BTreeMap;
use std::path::Path;

use http::Method;
use serde_json::{Value, json};

use crate::support::host::Host;
use crate::support::process::Process;

/// The acts of [`live`], in order, as their lines begin.
const ACTS: [&str; 6] =
    ["token created", "host enrolled", "token revoked", "host revoked", "key rotated", "key retired"];

/// Ids of one life of a server, by the names of fields.
type LifeIds = BTreeMap<&'static str, String>;

/// Runs a server through a life in which each act happens once, and returns its log.
async fn live(data_dir: &Path, format: &str) -> (String, LifeIds) {
    let at = Process::start(data_dir, &["--set", &format!("log.format={format}")]).await;
    let admin = at.admin();
    let order = json!({ "roles": ["proxy", "director"], "label": "ci \"pool\"", "max_uses": 3, "dns_names": ["*.example.org"] });
    let minted = admin.post("/api/v1/enrollment-tokens", &order).await;
    let (token, secret) = (text(&minted.json["token_id"]), text(&minted.json["token"]));
    let request = json!({ "csr": Host::new().csr(), "name": "web-01.example.org" });
    let enrolled = at.stranger().bearer(&secret).post("/api/v1/bootstrap", &request).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    let host = text(&enrolled.json["host_id"]);
    assert_eq!(admin.delete(&format!("/api/v1/enrollment-tokens/{token}")).await.status, 200);
    assert_eq!(admin.delete(&format!("/api/v1/hosts/{host}")).await.status, 200);
    let keys = admin.get("/api/v1/signing-keys").await;
    let current = |key: &&Value| key["state"] == "current" && key["use"] == "enrollment";
    let key = text(&keys.json["items"].as_array().unwrap().iter().find(current).unwrap()["id"]);
    assert_eq!(admin.post("/api/v1/signing-keys/rotate", &json!({})).await.status, 200);
    let retired =
        admin.post(&format!("/api/v1/signing-keys/{key}/retire"), &json!({ "confirm": true })).await;
    assert_eq!(retired.status, 200, "{}", retired.text);
    let url = at.url.clone();
    at.stop().await;
    let log = std::fs::read_to_string(data_dir.with_extension("log")).unwrap();
    (log, BTreeMap::from([("token", token), ("host", host), ("key", key), ("url", url)]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The lines with this message. A log in text has the target before it.
fn lines<'a>(log: &'a str, message: &str) -> Vec<&'a str> {
    let parts = [format!(": {message} "), format!("\"message\":\"{message}\"")];
    log.lines().filter(|line| parts.iter().any(|part| line.contains(part))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_act_has_one_line_of_facts() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let (log, ids) = live(&data_dir, "text").await;
    // Two tokens of the first start, one of this life, and the emergency token again with its key.
    let counts = ACTS.map(|act| (act, lines(&log, act).len()));
    assert_eq!(counts.map(|(_, count)| count), [4, 1, 1, 1, 1, 1], "{counts:?}: {log}");
    let (host, token, key) = (&ids["host"], &ids["token"], &ids["key"]);
    for (act, facts) in [
        (
            "token created",
            format!("token={token} label=\"ci \\\"pool\\\"\" roles=proxy,director max_uses=3 "),
        ),
        ("host enrolled", format!("host={host} token={token} ")),
        (
            "host enrolled",
            "label=\"ci \\\"pool\\\"\" name=web-01.example.org roles=proxy,director ".to_owned(),
        ),
        ("host enrolled", format!("from=127.0.0.1 actor=token:{token} request=")),
        ("token revoked", format!("token={token} ")),
        ("host revoked", format!("host={host} ")),
        ("host revoked", "from=127.0.0.1 actor=user:admin request=".to_owned()),
        ("key rotated", "signs=enrollment ".to_owned()),
        ("key retired", format!("key={key} ")),
    ] {
        assert!(lines(&log, act).iter().any(|line| line.contains(&facts)), "{act} lacks {facts:?}: {log}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let started = lines(&log, &format!("gatepass {version} started"));
    let data = format!("data={:?}", data_dir);
    assert!(
        matches!(started[..], [one] if one.contains(&format!("url={}", ids["url"])) && one.contains(&data)),
        "{log}"
    );
    assert!(log.trim_end().ends_with(": stopped"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_lines_have_these_fields() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = live(&dir.path().join("data"), "text").await;
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let started = concat!("gatepass ", env!("CARGO_PKG_VERSION"), " started");
    for message in [started, "token created", "host enrolled"] {
        let (documented, real) = (lines(&guide, message), lines(&log, message));
        assert_eq!(documented.len(), 1, "docs/metrics.md shows one line {message:?}");
        let real = real.iter().map(|line| names(line)).collect::<Vec<_>>();
        assert!(real.contains(&names(documented[0])), "{} {real:?}", documented[0]);
    }
}

/// The names of the fields in a line of text.
fn names(line: &str) -> Vec<String> {
    let mut names =
        line.split(' ').filter_map(|word| Some(word.split_once('=')?.0.to_owned())).collect::<Vec<_>>();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_have_the_same_fields() {
    let dir = tempfile::tempdir().unwrap();
    let (text_log, _) = live(&dir.path().join("text"), "text").await;
    let (json_log, ids) = live(&dir.path().join("json"), "json").await;
    for message in ACTS.into_iter().chain(["request"]) {
        let (in_text, in_json) = (lines(&text_log, message), lines(&json_log, message));
        assert_eq!(in_text.len(), in_json.len(), "{message}");
        for (one, other) in in_text.iter().zip(in_json) {
            let other: Value = serde_json::from_str(other).unwrap();
            let fields = other["fields"].as_object().unwrap().keys().filter(|name| *name != "message");
            let mut fields = fields.cloned().collect::<Vec<_>>();
            fields.sort_unstable();
            assert_eq!(names(one), fields, "{one} {other}");
        }
    }
    let enrolled: Value = serde_json::from_str(lines(&json_log, "host enrolled")[0]).unwrap();
    assert_eq!(enrolled["fields"]["host"], json!(ids["host"]));
    assert_eq!(enrolled["fields"]["label"], "ci \"pool\"");
    assert_eq!(enrolled["level"], "INFO");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_its_code_and_actor() {
    let dir = tempfile::tempdir().unwrap();
    let at = Process::start(&dir.path().join("data"), &[]).await;
    let admin = at.admin();
    let viewer = json!({ "username": "vera", "role": "viewer", "password": "a long enough passphrase" });
    assert_eq!(admin.post("/api/v1/users", &viewer).await.status, 201);
    let refused = at
        .stranger()
        .basic("vera", "a long enough passphrase")
        .post("/api/v1/enrollment-tokens", &json!({}))
        .await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let request = refused.headers["x-request-id"].to_str().unwrap().to_owned();
    let path = at.data_dir.with_extension("log");
    at.stop().await;
    let log = std::fs::read_to_string(path).unwrap();
    let line = log.lines().find(|line| line.contains(&format!("request={request}"))).unwrap();
    let facts = "request method=POST route=/api/v1/enrollment-tokens status=403 code=forbidden actor=user:vera from=127.0.0.1";
    assert!(line.contains(" WARN gatepass::request: ") && line.contains(facts), "{line}");
    let created = "request method=POST route=/api/v1/users status=201 actor=user:admin from=127.0.0.1";
    assert!(
        log.lines().any(|line| line.contains(" INFO gatepass::request: ") && line.contains(created)),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_method_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let at = Process::start(&dir.path().join("data"), &[]).await;
    let method = Method::from_bytes("X".repeat(4000).as_bytes()).unwrap();
    assert_eq!(at.stranger().send(method, "/nothing", None).await.status, 404);
    let path = at.data_dir.with_extension("log");
    at.stop().await;
    let log = std::fs::read_to_string(path).unwrap();
    let line = log.lines().find(|line| line.contains("status=404")).unwrap();
    assert!(line.contains("method=XXXXXXXXXXXXXXXX route= status=404"), "{line}");
}
