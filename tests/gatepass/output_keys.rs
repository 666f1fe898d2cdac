//! Keys of hosts at Elasticsearch clusters: requested, handed out, doubted and invalidated. The cluster is a real TLS
//! server on loopback.

mod clusters;
mod ends;
mod failing;
mod killed;
mod shown;

use std::time::Duration;

use http::header::{ETAG, IF_NONE_MATCH, RETRY_AFTER};
use serde_json::{Value, json};

use crate::support::authority::AUDIENCE;
use crate::support::cluster::{Cluster, SERVICE_TOKEN};
use crate::support::fleet::{Member, POLICY};
use crate::support::{Running, Said, database, eventually};

pub(crate) const OUTPUTS: &str = "/api/v1/outputs";

/// An authority that may call clusters on this machine.
pub(crate) async fn start() -> Running {
    Running::start_with(&[("outputs.allow", "127.0.0.1"), ("tokens.audiences", AUDIENCE)]).await
}

/// Creates an output of the cluster; the answer.
pub(crate) async fn output(at: &Running, cluster: &Cluster, name: &str) -> Value {
    let order = json!({
        "name": name, "type": "elasticsearch", "hosts": [cluster.url()], "ca": cluster.ca, "service_token": SERVICE_TOKEN,
    });
    let said = at.admin().post(OUTPUTS, &order).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json
}

/// Creates a policy with these outputs; the answer.
pub(crate) async fn policy_with(at: &Running, name: &str, outputs: &[&Value]) -> Value {
    let ids = outputs.iter().map(|output| &output["id"]).collect::<Vec<_>>();
    let said = at
        .admin()
        .post("/api/v1/policies", &json!({ "name": name, "roles": ["allocator"], "outputs": ids }))
        .await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json
}

/// A cluster, an output of it, a policy with the output, and a host of the policy.
pub(crate) struct Site {
    pub(crate) at: Running,
    pub(crate) cluster: Cluster,
    pub(crate) output: Value,
    pub(crate) policy: Value,
    pub(crate) member: Member,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let (at, cluster) = (start().await, Cluster::start().await);
        let output = output(&at, &cluster, "logs").await;
        let policy = policy_with(&at, "edge", &[&output]).await;
        let member = Member::of(&at, &policy).await;
        Self { at, cluster, output, policy, member }
    }

    /// The same, once the host has its key.
    pub(crate) async fn ready() -> (Self, String) {
        let site = Self::start().await;
        let key = site.key().await;
        (site, key)
    }

    /// The first output as the host gets it.
    pub(crate) async fn fetched(&self) -> Value {
        let said = self.member.client.get(POLICY).await;
        assert_eq!(said.status, 200, "{}", said.text);
        said.json["outputs"][0].clone()
    }

    /// The host's key, once it is ready. Time passes until then.
    pub(crate) async fn key(&self) -> String {
        self.reaches("ready").await["api_key"].as_str().unwrap().to_owned()
    }

    /// The first output, once it has this state. Time passes until then.
    pub(crate) async fn reaches(&self, state: &str) -> Value {
        eventually(&format!("the output is {state}"), async || {
            self.at.clock.advance(Duration::from_secs(1));
            let output = self.fetched().await;
            (output["state"] == state).then_some(output)
        })
        .await
    }

    /// Waits until the cluster has so many valid keys. Time passes until then.
    pub(crate) async fn valid_keys(&self, number: usize) {
        eventually(&format!("{number} keys are valid"), async || {
            self.at.clock.advance(Duration::from_secs(1));
            (self.cluster.valid().len() == number).then_some(())
        })
        .await;
    }

    /// Changes the output.
    pub(crate) async fn set(&self, change: Value) {
        let path = format!("{OUTPUTS}/{}", self.output["id"].as_str().unwrap());
        let said = self.at.admin().patch(&path, &change).await;
        assert_eq!(said.status, 200, "{}", said.text);
    }

    /// The number of keys that are to be invalidated.
    pub(crate) fn to_invalidate(&self) -> i64 {
        database::counts(self.at.data_dir())["output_invalidations"]
    }

    /// A report of the host that the output fails.
    pub(crate) async fn reports_failure(&self) -> Said {
        let report = json!({ "version": "1", "status": "degraded", "outputs_failed": [self.output["id"]] });
        let said = self.member.check_in(&report).await;
        assert_eq!(said.status, 200, "{}", said.text);
        said
    }
}

/// "For the Elasticsearch and remote Elasticsearch outputs, it passes an output API key." "This API key is used to send data
/// to Elasticsearch." Redeeming does not wait for the cluster.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_gets_a_key_of_its_own() {
    let site = Site::start().await;
    assert_eq!(site.cluster.calls(), Vec::<String>::new(), "enrolling calls no cluster");
    let said = site.member.client.get(POLICY).await;
    let first = &said.json["outputs"][0];
    assert_eq!((&first["state"], &first["api_key"]), (&json!("preparing"), &Value::Null), "{}", said.text);
    assert!(said.headers[RETRY_AFTER].to_str().unwrap().parse::<u32>().unwrap() > 0);
    let key = site.key().await;
    let made = site.cluster.keys();
    assert_eq!((made.len(), key), (1, format!("{}:{}", made[0].id, made[0].secret)));
    let (output, host) = (site.output["id"].as_str().unwrap(), site.member.id());
    assert!(made[0].name.starts_with(&format!("gatepass:{output}:{host}:")), "{}", made[0].name);
    let other = Member::of(&site.at, &site.policy).await;
    let others = eventually("another host has its key", async || {
        let said = other.client.get(POLICY).await;
        said.json["outputs"][0]["api_key"].as_str().map(str::to_owned)
    });
    assert_ne!(others.await, site.key().await, "each host has its own key");
    site.cluster.was_asked_well();
    assert_eq!(site.at.entries("output_key_created").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_cluster_gives_a_key_too() {
    let (at, cluster) = (start().await, Cluster::start().await);
    let order = json!({
        "name": "far", "type": "remote_elasticsearch", "hosts": [cluster.url()], "ca": cluster.ca,
        "service_token": SERVICE_TOKEN,
    });
    let output = at.admin().post(OUTPUTS, &order).await;
    assert_eq!(output.status, 201, "{}", output.text);
    let policy = policy_with(&at, "edge", &[&output.json]).await;
    let member = Member::of(&at, &policy).await;
    let site = Site { at, cluster, output: output.json, policy, member };
    let key = site.key().await;
    let made = site.cluster.keys();
    assert_eq!((made.len(), key), (1, format!("{}:{}", made[0].id, made[0].secret)));
    site.cluster.was_asked_well();
}

/// "It has the minimal permissions needed to ingest all the data specified by the agent policy."
#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_only_add_documents() {
    let (site, _) = Site::ready().await;
    let indices =
        json!([{ "names": ["logs-*", "metrics-*"], "privileges": ["auto_configure", "create_doc"] }]);
    let roles = site.cluster.keys()[0].roles.as_object().unwrap().clone();
    assert_eq!(roles.len(), 1);
    for role in roles.values() {
        assert_eq!((&role["indices"], &role["cluster"]), (&indices, &json!([])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clusters_credential_reaches_no_host() {
    let (site, _) = Site::ready().await;
    let said = site.member.client.get(POLICY).await;
    assert!(!said.text.contains(SERVICE_TOKEN) && !said.text.contains("service_token"), "{}", said.text);
    assert_eq!(said.headers["cache-control"], "no-store");
}

/// "Secrets are sealed at rest, never listed, never logged."
#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_host_is_sealed_at_rest() {
    let (site, key) = Site::ready().await;
    let secret = key.split(':').nth(1).unwrap().as_bytes();
    let mut files = 0;
    for file in std::fs::read_dir(site.at.data_dir()).unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        files += 1;
        assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{}", file.display());
    }
    assert!(files > 2);
    let id = site.output["id"].as_str().unwrap();
    for path in [OUTPUTS, &format!("{OUTPUTS}/{id}"), "/api/v1/ledger", "/api/v1/hosts", "/metrics"] {
        let said = site.at.admin().get(path).await;
        assert!(said.status == 200 && !said.text.contains(std::str::from_utf8(secret).unwrap()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_state_is_another_entity_tag() {
    let site = Site::start().await;
    let preparing = site.member.client.get(POLICY).await.headers[ETAG].clone();
    site.key().await;
    let said = site.member.client.get(POLICY).await;
    assert_ne!(said.headers[ETAG], preparing);
    assert!(!said.headers.contains_key(RETRY_AFTER));
    let secret = &site.cluster.keys()[0].secret;
    let tag = said.headers[ETAG].to_str().unwrap().to_owned();
    assert!(!tag.contains(secret.as_str()));
    let again = Member::of(&site.at, &site.policy).await;
    let same = site
        .member
        .host
        .client(&site.at, &site.member.enrolled)
        .header(IF_NONE_MATCH, &tag)
        .get(POLICY)
        .await;
    assert_eq!(same.status, 304);
    let others = again.host.client(&site.at, &again.enrolled).header(IF_NONE_MATCH, &tag).get(POLICY).await;
    assert_eq!(others.status, 200, "the tag is that of one host");
}

/// A check-in makes the host fetch a key that is ready now.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_in_leads_to_a_new_key() {
    let site = Site::start().await;
    let preparing = site.member.client.get(POLICY).await.json["outputs_revision"].clone();
    site.key().await;
    let mut report = json!({
        "version": "1", "status": "healthy", "policy": site.policy["id"], "policy_revision": site.policy["revision"],
        "outputs_revision": preparing,
    });
    assert_eq!(site.member.check_in(&report).await.json["fetch_policy"], true);
    report["outputs_revision"] = site.member.client.get(POLICY).await.json["outputs_revision"].clone();
    assert_eq!(site.member.check_in(&report).await.json["fetch_policy"], false);
}
