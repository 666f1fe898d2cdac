//! `gatepass output`.

use super::*;
use crate::support::Process;

#[tokio::test(flavor = "multi_thread")]
async fn outputs_are_created_listed_changed_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    assert_eq!(server.told(&["output", "list"]), "");
    let file = dir.path().join("password");
    std::fs::write(&file, "hunter2\n").unwrap();
    let password = file.to_str().unwrap();
    let create =
        ["output", "create", "--name", "events", "--type", "kafka", "--host", "kafka.example.org:9092"];
    let create =
        [&create[..], &["--auth", "user_pass", "--username", "agent", "--password-file", password]].concat();
    let events = server.json(&create);
    assert_eq!(events["password"], json!({ "set": true }));
    let id = events["id"].as_str().unwrap();
    let table = server.told(&["output", "list"]);
    for word in ["NAME", "events", "kafka.example.org:9092"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    assert_eq!(server.json(&["output", "show", &id[28..]])["id"], id);
    let shown = server.told(&["output", "show", "events"]);
    assert!(
        shown.contains("agent") && !shown.contains("hunter2") && !shown.contains("service token"),
        "{shown}"
    );
    let edge =
        server.json(&["policy", "create", "--name", "edge", "--outputs", "events", "--no-first-token"]);
    assert_eq!(edge["outputs"], json!([id]));

    let (code, error) = server.fails(&["output", "set", id, "--host", "kafka-2.example.org:9092", "--yes"]);
    assert!(code == 2 && error.contains("--password-file"), "{error}");
    let moved = ["output", "set", id, "--host", "kafka-2.example.org:9092", "--password-file", password];
    let (code, error) = server.fails(&moved);
    assert!(code == 2 && error.contains("1 policy has it; the hosts follow"), "{error}");
    let changed = server.json(&[&moved[..], &["--yes"]].concat());
    assert_eq!((&changed["revision"], &changed["hosts"]), (&json!(2), &json!(["kafka-2.example.org:9092"])));
    let (code, error) = server.fails(&["policy", "set", "edge", "--outputs", "event", "--yes"]);
    assert!(code == 1 && error.contains("no output has the name or the id event"), "{error}");
    let (code, error) = server.fails(&["output", "set", id]);
    assert!(code == 2 && error.contains("nothing to change"), "{error}");

    let (code, error) = server.fails(&["output", "delete", id, "--yes"]);
    assert!(code == 1 && error.contains("1 policy has this output"), "{error}");
    let policy = edge["id"].as_str().unwrap();
    assert_eq!(server.json(&["policy", "set", policy, "--no-outputs"])["outputs"], json!([]));
    let (code, error) = server.fails(&["output", "delete", "events"]);
    assert!(code == 2 && error.contains("(events) with its secrets?"), "{error}");
    assert_eq!(server.told(&["output", "delete", id, "--yes"]), format!("deleted output {id}\n"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_of_the_seal_asks_first() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (code, error) = server.fails(&["keys", "rotate", "--use", "seal"]);
    assert!(code == 2 && error.contains("The current key seal-1 is destroyed."), "{error}");
    let told = server.told(&["keys", "rotate", "--use", "seal", "--yes"]);
    assert!(told.starts_with("key seal-2 seals every secret of outputs now"), "{told}");
    server.stop().await;
}
