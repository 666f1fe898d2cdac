//! The command line: labels and reports in lists.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::Process;
use crate::support::process::gatepass;

fn run(server: &Process, args: &[&str]) -> Output {
    gatepass().args(args).arg("--data-dir").arg(&server.data_dir).output().unwrap()
}

fn said(server: &Process, args: &[&str]) -> String {
    let output = run(server, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn enroll(server: &Process, dir: &Path, more: &[&str]) -> Output {
    let token = said(server, &["token", "create", "--label", "batch 1", "--quiet"]);
    let mut command = gatepass();
    command.args(["enroll", "--cert-dir"]).arg(dir).args(more).env("GATEPASS_TOKEN", token.trim());
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_reports_in_parentheses_and_labels() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let hidden = enroll(&server, &dir.path().join("none"), &["--label", "a\u{202e}b"]);
    let text = String::from_utf8(hidden.stderr).unwrap();
    assert!(hidden.status.code() == Some(2) && text.contains(r"a\u{202e}b"), "{text}");
    assert!(!dir.path().join("none").exists(), "nothing was begun");

    let host = dir.path().join("host");
    let enrolled = enroll(&server, &host, &["--label", "rack 7"]);
    assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
    let hostname = rustix::system::uname().nodename().to_str().unwrap().to_owned();
    let table = said(&server, &["host", "list", "--label", "rack 7", "--hostname", &hostname]);
    for cell in [&format!("({hostname})"), "(rack 7)", "batch 1", "127.0.0.1", "LAST SEEN"] {
        assert!(table.contains(cell), "{cell}: {table}");
    }
    let listed: Value = serde_json::from_str(&said(&server, &["host", "list", "-o", "json"])).unwrap();
    let id = listed[0]["id"].as_str().unwrap();
    let own = run(&server, &["host", "revoke", "--label", "rack 7", "--yes"]);
    assert_eq!(own.status.code(), Some(1), "a host's own words select nothing");

    let own = run(&server, &["host", "revoke", "--hostname", &hostname, "--yes"]);
    let text = String::from_utf8(own.stderr).unwrap();
    assert!(!own.status.success() && text.contains("hostname: ") && text.contains("by id"), "{text}");

    assert!(said(&server, &["host", "set-label", id, "rack 8"]).contains("rack 8"));
    let table = said(&server, &["host", "list", "--label", "rack 8", "--expires-within", "365d"]);
    assert!(table.contains("rack 8") && !table.contains("(rack 7)"), "{table}");
    let shown = said(&server, &["host", "show", id]);
    assert!(shown.contains("reported label") && shown.contains("rack 7"), "{shown}");
    assert!(!said(&server, &["host", "set-label", id, ""]).contains("rack 8"));
    let wrong = run(&server, &["host", "set-label", id, "a\u{200b}b"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", String::from_utf8_lossy(&wrong.stderr));
    for filter in [&["--overdue"][..], &["--cluster", "eu-1"], &["--label", "rack 8"]] {
        let output = run(&server, &[&["host", "list"], filter].concat());
        assert!(output.stdout.is_empty() && output.status.success(), "{filter:?}");
    }
    server.stop().await;
}
