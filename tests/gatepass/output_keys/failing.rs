//! Clusters that fail: the host is enrolled, the output has a state, and the work is repeated.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Site, output, policy_with};
use crate::support::cluster::{Cluster, Conduct, NEXT_TOKEN};
use crate::support::fleet::{Member, POLICY};
use crate::support::{database, eventually};

/// "If the API key is invalid, Elastic Agent stops ingesting data into Elasticsearch." A cluster that is down, slow or
/// answers nonsense delays the key, and not the host.
#[tokio::test(flavor = "multi_thread")]
async fn work_at_a_failing_cluster_is_repeated() {
    let other = Cluster::start().await;
    let nonsense = |status, text: &str| Conduct::Answering(status, text.to_owned());
    let conducts = [
        (Conduct::Down, "unreachable"),
        (nonsense(200, "<html>welcome</html>"), "unreachable"),
        (nonsense(200, "{\"id\":\"x\",\"name\":\"another\",\"api_key\":\"x\"}"), "unreachable"),
        (nonsense(503, "{\"error\":\"the-words-of-the-cluster\"}"), "unreachable"),
        (nonsense(200, &"x".repeat(100_000)), "unreachable"),
        (Conduct::Redirecting(other.url()), "unreachable"),
        (nonsense(401, "{\"error\":\"the-words-of-the-cluster\"}"), "refused"),
        (nonsense(403, "{}"), "refused"),
    ];
    for (conduct, state) in conducts {
        let site = Site::start().await;
        site.cluster.conduct(conduct.clone());
        let output = site.reaches(state).await;
        assert!(!output.to_string().contains("the-words"), "{output}");
        let shown =
            site.at.admin().get(&format!("/api/v1/outputs/{}", site.output["id"].as_str().unwrap())).await;
        assert_eq!(shown.json["keys"][state], 1, "{conduct:?}: {}", shown.text);
        site.cluster.conduct(Conduct::Good);
        site.key().await;
        assert_eq!(site.cluster.valid().len(), 1, "{conduct:?}");
        site.cluster.was_asked_well();
    }
    assert_eq!(other.calls(), Vec::<String>::new(), "a redirect leads nowhere");
}

/// "If the API key is invalid, Elastic Agent stops ingesting data into Elasticsearch." The host reports it, and the cluster decides.
#[tokio::test(flavor = "multi_thread")]
async fn only_an_invalid_key_is_replaced() {
    let (site, key) = Site::ready().await;
    site.at.clock.advance(Duration::from_secs(301));
    assert_eq!(site.reports_failure().await.json["fetch_policy"], true);
    let checks = || site.cluster.calls().iter().filter(|call| call.starts_with("GET")).count();
    eventually("the cluster is asked", async || (checks() == 1).then_some(())).await;
    assert_eq!((site.key().await, site.cluster.keys().len()), (key.clone(), 1), "the key is valid");
    site.cluster.invalidate_all();
    site.reports_failure().await;
    site.at.clock.advance(Duration::from_secs(301));
    assert_eq!(checks(), 1, "within five minutes the cluster is asked once");
    // The first check may be recorded only after the clock was moved: then the five minutes begin there.
    let next = eventually("the host has another key", async || {
        site.at.clock.advance(Duration::from_secs(10));
        site.reports_failure().await;
        let output = site.fetched().await;
        output["api_key"].as_str().filter(|next| **next != key).map(str::to_owned)
    });
    assert_ne!(next.await, key);
    assert_eq!((site.cluster.valid().len(), site.cluster.keys().len()), (1, 2));
    site.cluster.was_asked_well();
}

/// Neither a clock in doubt nor a store without room keeps a host from checking in. Its next report counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_cannot_be_kept_is_no_error() {
    let (site, key) = Site::ready().await;
    site.cluster.invalidate_all();
    site.at.clock.advance(Duration::from_secs(301));
    let right = site.at.authority.time.wall();
    site.at.clock.step_to(right.plus(Duration::from_secs(2 * 86_400)));
    assert_eq!(site.at.admin().post("/api/v1/enrollment-tokens", &json!({})).await.code(), "clock_in_doubt");
    assert_eq!(site.reports_failure().await.json["fetch_policy"], true);
    site.at.clock.step_to(right);
    let full = "CREATE TRIGGER held BEFORE UPDATE ON output_keys BEGIN SELECT RAISE(ABORT, 'held'); END";
    database::execute(site.at.data_dir(), full);
    assert_eq!(site.reports_failure().await.json["fetch_policy"], true);
    assert!(!site.cluster.calls().iter().any(|call| call.starts_with("GET")), "{:?}", site.cluster.calls());
    database::execute(site.at.data_dir(), "DROP TRIGGER held");
    site.reports_failure().await;
    let next = eventually("the host has another key", async || {
        site.fetched().await["api_key"].as_str().filter(|next| **next != key).map(str::to_owned)
    });
    assert_ne!(next.await, key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_cluster_invalidates_no_key() {
    let (site, key) = Site::ready().await;
    site.cluster.conduct(Conduct::Down);
    site.at.clock.advance(Duration::from_secs(301));
    site.reports_failure().await;
    eventually("the cluster is asked", async || {
        site.cluster.calls().contains(&String::from("closed")).then_some(())
    })
    .await;
    let output = site.fetched().await;
    assert_eq!((&output["state"], &output["api_key"]), (&json!("ready"), &Value::from(key)));
}

/// A cluster that made a key and gave no answer: the key is invalidated by its name before another one is requested.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_an_answer_is_invalidated() {
    let site = Site::start().await;
    site.cluster.conduct(Conduct::Withholding);
    site.reaches("unreachable").await;
    assert!(!site.cluster.keys().is_empty());
    site.cluster.conduct(Conduct::Good);
    let key = site.key().await;
    site.valid_keys(1).await;
    assert!(key.starts_with(&format!("{}:", site.cluster.valid()[0].id)));
    site.cluster.was_asked_well();
}

/// A host that comes later learns the state at once, and causes no call.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_host_sees_the_state_of_the_cluster() {
    let site = Site::start().await;
    site.cluster.conduct(Conduct::Answering(403, String::from("{}")));
    site.reaches("refused").await;
    let late = Member::of(&site.at, &site.policy).await;
    let said = late.client.get(POLICY).await;
    assert_eq!(said.json["outputs"][0]["state"], "refused", "{}", said.text);
}

/// A cluster that refuses to invalidate an unanswered key refuses the host's key.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_invalidation_is_shown_to_the_host() {
    let site = Site::start().await;
    site.cluster.conduct(Conduct::Withholding);
    site.reaches("unreachable").await;
    site.cluster.conduct(Conduct::Answering(403, String::from("{}")));
    site.reaches("refused").await;
    site.cluster.conduct(Conduct::Good);
    site.key().await;
    site.valid_keys(1).await;
}

/// The clock stands still: the host does not wait for the end of a pause.
#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_credential_is_tried_at_once() {
    let at = super::start().await;
    let cluster = Cluster::accepting(&format!("Bearer {NEXT_TOKEN}")).await;
    let output = output(&at, &cluster, "logs").await;
    let policy = policy_with(&at, "edge", &[&output]).await;
    let member = Member::of(&at, &policy).await;
    let site = Site { at, cluster, output, policy, member };
    site.reaches("refused").await;
    site.set(json!({ "service_token": NEXT_TOKEN })).await;
    eventually("the host has its key", async || (site.fetched().await["state"] == "ready").then_some(()))
        .await;
}

/// More hosts wait for the damaged output than the server looks at in one turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_credential_holds_up_no_other_output() {
    let (at, cluster) = (super::start().await, Cluster::start().await);
    let damaged = output(&at, &cluster, "damaged").await;
    let whole = output(&at, &cluster, "whole").await;
    let id = damaged["id"].as_str().unwrap().replace('-', "");
    let damage = format!("UPDATE output_secrets SET sealed = zeroblob(64) WHERE output = x'{id}'");
    database::execute(at.data_dir(), &damage);
    let first = policy_with(&at, "first", &[&damaged]).await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let member = Member::of(&at, &first).await;
        assert_eq!(member.client.get(POLICY).await.status, 200);
        waiting.push(member);
    }
    let policy = policy_with(&at, "second", &[&whole]).await;
    let member = Member::of(&at, &policy).await;
    eventually("the host has its key", async || {
        (member.client.get(POLICY).await.json["outputs"][0]["state"] == "ready").then_some(())
    })
    .await;
    let said = waiting[0].client.get(POLICY).await;
    assert_eq!(said.json["outputs"][0]["state"], "unreachable", "{}", said.text);
    let site = Site { at, cluster, output: damaged, policy: first, member: waiting.remove(0) };
    site.set(json!({ "service_token": crate::support::cluster::SERVICE_TOKEN })).await;
    site.key().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_key_is_replaced() {
    let (site, key) = Site::ready().await;
    database::execute(site.at.data_dir(), "UPDATE output_keys SET sealed = zeroblob(64)");
    let output = site.fetched().await;
    assert_eq!((&output["state"], &output["api_key"]), (&json!("invalid"), &Value::Null));
    assert_ne!(site.key().await, key);
    site.valid_keys(1).await;
}

/// A host reads its policy while the seal is rotated.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_of_the_seal_fails_no_host() {
    let (site, key) = Site::ready().await;
    let rotate = async {
        for _ in 0..10 {
            let said = site.at.admin().post("/api/v1/signing-keys/rotate", &json!({ "use": "seal" })).await;
            assert_eq!(said.status, 200, "{}", said.text);
        }
    };
    tokio::pin!(rotate);
    loop {
        tokio::select! {
            () = &mut rotate => break,
            output = site.fetched() => assert_eq!(output["api_key"], Value::from(key.as_str())),
        }
    }
}
