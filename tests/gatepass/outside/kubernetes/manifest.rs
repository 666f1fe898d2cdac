//! The manifests: the chart as helm renders it, and the plain file.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::outside::tool::{Said, run};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/kubernetes");
const PLAIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/kubernetes/daemonset.yaml");
const TO_JSON: &str =
    "import json, sys, yaml; json.dump([d for d in yaml.safe_load_all(sys.stdin) if d], sys.stdout)";

/// The two values that everybody sets.
pub(super) const REQUIRED: [&str; 2] = ["cluster=edge-1", "image.repository=registry.example.org/gatepass"];

/// helm with these words before the chart, and values for it.
pub(super) fn helm(words: &[&str], values: &[&str]) -> Said {
    let mut command = Command::new("helm");
    command.args(words).arg(Path::new(EXAMPLES).join("chart")).args(["--kube-version", "1.37.0"]);
    for value in values {
        command.args(["--set", value]);
    }
    run(&mut command, "")
}

/// The text of the chart's manifests.
pub(super) fn rendered(values: &[&str]) -> String {
    helm(&["template", "gatepass"], &[&REQUIRED[..], values].concat()).expect_good()
}

/// The text of the plain manifests.
pub(super) fn plain() -> String {
    std::fs::read_to_string(PLAIN).unwrap()
}

/// The documents of a YAML text.
pub(super) fn documents(text: &str) -> Vec<Value> {
    let said = run(Command::new("python3").args(["-c", TO_JSON]), text);
    serde_json::from_str(&said.expect_good()).unwrap()
}

/// The one document of this kind.
pub(super) fn of_kind(text: &str, kind: &str) -> Value {
    let mut found = documents(text).into_iter().filter(|document| document["kind"] == kind);
    let one = found.next().expect(kind);
    assert!(found.next().is_none(), "one {kind} is enough");
    one
}

/// Validates manifests against the schemas of this version of Kubernetes, where unknown fields are errors.
pub(super) fn validate(version: &str, text: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifests.yaml");
    std::fs::write(&file, text).unwrap();
    run(Command::new("kubernetes-validate").args(["--strict", "-k", version]).arg(file), "")
}
