//! The OpenAPI documents, as Redocly, Spectral and openapi-spec-validator find them. None of the tools gets a network.

use std::process::Command;

use serde_json::Value;

use super::tool::{self, Said};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gatepass/outside/linters");

/// A document with the statement that it is good.
fn documents() -> [(&'static str, Value); 2] {
    let url = "https://gate.example.org";
    [("native", gatepass::server::openapi(url)), ("ECE", gatepass::server::openapi_ece(url))]
}

/// The native document with two operations of one name, a reference that leads nowhere, and a wrong default.
fn bad() -> Value {
    let [(_, mut document), _] = documents();
    document["paths"]["/livez"]["get"]["operationId"] = "readyz".into();
    document["components"]["schemas"]["HostPage"]["properties"]["items"]["items"]["$ref"] =
        "#/components/schemas/Nowhere".into();
    document["components"]["schemas"]["RotateCaRequest"]["properties"]["root"]["default"] = "yes".into();
    document
}

/// Runs a linter on `document` in a name space without a network.
fn run(linter: &str, arguments: &[&str], document: &Value) -> Said {
    // unshare does not say what is missing.
    tool::run(Command::new(linter).arg("--version"), "").expect_good();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", linter]).args(arguments).arg(&file);
    command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    tool::run(command.current_dir(FOLDER), "")
}

/// The rules that `document` breaks, by Redocly.
fn redocly(document: &Value) -> Vec<String> {
    let said = run("redocly", &["lint", "--format", "json", "--config", "redocly.yaml"], document);
    let found: Value =
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}\n{}", said.out, said.err));
    assert_eq!(said.good, found["totals"]["errors"] == 0, "{found:#}");
    rules(&found["problems"], "ruleId")
}

/// The rules that `document` breaks, by Spectral.
fn spectral(document: &Value) -> Vec<String> {
    let arguments = ["lint", "--ruleset", "spectral.yaml", "--format", "json", "--quiet"];
    let said = run("spectral", &arguments, document);
    let found: Value =
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}\n{}", said.out, said.err));
    rules(&found, "code")
}

fn rules(found: &Value, member: &str) -> Vec<String> {
    println!("{found:#}");
    found.as_array().unwrap().iter().map(|problem| problem[member].as_str().unwrap().to_owned()).collect()
}

fn validator(document: &Value) -> Said {
    run("openapi-spec-validator", &[], document)
}

#[test]
fn redocly_finds_nothing_wrong_with_the_documents() {
    for (name, document) in documents() {
        assert_eq!(redocly(&document), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn spectral_finds_nothing_wrong_with_the_documents() {
    for (name, document) in documents() {
        assert_eq!(spectral(&document), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_validator_accepts_the_documents() {
    for (name, document) in documents() {
        println!("{name}: {}", validator(&document).expect_good());
    }
}

#[test]
fn each_linter_finds_mistakes() {
    let bad = bad();
    let found = redocly(&bad);
    assert!(found.iter().any(|rule| rule == "operation-operationId-unique"), "{found:?}");
    let found = spectral(&bad);
    for rule in ["operation-operationId-unique", "invalid-ref", "oas3-valid-schema-example"] {
        assert!(found.iter().any(|found| found == rule), "{rule}: {found:?}");
    }
    validator(&bad).expect_bad();
}
