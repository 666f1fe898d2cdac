//! The load generator measures what it says: a few seconds of it at a low rate.

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

/// Checks that a fixed rate accounts for every due request: answered without error, or counted as unsent. The split depends
/// on the machine.
fn accounts_for(row: &Value, due: u64) {
    let [answers, unsent] = ["answers", "unsent"].map(|name| row[name].as_u64().unwrap());
    assert_eq!((answers + unsent, &row["errors"]), (due, &serde_json::json!({})), "{row}");
    assert!(answers > 0, "{row}");
}

#[test]
fn a_remembered_sign_in_is_measured_beside_a_session() {
    let report = measure(&["--sign-in", "--rate", "20", "--seconds", "3", "--rounds", "1"]);
    let rows = report["rows"].as_array().unwrap();
    let modes = rows.iter().map(|row| row["mode"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(modes, ["session", "sign-in"]);
    rows.iter().for_each(|row| accounts_for(row, 60));
    assert_eq!(report["ratios"].as_array().unwrap().len(), 2, "{report}");
}

#[test]
fn a_cluster_token_is_measured_beside_a_token_each() {
    let report = measure(&["--cluster", "--rate", "20", "--seconds", "3", "--rounds", "1"]);
    let rows = report["rows"].as_array().unwrap();
    let modes = rows.iter().map(|row| row["mode"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(modes, ["redeem", "redeem-cluster"]);
    rows.iter().for_each(|row| accounts_for(row, 60));
    let ratios = report["ratios"].as_array().unwrap();
    assert!(ratios.len() == 2 && ratios.iter().all(|ratio| ratio["bar"] == 0.8), "{report}");
}

#[test]
fn redeeming_at_a_fixed_rate_is_answered_and_counted() {
    let report = measure(&["--mode", "redeem", "--rate", "20", "--seconds", "3", "--floor"]);
    let (row, floor) = (&report["rows"][0], &report["rows"][1]);
    assert_eq!((row["mode"].as_str(), row["connections"].as_str()), (Some("redeem"), Some("kept")));
    accounts_for(row, 60);
    let number = |row: &Value, name: &str| row[name].as_f64().unwrap();
    assert!(number(row, "p50_ms") > 0.0 && number(row, "p50_ms") <= number(row, "p999_ms"), "{row}");
    assert!([row, floor].iter().all(|row| number(row, "server_cpu_us") >= 0.0), "{report}");
    assert!(number(row, "resident_kib_after") > 1024.0, "{row}");
    assert!(report["start"]["answers_after_ms"].as_f64().unwrap() > 0.0, "{report}");
}

#[test]
fn a_kept_data_directory_is_measured_again() {
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
            "3",
            "--data-dir",
            data,
        ]);
        let row = &report["rows"][0];
        assert_eq!(row["connections"], "new");
        accounts_for(row, 30);
    }
}
