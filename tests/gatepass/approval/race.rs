//! Hosts that race for the last slots of a rule, of their tokens and of the fleet, while people decide. Nothing is over and
//! nothing is lost, whatever ends the process.

mod accounts;
mod people;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::ENROLLMENTS;
use crate::support::client::{Client, Said};
use crate::support::{Host, Process, Running, eventually};

const HOSTS: usize = 500;
/// Hosts that call at the same time.
const WORKERS: usize = 25;
/// The uses of each token. A hundred hosts have it, and one address may have as many that wait.
const USES: [Option<u64>; 5] = [None, None, Some(40), Some(40), Some(40)];
/// The hosts that the rule admits.
const CAP: u64 = 100;
const NODE_LIMIT: u64 = 150;

/// The answers to one host.
#[derive(Default)]
struct Answers {
    /// Id of its enrollment, in each 202.
    enrollment: Option<String>,
    /// Id of the host, in each 200.
    host: Option<String>,
    /// Status and code of the last one.
    last: (u16, String),
}

impl Answers {
    fn note(&mut self, said: &Said) {
        let id = |member: &str| said.json[member].as_str().unwrap().to_owned();
        match said.status {
            200 => same(&mut self.host, id("host_id")),
            202 => same(&mut self.enrollment, id("enrollment_id")),
            _ => {}
        }
        self.last = (said.status, said.code().to_owned());
    }

    fn is_final(&self) -> bool {
        self.host.is_some() || self.last.1 == "enrollment_denied"
    }
}

/// The same call has the same answer, also after a crash.
fn same(known: &mut Option<String>, answer: String) {
    let first = known.get_or_insert_with(|| answer.clone());
    assert_eq!(*first, answer, "an answer was lost");
}

/// Five hundred hosts with their requests, which never change.
struct Race {
    rule: String,
    tokens: Vec<Value>,
    requests: Vec<Value>,
    answers: Mutex<Vec<Answers>>,
    /// The hosts that have not been answered in this round.
    calling: Mutex<Vec<usize>>,
    answered: AtomicUsize,
    /// The decisions that the server confirmed, by enrollment.
    confirmed: Mutex<BTreeMap<String, &'static str>>,
}

impl Race {
    async fn prepare(admin: &Client) -> Arc<Self> {
        let made = async |path: &str, order: Value| {
            let said = admin.post(path, &order).await;
            assert_eq!(said.status, 201, "{}", said.text);
            said.json
        };
        let rule = json!({ "cluster_id": "*", "label": "the first hundred", "max_nodes": CAP });
        let rule = made("/api/v1/auto-approve-rules", rule).await;
        let mut tokens = Vec::new();
        for uses in USES {
            let order =
                json!({ "persistent": true, "max_uses": uses, "roles": ["proxy"], "approval": "require" });
            tokens.push(made("/api/v1/enrollment-tokens", order).await);
        }
        let request =
            |host: usize| json!({ "token": tokens[host % USES.len()]["token"], "csr": Host::new().csr() });
        Arc::new(Self {
            rule: rule["id"].as_str().unwrap().to_owned(),
            requests: (0..HOSTS).map(request).collect(),
            tokens,
            answers: Mutex::new((0..HOSTS).map(|_| Answers::default()).collect()),
            calling: Mutex::new((0..HOSTS).collect()),
            answered: AtomicUsize::new(0),
            confirmed: Mutex::default(),
        })
    }

    /// Calls for host after host until the server is gone, or all are answered.
    async fn call(self: Arc<Self>, client: Client) {
        loop {
            let Some(host) = self.calling.lock().unwrap().pop() else { return };
            match client.try_post("/api/v1/bootstrap", &self.requests[host]).await {
                Ok(said) => self.answers.lock().unwrap()[host].note(&said),
                Err(_) => return self.calling.lock().unwrap().push(host),
            }
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lets the hosts call.
    fn hosts_call(self: &Arc<Self>, stranger: impl Fn() -> Client) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for _ in 0..WORKERS {
            tasks.spawn(Arc::clone(self).call(stranger()));
        }
        tasks
    }

    /// Lets the hosts call while people decide.
    fn begin(self: &Arc<Self>, stranger: impl Fn() -> Client, admin: impl Fn() -> Client) -> JoinSet<()> {
        let mut tasks = self.hosts_call(stranger);
        for decision in ["approve", "approve", "deny"] {
            tasks.spawn(Arc::clone(self).decide(decision, admin()));
        }
        tasks
    }

    /// Chooses the hosts of the next round.
    fn next_round(&self, calls: impl Fn(&Answers) -> bool) {
        let answers = self.answers.lock().unwrap();
        let mut calling = self.calling.lock().unwrap();
        assert!(calling.is_empty(), "a host was not answered");
        calling.extend((0..HOSTS).filter(|host| calls(&answers[*host])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_race_for_a_rule_and_for_approvals() {
    let at = Running::start_with(&[("hosts.node_limit", "150")]).await;
    let race = Race::prepare(&at.admin()).await;
    for _ in 0..2 {
        race.begin(|| at.stranger(), || at.admin()).join_all().await;
        race.next_round(|answers| !answers.is_final());
    }
    race.hosts_call(|| at.stranger()).join_all().await;
    race.ends(|| at.stranger(), &at.admin(), at.data_dir()).await;
    at.stop().await;
}

/// Hosts repeat the same call, and people decide again.
#[tokio::test(flavor = "multi_thread")]
async fn rules_and_approvals_are_exact_over_kills() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let url = "server.external_url=https://127.0.0.1:8443";
    let flags = ["--set", url, "--set", "hosts.node_limit=150", "--set", "limits.refused_token=off"];
    let mut server = Process::start(&data, &flags).await;
    let race = Race::prepare(&server.admin()).await;
    for kill_at in [60, 130, 260, 420] {
        let tasks = race.begin(|| server.stranger(), || server.admin());
        eventually("enough hosts were answered", async || {
            (race.answered.load(Ordering::Relaxed) >= kill_at).then_some(())
        })
        .await;
        server.kill();
        tasks.join_all().await;
        server = Process::start(&data, &flags).await;
        // The first sign-in after a start is slow.
        assert_eq!(server.admin().get(ENROLLMENTS).await.status, 200);
    }
    race.begin(|| server.stranger(), || server.admin()).join_all().await;
    race.next_round(|answers| !answers.is_final());
    race.hosts_call(|| server.stranger()).join_all().await;
    race.ends(|| server.stranger(), &server.admin(), &data).await;
    server.stop().await;
}
