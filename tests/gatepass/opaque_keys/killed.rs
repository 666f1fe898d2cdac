//! Keys over a kill of the server: between the answer and the first use, and after it.

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::client::Said;
use crate::support::{Host, Process};

const FLAGS: [&str; 2] = ["--set", "server.external_url=https://127.0.0.1:8443"];

async fn ask(server: &Process, host: &Host, token: &str) -> Said {
    let body = json!({ "csr": host.csr(), "credential": "api_key" });
    server.stranger().bearer(token).post("/api/v1/bootstrap", &body).await
}

fn key_of(said: &Said) -> Option<&str> {
    assert_eq!(said.status, 200, "{}", said.text);
    said.json.get("access_api_key").and_then(Value::as_str)
}

async fn status(server: &Process, key: &str) -> u16 {
    server.stranger().bearer(key).get("/api/v1/whoami").await.status
}

/// A killed server has forgotten no key and no first use: one that was answered is on the disk.
#[tokio::test(flavor = "multi_thread")]
async fn keys_and_first_uses_outlive_a_killed_server() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Process::start(&data, &FLAGS).await;
    let terms = json!({ "name": "edge", "roles": ["proxy"], "api_key_credential": true });
    let policy = server.admin().post("/api/v1/policies", &terms).await.json;
    let token = token_of(&policy["first_token"]);
    let [lost, kept, used] = [Host::new(), Host::new(), Host::new()];
    let mut keys = Vec::new();
    for host in [&lost, &kept, &used] {
        keys.push(key_of(&ask(&server, host, &token).await).unwrap().to_owned());
    }
    assert_eq!(status(&server, &keys[2]).await, 200);
    server.kill();

    let server = Process::start(&data, &FLAGS).await;
    let again = ask(&server, &lost, &token).await;
    let next = key_of(&again).expect("the lost key was never used").to_owned();
    assert_eq!((status(&server, &keys[0]).await, status(&server, &next).await), (401, 200));
    assert_eq!(key_of(&ask(&server, &used, &token).await), None, "a repeat after the first use");
    assert_eq!((status(&server, &keys[1]).await, status(&server, &keys[2]).await), (200, 200));
    server.kill();

    let server = Process::start(&data, &FLAGS).await;
    for host in [&lost, &kept, &used] {
        assert_eq!(key_of(&ask(&server, host, &token).await), None);
    }
    assert_eq!(status(&server, &next).await, 200);
    server.stop().await;
}
