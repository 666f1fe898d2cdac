//! I1 under concurrency: however many hosts race for a token, no more get in than it has uses.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::authority::token_of;
use crate::support::database::{one, reader};
use crate::support::inside;
use crate::support::{Host, Running};

const HOSTS: usize = 200;

/// Every host of 200, each over a connection of its own, presents every token, all of them at the same moment.
/// How many got in with each token.
async fn race(at: &Running, tokens: &[String]) -> Vec<usize> {
    let start = Arc::new(Barrier::new(HOSTS));
    let mut hosts = JoinSet::new();
    for _ in 0..HOSTS {
        let (host, start, tokens) = (Host::new(), Arc::clone(&start), tokens.to_vec());
        let client = at.stranger();
        hosts.spawn(async move {
            let csr = host.csr();
            let mut admitted = Vec::new();
            for token in &tokens {
                start.wait().await;
                let said = client.post("/api/v1/bootstrap", &json!({ "token": token, "csr": csr })).await;
                assert!(matches!(said.status, 200 | 410), "{}", said.text);
                admitted.push(usize::from(said.status == 200));
            }
            admitted
        });
    }
    let admitted = hosts.join_all().await;
    (0..tokens.len()).map(|token| admitted.iter().map(|of_host| of_host[token]).sum()).collect()
}

async fn mint(at: &Running, count: usize, uses: u32) -> Vec<String> {
    let mut tokens = Vec::new();
    for number in 0..count {
        // Persistent and ephemeral tokens count their uses in different ways.
        let request = json!({ "roles": [], "max_uses": uses, "persistent": number % 2 == 0 });
        tokens.push(token_of(&at.mint(request).await));
    }
    tokens
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_one_host_wins_each_of_50_tokens() {
    let at = Running::start().await;
    let tokens = mint(&at, 50, 1).await;
    assert_eq!(race(&at, &tokens).await, [1; 50]);
    assert_eq!(one(&reader(at.data_dir()), "SELECT count(*) FROM hosts"), 50);
    assert_eq!(one(&reader(at.data_dir()), "SELECT max(used) FROM uses"), 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_100_of_200_racing_hosts_win() {
    let at = Running::start().await;
    let tokens = mint(&at, 2, 100).await;
    assert_eq!(race(&at, &tokens).await, [100; 2]);
    assert_eq!(one(&reader(at.data_dir()), "SELECT count(*) FROM hosts"), 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_200_requests_of_one_host_enroll_once() {
    let at = Running::start().await;
    let (token, csr) = (at.mint_once().await, Host::new().csr());
    let mut asking = JoinSet::new();
    for _ in 0..HOSTS {
        let (client, body) = (at.stranger(), json!({ "token": token, "csr": csr }));
        asking.spawn(async move { client.post("/api/v1/bootstrap", &body).await });
    }
    let said = asking.join_all().await;
    assert!(said.iter().all(|answer| answer.status == 200 && answer.json == said[0].json));
    assert_eq!(one(&reader(at.data_dir()), "SELECT count(*) FROM hosts"), 1);
    assert_eq!(at.entries("host_enrolled").await, 1, "repeats make no entries");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn i1_simultaneous_repeats_get_the_same_certificate() {
    let at = Running::start().await;
    let request = json!({ "dns_names": ["*.nodes.example.org"] });
    for round in 0..60 {
        let token = inside::mint(&at.authority, request.clone()).await.unwrap().text().expose().clone();
        let (csr, name) = (Host::new().csr(), format!("n{round}.nodes.example.org"));
        let mut asking = JoinSet::new();
        for _ in 0..24 {
            let (authority, token, csr, name) =
                (at.authority.clone(), token.clone(), csr.clone(), name.clone());
            asking.spawn(async move { inside::redeem(&authority, &token, &csr, Some(&name)).await });
        }
        let said = asking.join_all().await;
        assert!(said.iter().all(|answer| answer.is_ok() && *answer == said[0]), "{round}: {said:?}");
    }
    at.stop().await;
}
