//! Re-enrollments under SIGKILL: each host has one state, and an answer that was given stays.

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::database::{one, reader};
use crate::support::process::Process;
use crate::support::{Host, eventually};

const URL: &str = "server.external_url=https://127.0.0.1:8443";
const HOSTS: usize = 24;
const KILLS: usize = 4;

/// A machine that redeems a re-enrollment token of its host.
struct Returning {
    host: String,
    token: String,
    machine: Host,
}

async fn redeem(client: Client, machine: &Host, token: &str) -> Option<(u16, Value)> {
    let body = json!({ "csr": machine.csr() });
    let said = client
        .bearer(token)
        .try_send(http::Method::POST, "/api/v1/bootstrap", Some(body.to_string()))
        .await
        .ok()?;
    Some((said.status, said.json))
}

async fn returning(server: &Process) -> Vec<Returning> {
    let (admin, mut all) = (server.admin(), Vec::new());
    for _ in 0..HOSTS {
        let minted = admin.post("/api/v1/enrollment-tokens", &json!({})).await.json;
        let (_, enrolled) = redeem(server.stranger(), &Host::new(), &token_of(&minted)).await.unwrap();
        let host = enrolled["host_id"].as_str().unwrap().to_owned();
        let minted =
            admin.post(&format!("/api/v1/hosts/{host}/reenrollment-token"), &json!({ "ttl": "1h" })).await;
        assert_eq!(minted.status, 201, "{}", minted.text);
        all.push(Returning { host, token: token_of(&minted.json), machine: Host::new() });
    }
    all
}

/// Lets these hosts come back; each with its answer, if it got one.
async fn come_back(server: &Process, all: &[Returning]) -> Vec<Option<(u16, Value)>> {
    let asked = all.iter().map(|one| redeem(server.stranger(), &one.machine, &one.token));
    futures_util::future::join_all(asked).await
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_a_kill_leaves_one_state_of_each_host() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Process::start(&data, &["--set", URL]).await;
    let all = returning(&server).await;
    let mut answered = Vec::new();
    for (round, part) in all.chunks(HOSTS / KILLS).enumerate() {
        let before = one(&reader(&data), COMEBACKS);
        let asking = come_back(&server, part);
        let committed =
            eventually("a host came back", async || (one(&reader(&data), COMEBACKS) > before).then_some(()));
        // Some answers are on their way at that moment, and in the first round all are awaited.
        let said = if round == 0 {
            asking.await
        } else {
            tokio::select! { said = asking => said, () = committed => Vec::new() }
        };
        answered.extend(part.iter().zip(said).filter_map(|(one, said)| Some((&one.host, said?))));
        server.kill();
        server = Process::start(&data, &["--set", URL]).await;
    }
    let said: Vec<_> = come_back(&server, &all).await.into_iter().map(Option::unwrap).collect();
    for (one, (status, answer)) in all.iter().zip(&said) {
        assert_eq!((*status, &answer["host_id"]), (200, &json!(one.host)), "{answer}");
        let before = answered.iter().find(|(host, _)| *host == &one.host);
        assert!(before.is_none_or(|(_, (_, known))| known == answer), "an answer was given again");
    }
    assert!(answered.len() >= HOSTS / KILLS);
    let database = reader(&data);
    assert_eq!(one(&database, "SELECT count(*) FROM hosts"), HOSTS as i64);
    assert_eq!(one(&database, COMEBACKS), HOSTS as i64, "one entry for each");
    assert_eq!(one(&database, "SELECT count(*) FROM revoked_certificates"), HOSTS as i64);
    let newest = "SELECT count(*) FROM hosts AS h JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest \
                  JOIN pairs AS p ON p.host = h.host AND p.key = c.key JOIN mints AS m ON m.token = p.token \
                  WHERE m.kind = 're-enrollment'";
    assert_eq!(one(&database, newest), HOSTS as i64);
    let verdict = server.admin().get("/api/v1/ledger/verification").await;
    assert_eq!(verdict.json["intact"], json!(true), "{}", verdict.text);
    server.stop().await;
}

const COMEBACKS: &str = "SELECT count(*) FROM ledger WHERE action = 'host_reenrolled'";
