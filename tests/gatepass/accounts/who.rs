//! The credential of the command line: a set variable is used or refused, and never ignored.

use std::process::Output;

use serde_json::{Value, json};

use super::PASSWORD;
use crate::support::Process;
use crate::support::process::gatepass;

/// `gatepass …` on the machine of the server, with these variables.
fn beside(server: &Process, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = gatepass();
    command.args(args).arg("--data-dir").arg(&server.data_dir).envs(variables.iter().copied());
    command.output().unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_credential_variable_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let create = ["token", "create"];
    for (name, value) in [("GATEPASS_API_KEY", ""), ("GATEPASS_API_KEY", "\r\n"), ("GATEPASS_USER", "")] {
        let output = beside(&server, &create, &[(name, value)]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", complaint(&output));
        assert!(complaint(&output).contains(&format!("{name} is set but empty")), "{}", complaint(&output));
        assert!(output.stdout.is_empty(), "nothing was minted");
    }
    let both = [("GATEPASS_USER", "admin"), ("GATEPASS_PASSWORD", PASSWORD), ("GATEPASS_API_KEY", "")];
    assert_eq!(beside(&server, &create, &both).status.code(), Some(2), "nor a user beside it");
    let made = beside(&server, &["api-key", "create", "--scope", "tokens:write", "--quiet"], &[]);
    let key = String::from_utf8(made.stdout).unwrap();
    let output = beside(&server, &create, &[("GATEPASS_USER", ""), ("GATEPASS_API_KEY", key.trim())]);
    assert_eq!(output.status.code(), Some(2), "nor an API key beside it: {}", complaint(&output));
    assert!(complaint(&output).contains("GATEPASS_USER is set but empty"), "{}", complaint(&output));
    assert!(beside(&server, &create, &[]).status.success(), "without a credential the data directory counts");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_credential_is_spoken_of_by_its_kind() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let list = ["token", "list"];
    let asked = |variables: &[(&str, &str)]| {
        let output = beside(&server, &list, variables);
        (output.status.code(), complaint(&output))
    };
    let made = beside(&server, &["api-key", "create", "--scope", "tokens:read", "--quiet"], &[]);
    let key = String::from_utf8(made.stdout).unwrap();
    assert_eq!(
        asked(&[("GATEPASS_API_KEY", &format!("{}\r\n", key.trim()))]).0,
        Some(0),
        "with its line's end"
    );
    let (code, text) = asked(&[("GATEPASS_API_KEY", PASSWORD)]);
    assert!(code == Some(2) && text.contains("gpk_") && !text.contains(PASSWORD), "{text}");
    let (code, text) = asked(&[("GATEPASS_API_KEY", &format!("{}x", key.trim()))]);
    assert!(code == Some(1) && text.contains("check the API key: GATEPASS_API_KEY"), "{text}");
    assert!(text.contains("the API key is not valid") && !text.contains("password"), "{text}");
    let (code, text) = asked(&[("GATEPASS_USER", "admin"), ("GATEPASS_PASSWORD", "not that one at all")]);
    assert!(
        code == Some(1) && text.contains("GATEPASS_PASSWORD") && !text.contains("gatepass login"),
        "{text}"
    );
    assert!(text.contains("the user name or the password is wrong") && !text.contains("API key"), "{text}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_route_describes_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let create =
        ["api-key", "create", "--scope", "tokens:read", "--label", "ci", "--ttl", "1d", "-o", "json"];
    let made: Value = serde_json::from_slice(&beside(&server, &create, &[]).stdout).unwrap();
    let key = [("GATEPASS_API_KEY", made["api_key"].as_str().unwrap())];
    let shown: Value =
        serde_json::from_slice(&beside(&server, &["session", "-o", "json"], &key).stdout).unwrap();
    let expected =
        json!({ "id": made["id"], "label": "ci", "owner": null, "expires_at": made["expires_at"] });
    assert_eq!(shown["api_key"], expected);
    let table = String::from_utf8(beside(&server, &["session"], &key).stdout).unwrap();
    let ends = table.lines().find(|line| line.starts_with("ends ")).unwrap();
    assert!(ends.contains(&made["expires_at"].as_str().unwrap()[..16]), "{table}");
    let own = beside(&server, &["session", "-o", "json"], &[]);
    let own: Value = serde_json::from_slice(&own.stdout).unwrap();
    assert_eq!(own.get("api_key"), None, "{own}");
    server.stop().await;
}

#[test]
fn a_reset_without_a_password_names_the_variable() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = gatepass();
    command.args(["user", "reset-password", "--data-dir"]).arg(dir.path());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = complaint(&output);
    assert!(told.contains("give --password-file or GATEPASS_NEW_PASSWORD"), "{told}");
    let output = command.env("GATEPASS_PASSWORD", PASSWORD).output().unwrap();
    let told = complaint(&output);
    assert!(told.contains("gatepass.db is not there"), "the other one is taken as well: {told}");
}
