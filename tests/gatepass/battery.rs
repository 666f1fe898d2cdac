//! The battery of faults: a few kills, which need neither root nor strace.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// The example beside the built binary. `cargo test` builds it; a filtered run may not have.
fn battery() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_gatepass")).with_file_name("examples").join("battery");
    if !built.is_file() {
        let made = Command::new(env!("CARGO")).args(["build", "--example", "battery"]).status().unwrap();
        assert!(made.success(), "the example builds");
    }
    built
}

#[test]
fn the_battery_finds_no_loss_after_kills() {
    let mut command = Command::new(battery());
    command.args(["kill", "--rounds", "3", "-o", "json", "--gatepass", env!("CARGO_BIN_EXE_gatepass")]);
    let ended = command.output().unwrap();
    let complaint = String::from_utf8_lossy(&ended.stderr);
    let report: Value = serde_json::from_slice(&ended.stdout).expect(&complaint);
    assert!(ended.status.success(), "{report:#} {complaint}");
    let mode = &report["modes"][0];
    assert_eq!((&mode["mode"], &mode["faults"], &report["not_run"]), (&json!("kill"), &json!(3), &json!([])));
    assert_eq!((&mode["lost"], &mode["over_used"], &mode["other"]), (&json!({}), &json!({}), &json!({})));
    let number = |value: &Value| value.as_u64().unwrap();
    assert!(number(&mode["acknowledged"]) > 10, "{mode:#}");
    // The control: an older copy of the store has lost acknowledged acts.
    assert!(number(&mode["control"]["lost"]) > 10, "{mode:#}");
    assert!(number(&mode["control"]["over_used"]) > 0, "{mode:#}");
}
