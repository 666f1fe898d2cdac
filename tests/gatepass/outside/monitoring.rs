//! `examples/monitoring` under promtool of Prometheus: rules, their tests, the configuration, and the metrics of the real binary.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::served::Served;
use super::tool;

/// A copy of the example, with the root certificate that its configuration names.
fn copied(at: &Served) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/monitoring");
    for file in fs::read_dir(example).unwrap() {
        let file = file.unwrap().path();
        fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    fs::copy(at.root(), folder.path().join("root.pem")).unwrap();
    folder
}

fn promtool(folder: &TempDir, arguments: &[&str], input: &str) -> String {
    let mut command = Command::new("promtool");
    tool::run(command.args(arguments).current_dir(folder), input).expect_good()
}

#[test]
fn promtool_accepts_rules_and_configuration() {
    let folder = copied(&Served::start());
    let said = promtool(&folder, &["check", "config", "prometheus.yml"], "");
    assert!(said.contains("SUCCESS: 23 rules found"), "{said}");
    promtool(&folder, &["test", "rules", "alerts_test.yml"], "");
}

#[test]
fn promtool_finds_nothing_wrong_in_the_metrics() {
    let at = Served::start();
    let folder = copied(&at);
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail", "--cacert"]).arg(at.root()).arg(format!("{}/metrics", at.url));
    let metrics = tool::run(&mut curl, "").expect_good();
    assert!(metrics.contains("# HELP gatepass_requests_total "), "{metrics}");
    promtool(&folder, &["check", "metrics"], &metrics);
}
