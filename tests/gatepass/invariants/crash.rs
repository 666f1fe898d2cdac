//! I2: what was answered is there afterwards, however the process ended.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::database::{one, reader};
use crate::support::{Host, Process, eventually};

const KILLS: usize = 30;
const WORKERS: usize = 6;
const LIMITED: usize = 10;
const UNLIMITED: usize = 10;
const USES: u32 = 5;
const HOSTS: usize = 60;
/// The URL in its tokens, whichever port it has after a kill.
const URL: &str = "server.external_url=https://127.0.0.1:8443";

/// Which token, and which host's request.
type Pair = (usize, usize);

/// The requests of the hosts, and the answers they got.
struct Load {
    tokens: Vec<String>,
    requests: Vec<String>,
    plan: Mutex<VecDeque<Pair>>,
    answered: Mutex<BTreeMap<Pair, (u16, Value)>>,
    count: AtomicUsize,
}

/// As many hosts as there are workers come with the same token, then with the next: they race for its uses.
fn plan() -> VecDeque<Pair> {
    let mut plan = VecDeque::new();
    for first in (0..HOSTS).step_by(WORKERS) {
        for token in 0..LIMITED + UNLIMITED {
            plan.extend((first..first + WORKERS).map(|host| (token, host)));
        }
    }
    plan
}

impl Load {
    fn new(tokens: Vec<String>) -> Self {
        Self {
            tokens,
            requests: (0..HOSTS).map(|_| Host::new().csr()).collect(),
            plan: Mutex::new(plan()),
            answered: Mutex::default(),
            count: AtomicUsize::new(0),
        }
    }

    /// Redeems what is planned, pair by pair, until the server breaks off; what was not answered is planned again.
    async fn work(self: Arc<Self>, client: Client) {
        loop {
            let Some(pair) = self.plan.lock().unwrap().pop_front() else { return };
            match self.ask(&client, pair).await {
                Some(answer) => {
                    let before = self.answered.lock().unwrap().insert(pair, answer);
                    assert_eq!(before, None);
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
                None => return self.plan.lock().unwrap().push_front(pair),
            }
        }
    }

    async fn ask(&self, client: &Client, (token, host): Pair) -> Option<(u16, Value)> {
        let body = json!({ "token": self.tokens[token], "csr": self.requests[host] }).to_string();
        let said = client.try_send(Method::POST, "/api/v1/bootstrap", Some(body)).await.ok()?;
        Some((said.status, said.json))
    }
}

async fn mint(server: &Process) -> Vec<String> {
    let mut tokens = Vec::new();
    let admin = server.admin();
    for number in 0..LIMITED + UNLIMITED {
        let uses = if number < LIMITED { json!(USES) } else { Value::Null };
        let request = json!({ "roles": [], "persistent": number % 2 == 0, "max_uses": uses, "ttl": "1h" });
        let said = admin.post("/api/v1/enrollment-tokens", &request).await;
        tokens.push(token_of(&said.json));
    }
    tokens
}

/// Lets hosts enroll until `answers` more of them were answered, and kills the server at that moment.
async fn kill_under_load(server: Process, load: &Arc<Load>, answers: usize) {
    let until = load.count.load(Ordering::Relaxed) + answers;
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        workers.spawn(Arc::clone(load).work(server.stranger()));
    }
    eventually("enough hosts were answered", async || {
        (load.count.load(Ordering::Relaxed) >= until).then_some(())
    })
    .await;
    server.kill();
    workers.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_answered_redemptions_survive_30_kills() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Process::start(&data, &["--set", URL]).await;
    let load = Arc::new(Load::new(mint(&server).await));
    for kill in 0..KILLS {
        kill_under_load(server, &load, 1 + kill * 7 % 23).await;
        server = Process::start(&data, &["--set", URL]).await;
    }
    let client = server.stranger();
    let answered = std::mem::take(&mut *load.answered.lock().unwrap());
    assert!(answered.values().filter(|(status, _)| *status == 200).count() > 5 * KILLS);
    for (pair, (status, before)) in answered {
        let (again, after) = load.ask(&client, pair).await.unwrap();
        assert_eq!(again, status, "{after}");
        assert_eq!((&after["host_id"], &after["certificate"]), (&before["host_id"], &before["certificate"]));
    }
    let database = reader(&data);
    let enrolled = one(&database, "SELECT count(*) FROM ledger WHERE action = 'host_enrolled'");
    assert_eq!(one(&database, "SELECT count(*) FROM hosts"), enrolled);
    assert_eq!(one(&database, "SELECT count(*) FROM pairs"), enrolled);
    assert_eq!(one(&database, "SELECT sum(used) FROM uses"), enrolled);
    let over_used = "SELECT count(*) FROM (SELECT h.token FROM hosts AS h JOIN mints AS m ON m.token = h.token \
                     GROUP BY h.token HAVING count(*) > m.max_uses)";
    assert_eq!(one(&database, over_used), 0);
    let verdict = server.admin().get("/api/v1/ledger/verification").await;
    assert_eq!(verdict.json["intact"], json!(true), "{}", verdict.text);
    server.stop().await;
}
