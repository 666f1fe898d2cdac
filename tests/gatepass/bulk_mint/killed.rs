//! I2 and I8: a bulk mint whose server is killed leaves whole transactions.

use http::HeaderName;
use serde_json::{Value, json};

use super::TOKENS;
use crate::support::Process;
use crate::support::database::{one, reader};

const KILLS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn i2_sent_tokens_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let request = json!({ "roles": ["proxy"], "count": 10_000 });
    let mut received = Vec::new();
    for kill in 0..KILLS {
        let server = Process::start(&data, &[]).await;
        let key = format!("kill-{kill}");
        let admin = server.admin().header(HeaderName::from_static("idempotency-key"), &key);
        let mut answer = admin.open(TOKENS, &request).await;
        let mut text = Vec::new();
        // The kill comes at another line each time.
        while text.len() < 300 << (4 * kill) {
            text.extend_from_slice(&answer.part().await.unwrap().unwrap());
        }
        server.kill();
        while let Ok(Some(part)) = answer.part().await {
            text.extend_from_slice(&part);
        }
        let whole = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        let lines = whole.map(|line| serde_json::from_slice(line).unwrap()).collect::<Vec<Value>>();
        received.push((key, lines));
    }
    let server = Process::start(&data, &[]).await;
    for (key, lines) in received {
        let admin = server.admin().header(HeaderName::from_static("idempotency-key"), &key);
        let again = admin.post(TOKENS, &request).await;
        assert_eq!(again.status, 200, "{}", again.text);
        let ids = again.json["token_ids"].as_array().unwrap();
        assert!(!ids.is_empty() && ids.len().is_multiple_of(1000), "{} tokens", ids.len());
        let tokens = lines.iter().filter(|line| line["token"].is_string());
        assert!(tokens.clone().count() > 0);
        for line in tokens {
            assert!(ids.contains(&line["token_id"]), "{} is lost", line["token_id"]);
        }
    }
    let database = reader(&data);
    let minted = one(&database, "SELECT count(*) FROM mints");
    assert_eq!(one(&database, "SELECT count(*) FROM ledger WHERE action = 'token_created'"), minted);
    assert_eq!(
        one(&database, "SELECT count(DISTINCT token) FROM ledger WHERE action = 'token_created'"),
        minted
    );
    let verdict = server.admin().get("/api/v1/ledger/verification").await;
    assert_eq!(verdict.json["intact"], json!(true), "{}", verdict.text);
    server.stop().await;
}
