//! The load generator measures what it says: a second of it at a low rate.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The example beside the built binary. `cargo test` builds it; a filtered run may not have.
fn load() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_gatepass")).with_file_name("examples").join("load");
    if !built.is_file() {
        let made = Command::new(env!("CARGO")).args(["build", "--example", "load"]).status().unwrap();
        assert!(made.success(), "the example builds");
    }
    built
}

fn measure(arguments: &[&str]) -> Value {
    let mut command = Command::new(load());
    command.args(["--json", "--no-pin", "--connections", "2", "--gatepass", env!("CARGO_BIN_EXE_gatepass")]);
    let ended = command.args(arguments).output().unwrap();
    let (told, complaint) =
        (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap());
    assert!(ended.status.success(), "{complaint}");
    serde_json::from_str(&told).unwrap()
}

#[test]
fn a_remembered_sign_in_is_measured_beside_a_session() {
    let report = measure(&["--sign-in", "--rate", "50", "--seconds", "1", "--rounds", "1"]);
    let rows = report["rows"].as_array().unwrap();
    let modes = rows.iter().map(|row| row["mode"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(modes, ["session", "sign-in"]);
    assert!(
        rows.iter().all(|row| row["answers"] == 50 && row["errors"] == serde_json::json!({})),
        "{report}"
    );
    assert_eq!(report["ratios"].as_array().unwrap().len(), 2, "{report}");
}

#[test]
fn a_second_of_redeeming_at_a_fixed_rate_is_answered_and_counted() {
    let report = measure(&["--mode", "redeem", "--rate", "20", "--seconds", "1", "--floor"]);
    let (row, floor) = (&report["rows"][0], &report["rows"][1]);
    assert_eq!((row["mode"].as_str(), row["connections"].as_str()), (Some("redeem"), Some("kept")));
    assert_eq!((row["answers"].as_u64(), row["unsent"].as_u64()), (Some(20), Some(0)), "{row}");
    assert_eq!(row["errors"], serde_json::json!({}));
    let number = |row: &Value, name: &str| row[name].as_f64().unwrap();
    assert!(number(row, "p50_ms") > 0.0 && number(row, "p50_ms") <= number(row, "p999_ms"), "{row}");
    assert!(number(row, "server_cpu_us") > number(floor, "server_cpu_us"), "{report}");
    assert!(number(row, "resident_kib_after") > 1024.0, "{row}");
    assert!(report["start"]["answers_after_ms"].as_f64().unwrap() > 0.0, "{report}");
}

#[test]
fn a_data_directory_that_is_kept_can_be_measured_again() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let data = data.to_str().unwrap();
    for _ in 0..2 {
        let report = measure(&[
            "--mode",
            "mint",
            "--new-connections",
            "--rate",
            "10",
            "--seconds",
            "1",
            "--data-dir",
            data,
        ]);
        let row = &report["rows"][0];
        assert_eq!((row["connections"].as_str(), row["answers"].as_u64()), (Some("new"), Some(10)), "{row}");
        assert_eq!(row["errors"], serde_json::json!({}));
    }
}
