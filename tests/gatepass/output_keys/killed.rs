//! A server that is killed between asking for a key, its making and its storing. No key is left that nobody knows.

use std::path::Path;

use serde_json::{Value, json};

use super::OUTPUTS;
use crate::support::cluster::{Cluster, Conduct, SERVICE_TOKEN};
use crate::support::fleet::POLICY;
use crate::support::{Host, Process, client::Client, eventually};

const ALLOW: &[&str] = &["--set", "outputs.allow=127.0.0.1"];

/// A host of a policy with an output of the cluster.
struct Enrolled {
    host: Host,
    answer: Value,
}

impl Enrolled {
    async fn of(at: &Process, cluster: &Cluster) -> Self {
        let order = json!({
            "name": "logs", "type": "elasticsearch", "hosts": [cluster.url()], "ca": cluster.ca, "service_token": SERVICE_TOKEN,
        });
        let output = at.admin().post(OUTPUTS, &order).await;
        assert_eq!(output.status, 201, "{}", output.text);
        let order = json!({ "name": "edge", "roles": ["allocator"], "outputs": [output.json["id"]] });
        let policy = at.admin().post("/api/v1/policies", &order).await;
        assert_eq!(policy.status, 201, "{}", policy.text);
        let host = Host::new();
        let token = policy.json["first_token"]["token"].as_str().unwrap();
        let said =
            at.stranger().post("/api/v1/bootstrap", &json!({ "csr": host.csr(), "token": token })).await;
        assert_eq!(said.status, 200, "{}", said.text);
        Self { host, answer: said.json }
    }

    fn client(&self, at: &Process) -> Client {
        Client::with_identity(&at.url, at.root, Some(self.host.identity(&self.answer)))
    }
}

/// Kills the server when the cluster has got so far with the request for a key, and starts it again.
async fn killed(data: &Path, conduct: Conduct, has_come: impl Fn(&Cluster) -> bool) {
    let cluster = Cluster::start().await;
    cluster.conduct(conduct.clone());
    let at = Process::start(data, ALLOW).await;
    let enrolled = Enrolled::of(&at, &cluster).await;
    assert_eq!(enrolled.client(&at).get(POLICY).await.status, 200);
    eventually("the cluster is asked", async || has_come(&cluster).then_some(())).await;
    at.kill();
    cluster.conduct(Conduct::Good);
    let at = Process::start(data, ALLOW).await;
    let client = enrolled.client(&at);
    let key = eventually("the host has its key", async || {
        client.get(POLICY).await.json["outputs"][0]["api_key"].as_str().map(str::to_owned)
    })
    .await;
    let valid = cluster.valid();
    assert_eq!(valid.len(), 1, "{conduct:?}: every other key is invalid: {:?}", cluster.keys());
    assert_eq!(key, format!("{}:{}", valid[0].id, valid[0].secret));
    let revoked =
        at.admin().delete(&format!("/api/v1/hosts/{}", enrolled.answer["host_id"].as_str().unwrap())).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    eventually("no key is valid", async || cluster.valid().is_empty().then_some(())).await;
    cluster.was_asked_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_no_unknown_key() {
    let dir = tempfile::tempdir().unwrap();
    // The row is written, and the cluster has done nothing.
    killed(&dir.path().join("asked"), Conduct::Silent, |cluster| !cluster.calls().is_empty()).await;
    // The cluster has made the key, and the answer is on its way.
    killed(&dir.path().join("made"), Conduct::Withholding, |cluster| !cluster.keys().is_empty()).await;
    // The answer may be there, and stored or not.
    killed(&dir.path().join("stored"), Conduct::Good, |cluster| !cluster.keys().is_empty()).await;
    // The connection was closed, and the attempt failed.
    killed(&dir.path().join("failed"), Conduct::Down, |cluster| !cluster.calls().is_empty()).await;
}
