//! kibana-py, a public client of Kibana, works unmodified against the real binary.

use std::process::Command;

use serde_json::json;

use super::served::Served;
use super::tool;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/clients/kibana/tokens.py");

#[test]
fn kibana_py_creates_lists_and_deletes_tokens() {
    let at = Served::start();
    let scopes = ["tokens:read", "tokens:write", "policies:read", "policies:write"];
    let request = json!({ "label": "kibana-py", "scopes": scopes, "limits": "any" });
    let key = at.admin("POST", "/api/v1/api-keys", &request).json;
    let mut python = Command::new("python3");
    python.env("PYTHONDONTWRITEBYTECODE", "1").env("GATEPASS_API_KEY", key["api_key"].as_str().unwrap());
    let out = tool::run(python.args([EXAMPLE, &at.url, &at.root()]), "").expect_good();
    let word = |line: &str, place: usize| {
        let found = out.lines().find(|found| found.starts_with(line)).map(|found| found.split(' '));
        found.and_then(|mut words| words.nth(place)).unwrap_or_else(|| panic!("{line}: {out}")).to_owned()
    };
    let (policy, token) = (word("policy ", 1), word("created ", 1));
    for line in [
        "version 9.2.0 available",
        "first Default 1",
        "shown True",
        "page 2 True",
        &format!("refused An enrollment key named rack already exists for agent policy {policy}"),
        "refused EnrollmentAPIKey unknown not found",
        "refused kuery: has an unknown field; the fields are policy_id, active, name, api_key_id",
        "deleted deleted",
        "inactive False",
        "gone edge",
    ] {
        assert!(out.lines().any(|found| found == line), "{line}: {out}");
    }
    let native = at.admin("GET", &format!("/api/v1/enrollment-tokens/{token}"), &serde_json::Value::Null);
    assert_eq!(native.json["state"], "revoked");
}
