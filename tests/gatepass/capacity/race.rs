//! Hosts that race for the last slots: the limit is exact, whatever ends the process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{capacity, limit};
use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::database::{one, reader};
use crate::support::{Host, Process, Running, eventually};

const HOSTS: usize = 500;
/// Hosts that ask at the same time.
const WORKERS: usize = 25;

/// The answers to the hosts, by host: status, code and host id.
type Answers = BTreeMap<usize, (u16, String, Value)>;

/// Hosts that redeem a token, each until it is answered.
struct Rush {
    token: String,
    requests: Vec<String>,
    waiting: Mutex<Vec<usize>>,
    answers: Mutex<Answers>,
    answered: AtomicUsize,
}

impl Rush {
    fn new(token: String, hosts: usize) -> Arc<Self> {
        let requests = (0..hosts).map(|_| Host::new().csr()).collect();
        let waiting = Mutex::new((0..hosts).collect());
        Arc::new(Self { token, requests, waiting, answers: Mutex::default(), answered: AtomicUsize::new(0) })
    }

    /// Asks for host after host until the server is gone or no host waits.
    async fn work(self: Arc<Self>, client: Client) {
        loop {
            let Some(host) = self.waiting.lock().unwrap().pop() else { return };
            let body = json!({ "token": self.token, "csr": self.requests[host] }).to_string();
            match client.try_send(Method::POST, "/api/v1/bootstrap", Some(body)).await {
                Ok(said) => {
                    let answer = (said.status, said.code().to_owned(), said.json["host_id"].clone());
                    let before = self.answers.lock().unwrap().insert(host, answer);
                    assert_eq!(before, None);
                    self.answered.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => return self.waiting.lock().unwrap().push(host),
            }
        }
    }

    fn begin(self: &Arc<Self>, client: impl Fn() -> Client) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            workers.spawn(Arc::clone(self).work(client()));
        }
        workers
    }

    /// The number of hosts with this answer.
    fn count(&self, status: u16, code: &str) -> usize {
        let answers = self.answers.lock().unwrap();
        answers.values().filter(|(found, why, _)| (*found, why.as_str()) == (status, code)).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_race_for_a_cap_under_a_limit() {
    let at = Running::start_with(&[("hosts.node_limit", "150")]).await;
    let mut rushes = Vec::new();
    for hosts in [HOSTS, 100] {
        let minted = at.mint(json!({ "persistent": true, "max_uses": 100, "roles": [] })).await;
        let rush = Rush::new(token_of(&minted), hosts);
        rush.begin(|| at.stranger()).join_all().await;
        rushes.push((minted["token_id"].as_str().unwrap().to_owned(), rush));
    }
    let [(first, capped), (second, limited)] = &rushes[..] else { panic!("two tokens") };
    assert_eq!((capped.count(200, ""), capped.count(410, "token_exhausted")), (100, HOSTS - 100));
    assert_eq!((limited.count(200, ""), limited.count(403, "node_limit_exceeded")), (50, 50));
    let used = [at.token(first).await["used"].clone(), at.token(second).await["used"].clone()];
    assert_eq!(used, [json!(100), json!(50)], "a refused host spends nothing");
    assert_eq!(capacity(&at).await["enrolled"], 150);
    assert_eq!(one(&reader(at.data_dir()), "SELECT count(*) FROM hosts"), 150);
    assert_eq!(at.entries("host_enrolled").await, 150);
    limit(&at, json!(200)).await;
    let refused = limited
        .answers
        .lock()
        .unwrap()
        .extract_if(.., |_, (status, ..)| *status == 403)
        .map(|(host, _)| host)
        .collect();
    *limited.waiting.lock().unwrap() = refused;
    limited.begin(|| at.stranger()).join_all().await;
    assert_eq!(limited.count(200, ""), 100, "the refused hosts enroll later");
    at.stop().await;
}

/// A lower limit holds for every host that is admitted after its answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_lower_limit_counts_in_a_running_race() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "persistent": true, "max_uses": null, "roles": [] })).await;
    let rush = Rush::new(token_of(&minted), 300);
    let workers = rush.begin(|| at.stranger());
    eventually("some hosts are in", async || (rush.answered.load(Ordering::Relaxed) > 40).then_some(()))
        .await;
    let held = limit(&at, json!(1)).await["enrolled"].as_u64().unwrap();
    workers.join_all().await;
    assert_eq!(capacity(&at).await["enrolled"], held, "none was admitted after the limit was set");
    let admitted = rush.count(200, "");
    assert_eq!((admitted as u64, rush.count(403, "node_limit_exceeded")), (held, 300 - admitted));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_exact_over_kills() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let flags = [
        "--set",
        "server.external_url=https://127.0.0.1:8443",
        "--set",
        "hosts.node_limit=150",
        "--set",
        "limits.refused_token=off",
    ];
    let mut server = Process::start(&data, &flags).await;
    let order = json!({ "persistent": true, "max_uses": null, "roles": [] });
    let minted = server.admin().post("/api/v1/enrollment-tokens", &order).await.json;
    let rush = Rush::new(token_of(&minted), HOSTS);
    for kill_at in [60, 140, 149] {
        let workers = rush.begin(|| server.stranger());
        eventually("enough hosts were answered", async || {
            (rush.answered.load(Ordering::Relaxed) >= kill_at).then_some(())
        })
        .await;
        server.kill();
        workers.join_all().await;
        server = Process::start(&data, &flags).await;
        let (rows, shown) =
            (one(&reader(&data), "SELECT count(*) FROM hosts"), server.json(&["capacity", "show"]));
        assert_eq!(shown["enrolled"].as_i64().unwrap(), rows, "the count of the start");
    }
    rush.begin(|| server.stranger()).join_all().await;
    assert_eq!((rush.count(200, ""), rush.count(403, "node_limit_exceeded")), (150, HOSTS - 150));
    let database = reader(&data);
    assert_eq!(one(&database, "SELECT count(*) FROM hosts"), 150);
    assert_eq!(one(&database, "SELECT sum(used) FROM uses"), 150);
    assert_eq!(one(&database, "SELECT count(*) FROM ledger WHERE action = 'host_enrolled'"), 150);
    let again = rush.answers.lock().unwrap().clone();
    for (host, (_, _, id)) in again.into_iter().filter(|(_, (status, ..))| *status == 200) {
        let body = json!({ "token": rush.token, "csr": rush.requests[host] });
        assert_eq!(
            server.stranger().post("/api/v1/bootstrap", &body).await.json["host_id"],
            id,
            "an answer was lost"
        );
    }
    server.stop().await;
}
