//! `gatepass policy`.

use serde_json::{Value, json};

use crate::support::Process;
use crate::support::process::gatepass;

/// The whole answer to the creation of a policy.
fn create(server: &Process, args: &[&str]) -> Value {
    server.json(&[&["policy", "create"], args].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_created_listed_changed_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    assert_eq!(server.told(&["policy", "list"]), "");
    let edge = create(&server, &["--name", "edge", "--role", "proxy", "--label", "site=eu-1"]);
    let id = edge["id"].as_str().unwrap();
    assert!(edge["first_token"]["token"].is_string(), "{edge}");
    let table = server.told(&["policy", "list"]);
    for word in ["NAME", "edge", "proxy", "CERTIFICATES", "default"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    assert_eq!(server.told(&["policy", "list", "-o", "id"]), format!("{id}\n"));
    let shown = server.told(&["policy", "show", &id[28..]]);
    assert!(shown.contains("site=eu-1") && shown.contains("local"), "{shown}");

    let changed = server.json(&["policy", "set", &id[28..], "--certificate-lifetime", "7d", "--no-roles"]);
    assert_eq!((&changed["certificate_lifetime"], &changed["roles"]), (&json!("7d"), &json!([])));
    let (code, error) = server.fails(&["policy", "set", id]);
    assert!(code == 2 && error.contains("nothing to change"), "{error}");
    let revisions = server.told(&["policy", "revisions", id]);
    assert!(revisions.contains("REVISION") && revisions.lines().count() == 3, "{revisions}");
    let restored = server.json(&["policy", "restore", id, "1"]);
    assert_eq!((&restored["revision"], &restored["roles"]), (&json!(3), &json!(["proxy"])));

    let (code, error) = server.fails(&["policy", "delete", id]);
    assert_eq!(code, 2);
    for part in [&format!("Delete policy {id} (edge)?"), "1 live token of it stops working", "give --yes"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let gone = server.told(&["policy", "delete", id, "--yes"]);
    assert_eq!(gone, format!("deleted policy {id} and revoked 1 token\n"));
    let (code, error) = server.fails(&["policy", "delete", id, "--yes"]);
    assert!(code == 1 && error.contains("not_found"), "{error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_token_goes_to_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let file = dir.path().join("edge.token");
    let out = file.to_str().unwrap();
    let told = server.told(&["policy", "create", "--name", "edge", "--role", "proxy", "--out", out]);
    let token = std::fs::read_to_string(&file).unwrap();
    assert!(told.contains("only in the file") && !told.contains(token.trim()), "{told}");
    let host = dir.path().join("host");
    let enrolled =
        gatepass().args(["enroll", "--token-file", out, "--cert-dir"]).arg(&host).output().unwrap();
    assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
    let none = create(&server, &["--name", "core", "--no-first-token"]);
    assert_eq!(none.get("first_token"), None);
    let quiet = server.told(&["policy", "create", "--name", "quiet", "--quiet"]);
    assert!(quiet.starts_with("eyJ") && quiet.lines().count() == 1, "{quiet}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_come_from_a_file_and_fit_their_schema() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let schema = write("schema.json", r#"{ "properties": { "level": { "enum": ["info"] } } }"#);
    let (good, bad) =
        (write("good.json", r#"{ "level": "info" }"#), write("bad.json", r#"{ "level": "loud" }"#));
    let edge = create(&server, &["--name", "edge", "--settings", &good, "--schema", &schema]);
    assert_eq!(edge["settings"], json!({ "level": "info" }));
    let (code, error) = server.fails(&["policy", "set", edge["id"].as_str().unwrap(), "--settings", &bad]);
    assert!(code == 2 && error.contains("settings.level"), "{error}");
    let broken = write("broken.json", "{");
    let (code, error) = server.fails(&["policy", "create", "--name", "x", "--settings", &broken]);
    assert!(code == 2 && error.contains("not JSON"), "{error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_policies_name_the_flag() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let create = ["policy", "create", "--name", "edge"];
    for (more, flag) in [
        (["--role", "root"], "--role"),
        (["--certificate-lifetime", "1s"], "--certificate-lifetime"),
        (["--renew-at", "0.1"], "--renew-at"),
        (["--label", "site"], "--label"),
        (["--audience", "urn:none"], "--audience"),
        (["--settings", "/none"], "--settings"),
    ] {
        let (code, error) = server.fails(&[&create[..], &more].concat());
        assert!(code == 2 && error.contains(flag), "{more:?}: {code} {error}");
    }
    assert_eq!(server.json(&["policy", "list"]), json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_created_for_a_policy() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let edge = create(&server, &["--name", "edge", "--role", "proxy"]);
    let id = edge["id"].as_str().unwrap();
    let token = server.json(&["token", "create", "--policy", &id[28..], "--persistent"]);
    assert_eq!(
        (&token["policy"], &token["kind"], &token["roles"]),
        (&json!(id), &json!("policy"), &json!(["proxy"]))
    );
    let listed = server.json(&["token", "list", "--policy", id]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let shown = server.told(&["token", "show", token["token_id"].as_str().unwrap()]);
    assert!(shown.contains(id), "{shown}");
    let (code, error) = server.fails(&["token", "create", "--policy", id, "--role", "director"]);
    assert!(code == 2 && error.contains("--role"), "{error}");
    server.stop().await;
}
