//! The end of a host's right to its key: the key is invalidated at its cluster.

use std::time::Duration;

use serde_json::json;

use super::{Site, output, policy_with};
use crate::support::cluster::{Cluster, Conduct, NEXT_TOKEN, OTHERS_TOKEN};
use crate::support::fleet::{Member, change};
use crate::support::{Host, eventually};

/// "If the API key is invalid, Elastic Agent stops ingesting data into Elasticsearch."
#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_revoked_host_is_invalidated() {
    let (site, _) = Site::ready().await;
    site.member.revoke(&site.at).await;
    site.valid_keys(0).await;
    eventually("it is recorded", async || {
        (site.at.entries("output_key_invalidated").await == 1).then_some(())
    })
    .await;
    site.cluster.was_asked_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_survives_a_cluster_that_is_down() {
    let (site, _) = Site::ready().await;
    site.cluster.conduct(Conduct::Down);
    site.member.revoke(&site.at).await;
    let path = format!("/api/v1/outputs/{}", site.output["id"].as_str().unwrap());
    eventually("the invalidation was tried", async || {
        site.cluster.calls().contains(&String::from("closed")).then_some(())
    })
    .await;
    assert_eq!(site.at.admin().get(&path).await.json["keys"]["to_invalidate"], 1);
    site.cluster.conduct(Conduct::Good);
    site.valid_keys(0).await;
    eventually("nothing is left to do", async || {
        (site.at.admin().get(&path).await.json["keys"]["to_invalidate"] == 0).then_some(())
    })
    .await;
}

/// A moved host gets a key for its new policy, also at the same output.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_moved_host_is_invalidated() {
    let (site, key) = Site::ready().await;
    let (plain, same) =
        (policy_with(&site.at, "core", &[]).await, policy_with(&site.at, "far", &[&site.output]).await);
    let path = format!("/api/v1/hosts/{}", site.member.id());
    let moved = site.at.admin().patch(&path, &json!({ "policy": same["id"] })).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    assert_ne!(site.key().await, key);
    site.valid_keys(1).await;
    let moved = site.at.admin().patch(&path, &json!({ "policy": plain["id"] })).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    site.valid_keys(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_loses_its_output_invalidates_keys() {
    let (site, _) = Site::ready().await;
    change(&site.at, &site.policy, json!({ "outputs": [] })).await;
    site.valid_keys(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_copied_host_is_invalidated() {
    let (mut site, _) = Site::ready().await;
    let older = site.member.renew(&site.at).await;
    site.at.clock.advance(Duration::from_secs(60));
    let said = older.client.post("/api/v1/renew", &json!({ "csr": Host::new().csr() })).await;
    assert_eq!((said.status, said.code()), (403, "lineage_conflict"), "{}", said.text);
    site.valid_keys(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_lapsed_host_is_invalidated() {
    let (site, _) = Site::ready().await;
    let short = json!({ "certificate_lifetime": "1h" });
    change(&site.at, &site.policy, short).await;
    let brief = Member::of(&site.at, &site.policy).await;
    eventually("the host has its key", async || {
        brief.client.get("/api/v1/policy").await.json["outputs"][0]["api_key"].is_string().then_some(())
    })
    .await;
    site.valid_keys(2).await;
    site.at.clock.advance(Duration::from_secs(3700));
    site.at.authority.output_keys.judge_soon();
    site.valid_keys(1).await;
    assert!(site.cluster.valid()[0].name.contains(site.member.id()));
}

/// Keys are invalidated where they were made, with the credential of that cluster.
#[tokio::test(flavor = "multi_thread")]
async fn an_output_with_another_cluster_ends_the_former_keys() {
    let (site, _) = Site::ready().await;
    let next = Cluster::accepting("Basic ZWxhc3RpYzpwYXNz").await;
    let order = json!({ "hosts": [next.url()], "ca": next.ca, "username": "elastic", "password": "pass" });
    let path = format!("/api/v1/outputs/{}", site.output["id"].as_str().unwrap());
    let said = site.at.admin().patch(&path, &order).await;
    assert_eq!(said.status, 200, "{}", said.text);
    site.valid_keys(0).await;
    site.key().await;
    assert_eq!(next.valid().len(), 1);
    assert!(next.calls().iter().all(|call| !call.starts_with("DELETE")), "{:?}", next.calls());
    site.cluster.was_asked_well();
}

/// A key with former roles must not stay wider than its output.
#[tokio::test(flavor = "multi_thread")]
async fn other_roles_lead_to_other_keys() {
    let (site, key) = Site::ready().await;
    let roles =
        json!({ "narrow": { "indices": [{ "names": ["logs-edge"], "privileges": ["create_doc"] }] } });
    let path = format!("/api/v1/outputs/{}", site.output["id"].as_str().unwrap());
    let said = site.at.admin().patch(&path, &json!({ "role_descriptors": roles })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_ne!(site.key().await, key);
    site.valid_keys(1).await;
    assert_eq!(site.cluster.valid()[0].roles, roles);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_output_leaves_no_valid_key() {
    let (site, _) = Site::ready().await;
    site.cluster.conduct(Conduct::Down);
    change(&site.at, &site.policy, json!({ "outputs": [] })).await;
    let path = format!("/api/v1/outputs/{}", site.output["id"].as_str().unwrap());
    let said = site.at.admin().delete(&path).await;
    assert!(said.status < 300, "{}", said.text);
    let another = output(&site.at, &Cluster::start().await, "others").await;
    assert!(another["id"].is_string());
    site.cluster.conduct(Conduct::Good);
    site.valid_keys(0).await;
    site.cluster.was_asked_well();
}

/// At Elasticsearch an account finds its own keys alone. So the former token ends the former keys.
#[tokio::test(flavor = "multi_thread")]
async fn another_account_leaves_no_former_key() {
    let (site, key) = Site::ready().await;
    site.cluster.accept(&format!("Bearer {OTHERS_TOKEN}"));
    site.set(json!({ "service_token": OTHERS_TOKEN })).await;
    assert_ne!(site.key().await, key);
    site.valid_keys(1).await;
    site.member.revoke(&site.at).await;
    site.valid_keys(0).await;
    site.cluster.was_asked_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_of_the_account_keeps_the_keys() {
    let (site, key) = Site::ready().await;
    site.cluster.accept(&format!("Bearer {NEXT_TOKEN}"));
    site.set(json!({ "service_token": NEXT_TOKEN })).await;
    assert_eq!(site.key().await, key);
    site.member.revoke(&site.at).await;
    site.valid_keys(0).await;
    assert_eq!(site.cluster.keys().len(), 1);
}

/// "The keys are invalidated when the host is revoked." A cluster that does not know its own key has not done it.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_stays_to_be_invalidated() {
    let (site, _) = Site::ready().await;
    site.cluster.is_away(true);
    site.member.revoke(&site.at).await;
    let asked = |number: usize| {
        let calls = site.cluster.calls();
        (calls.iter().filter(|call| call.starts_with("DELETE")).count() >= number).then_some(())
    };
    eventually("the cluster is asked", async || asked(1)).await;
    assert_eq!(site.to_invalidate(), 1);
    assert_eq!(site.at.entries("output_key_invalidated").await, 0);
    eventually("it is asked again after an hour", async || {
        site.at.clock.advance(Duration::from_secs(60));
        asked(2)
    })
    .await;
    assert_eq!(site.to_invalidate(), 1);
    site.cluster.is_away(false);
    site.at.clock.advance(Duration::from_secs(3601));
    site.valid_keys(0).await;
    eventually("it is recorded", async || (site.to_invalidate() == 0).then_some(())).await;
    assert_eq!(site.at.entries("output_key_invalidated").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_given_up_after_days() {
    let (site, _) = Site::ready().await;
    site.cluster.is_away(true);
    site.member.revoke(&site.at).await;
    let mut hours = 0..48;
    eventually("the key is given up", async || {
        if hours.next().is_some() {
            site.at.clock.advance(Duration::from_secs(3601));
        }
        (site.to_invalidate() == 0).then_some(())
    })
    .await;
    let ledger = site.at.ledger().await;
    let entry = ledger.iter().find(|entry| entry["action"] == "output_key_invalidated").unwrap();
    assert_eq!((&entry["outcome"], &entry["reason"]), (&json!("refused"), &json!("unknown_to_cluster")));
}

/// The name of the cluster led to another one when the host reported its key.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_key_is_invalidated() {
    let (site, key) = Site::ready().await;
    site.cluster.is_away(true);
    site.at.clock.advance(Duration::from_secs(301));
    site.reports_failure().await;
    eventually("the host has another key", async || {
        site.at.clock.advance(Duration::from_secs(1));
        site.fetched().await["api_key"].as_str().filter(|next| **next != key).map(drop)
    })
    .await;
    site.cluster.is_away(false);
    site.at.clock.advance(Duration::from_secs(3601));
    site.valid_keys(1).await;
    assert!(site.key().await.starts_with(&format!("{}:", site.cluster.valid()[0].id)));
}
