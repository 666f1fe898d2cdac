//! Clusters that fail: the host is enrolled, the output has a state, and the work is repeated.

use std::time::Duration;

use serde_json::{Value, json};

use super::Site;
use crate::support::cluster::{Cluster, Conduct};
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
