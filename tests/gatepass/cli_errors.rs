//! Errors of the command line: flags by their names, exit codes, JSON, and the id of the request.

use serde_json::{Value, json};

use crate::support::Process;
use crate::support::process::gatepass;

const NOBODY: &str = "0190a0b0-0000-7000-8000-000000000000";

/// The last line of an error, as JSON.
fn document(error: &str) -> Value {
    serde_json::from_str(error.lines().last().unwrap()).unwrap()
}

/// The names of the fields, or of the flags, in an error's lines.
fn named(error: &str) -> Vec<&str> {
    let lines = error.lines().filter_map(|line| line.strip_prefix("  "));
    lines.filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_value_names_its_flag() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let token = server.json(&["token", "create"]);
    let short = dir.path().join("short");
    std::fs::write(&short, "short").unwrap();
    let (id, short) = (token["token_id"].as_str().unwrap(), short.to_str().unwrap());
    let cases: [(&[&str], &str); 22] = [
        (&["token", "create", "--ttl", "soon"], "--ttl"),
        (&["token", "create", "--expires-at", "tomorrow"], "--expires-at"),
        (&["token", "create", "--role", "nobody"], "--role"),
        (&["token", "create", "--max-uses", "0"], "--max-uses"),
        (&["token", "create", "--label", "a\u{202e}b"], "--label"),
        (&["token", "create", "--key-thumbprint", "x"], "--key-thumbprint"),
        (&["token", "create", "--cluster", "a b"], "--cluster"),
        (&["token", "create", "--audience", "urn:none", "--ttl", "1h"], "--audience"),
        (&["token", "rotate", id, "--overlap", "soon", "--yes"], "--overlap"),
        (&["token", "list", "--state", "good"], "--state"),
        (&["token", "list", "--unused", "long"], "--unused"),
        (&["token", "revoke", "--role", "A B", "--yes"], "--role"),
        (&["host", "list", "--seen-before", "long"], "--seen-before"),
        (&["host", "list", "--expires-within", "long"], "--expires-within"),
        (&["host", "revoke", "--hostname", "web", "--yes"], "--hostname"),
        (&["user", "create", "Big Name", "viewer"], "NAME"),
        (&["user", "create", "anna", "operator", "--max-ttl", "long"], "--max-ttl"),
        (&["user", "create", "anna", "operator", "--role", "nobody"], "--role"),
        (&["user", "create", "anna", "viewer", "--password-file", short], "--password-file"),
        (&["api-key", "create", "--scope", "tokens:write", "--cluster", "a b"], "--cluster"),
        (&["api-key", "create", "--scope", "tokens:write", "--ttl", "soon"], "--ttl"),
        (&["settings", "set", "default_ttl=soon"], "default_ttl"),
    ];
    for (args, flag) in cases {
        let output =
            server.command(args).env("GATEPASS_NEW_PASSWORD", "staple battery horse").output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert_eq!(named(&error), [flag], "{args:?}: {error}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_names_the_flag_that_exceeds_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let key = server.told(&["api-key", "create", "--scope", "tokens:write", "--quiet"]);
    let mint = ["token", "create", "--ttl", "2h", "--role", "proxy", "--max-uses", "9", "--cluster", "c"];
    let output = server.command(&mint).env("GATEPASS_API_KEY", key.trim()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "a refusal: {error}");
    let mut flags = named(&error);
    flags.sort_unstable();
    assert_eq!(flags, ["--cluster", "--max-uses", "--role", "--ttl"], "{error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_json_for_scripts() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (code, error) = server.fails(&["token", "create", "--role", "nobody", "-o", "json"]);
    let said = document(&error);
    assert_eq!((code, &said["exit_code"]), (2, &json!(2)));
    assert_eq!((&said["code"], &said["status"]), (&json!("invalid_request"), &json!(400)), "{said}");
    assert_eq!(said["fields"][0]["field"], "--role");
    let request = said["request_id"].as_str().unwrap();
    server.logs(request).await;

    let (code, error) = server.fails(&["token", "show", NOBODY, "--output=json"]);
    let said = document(&error);
    assert_eq!((code, &said["code"], &said["fields"]), (1, &json!("not_found"), &Value::Null), "{said}");
    let token = server.json(&["token", "create"])["token_id"].as_str().unwrap().to_owned();
    let output =
        server.command(&["token", "revoke", &token, NOBODY, "--yes", "-o", "json"]).output().unwrap();
    let [report, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report[1], json!({ "id": NOBODY, "error": "not_found" }), "{report}");
    let said = document(error.lines().last().unwrap());
    let expected = (Some(1), &json!("not every token was revoked"));
    assert_eq!((output.status.code(), &said["error"]), expected, "{error}");
    let (code, error) = server.fails(&["token", "list", "--nonsense", "-o", "json"]);
    let said = document(&error);
    assert_eq!((code, &said["exit_code"]), (2, &json!(2)));
    assert!(said["error"].as_str().unwrap().starts_with("unexpected argument '--nonsense'"), "{said}");
    let (_, error) = server.fails(&["token", "revoke", "-ojson"]);
    assert!(document(&error)["error"].as_str().unwrap().contains("--all"), "{error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_has_the_id_in_the_servers_log() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (_, error) = server.fails(&["host", "show", NOBODY]);
    let id = error.lines().last().unwrap().rsplit(' ').next().unwrap();
    assert_eq!(id.len(), 36, "{error}");
    server.logs(id).await;
    server.stop().await;
}

#[test]
fn help_and_version_are_no_errors() {
    for args in [["--help", "-o", "json"].as_slice(), &["--version"], &["token", "create", "--help"]] {
        let output = gatepass().args(args).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty() && !output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn a_mistake_shows_hidden_characters_escaped() {
    for format in ["table", "json"] {
        let line = ["enroll", "--label", "a\u{202e}b", "-o", format];
        let refused = gatepass().args(line).output().unwrap();
        let error = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{error}");
        assert!(error.contains("u{202e}b") && !error.contains('\u{202e}'), "{error}");
    }
}

/// Command lines with `CREDENTIAL` in a wrong place: a positional argument, a flag, a name.
const WRONG_PLACES: &[&[&str]] = &[
    &["CREDENTIAL"],
    &["--CREDENTIAL"],
    &["host", "show", "CREDENTIAL"],
    &["host", "release", "CREDENTIAL", "--keep", "newest", "--yes"],
    &["host", "release", NOBODY, "--keep", "CREDENTIAL"],
    &["host", "revoke", "CREDENTIAL", "--yes"],
    &["host", "reenroll", "CREDENTIAL"],
    &["host", "list", "--token", "CREDENTIAL"],
    &["host", "list", "--limit=CREDENTIAL"],
    &["host", "list", "CREDENTIAL"],
    &["token", "show", "CREDENTIAL"],
    &["token", "list", "--server", "CREDENTIAL"],
    &["token", "list", "--data-dir", "CREDENTIAL"],
    &["token", "list", "-o", "CREDENTIAL"],
    &["token", "inspect", "--token-file", "CREDENTIAL"],
    &["keys", "retire", "CREDENTIAL"],
    &["context", "use", "CREDENTIAL"],
    &["serve", "--listen", "CREDENTIAL"],
    &["serve", "--config", "CREDENTIAL"],
    &["enroll", "--wait", "CREDENTIAL"],
    &["enroll", "--ca-fingerprint", "CREDENTIAL"],
];

/// The error of `line` with `credential` in its wrong place.
fn misplaced(line: &[&str], credential: &str, more: &[&str]) -> String {
    let nowhere = tempfile::tempdir().unwrap();
    let words = line.iter().map(|word| word.replace("CREDENTIAL", credential));
    let output = gatepass().args(words).args(more).current_dir(&nowhere).output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{line:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_mistake_does_not_repeat_a_credential() {
    let token = format!("eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJnYXRlIn0.{}", "hunter2-".repeat(10) + "_hunte");
    let folded = token.replace('.', ".\r\n");
    let others = ["gpk_", "gps_", "gpl_"].map(|prefix| format!("{prefix}{}", "hunter2-".repeat(8)));
    let is_shown = |error: &str| ["hunte", "eyJhbGci", "eyJpc3Mi"].iter().any(|part| error.contains(part));
    for line in WRONG_PLACES {
        let error = misplaced(line, &token, &[]);
        assert!(!error.is_empty() && !is_shown(&error), "{line:?}: {error}");
    }
    let error = misplaced(&["token", "list", "--server", "CREDENTIAL"], "eyJhbGci.hunte.r2", &[]);
    assert!(error.contains("write https://") && !error.contains("hunte"), "{error}");
    for credential in others.iter().chain([&token, &folded]) {
        for format in [[].as_slice(), &["-o", "json"]] {
            let error = misplaced(&["host", "show", "CREDENTIAL"], credential, format);
            assert!(error.contains("(a credential, not shown)") && !is_shown(&error), "{error}");
        }
        let error = misplaced(&["host", "release", NOBODY, "--keep", "CREDENTIAL"], credential, &[]);
        assert!(error.contains("(a credential, not shown)") && !is_shown(&error), "{error}");
    }
}
