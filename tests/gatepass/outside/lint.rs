//! The OpenAPI document, as a linter of others finds it.

use std::process::Command;

use serde_json::Value;

use super::tool;

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gatepass/outside/redocly/redocly.yaml");

/// The names of the rules of the tree that `document` breaks, by Redocly.
fn findings(document: &Value) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let mut command = Command::new("redocly");
    command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    let said = tool::run(command.args(["lint", "--format", "json", "--config", RULES]).arg(&file), "");
    let found: Value =
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}\n{}", said.out, said.err));
    let problems = found["problems"].as_array().unwrap().iter();
    let rules = problems.map(|problem| problem["ruleId"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(said.good, found["totals"]["errors"] == 0, "{found:#}");
    rules
}

#[test]
fn redocly_finds_nothing_wrong_with_the_document() {
    let document = gatepass::server::openapi("https://gate.example.org");
    assert_eq!(findings(&document), Vec::<String>::new());
}

#[test]
fn redocly_does_find_what_is_wrong() {
    let mut document = gatepass::server::openapi("https://gate.example.org");
    document["paths"]["/livez"]["get"]["operationId"] = "readyz".into();
    document["paths"]["/readyz"]["get"]["security"].take();
    let found = findings(&document);
    assert!(found.iter().any(|rule| rule == "operation-operationId-unique"), "{found:?}");
}
