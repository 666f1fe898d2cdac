//! Hosts without a disk: "24 h certificate, may renew; when it lapses the host is collected within an hour."

use std::time::Duration;

use serde_json::{Value, json};

use super::{DAY, HOSTS, after_now, enroll, first_token, id_of, is_refused, policy, renew};
use crate::support::authority::token_of;
use crate::support::{Host, Running};

async fn diskless(at: &Running) -> Value {
    policy(at, json!({ "name": "diskless", "roles": ["proxy"], "ephemeral_hosts": true })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_host_is_gone_soon_after_it_lapses() {
    let at = Running::start_with(&[("hosts.node_limit", "1")]).await;
    let policy = diskless(&at).await;
    let order = json!({ "policy": policy["id"], "roles": ["proxy"], "persistent": true, "max_uses": null, "dns_names": ["*.example.org"] });
    let token = token_of(&at.mint(order).await);
    let named = json!({ "name": "node.example.org" });
    let host = Host::new();
    let enrolled = host.redeem_with(&at, &token, named.clone()).await.json;
    assert_eq!(after_now(&at, &enrolled, "expires_at"), DAY);
    at.clock.advance(Duration::from_secs(20 * 3600));
    let renewed = renew(&at, &host, &enrolled).await;
    assert_eq!(after_now(&at, &renewed, "expires_at"), DAY, "it may renew");
    is_refused(&Host::new().redeem_with(&at, &token, named.clone()).await, 403, "node_limit_exceeded");
    at.clock.advance(DAY + Duration::from_secs(1));
    let path = format!("{HOSTS}/{}", id_of(&enrolled));
    assert_eq!(at.admin().get(&path).await.json["state"], "lapsed");
    is_refused(&Host::new().redeem_with(&at, &token, named.clone()).await, 409, "name_taken");
    at.authority.upkeep.collect().await.unwrap();
    is_refused(&at.admin().get(&path).await, 404, "not_found");
    let next = Host::new().redeem_with(&at, &token, named).await;
    assert_eq!(next.status, 200, "name and slot are free: {}", next.text);
    let entries = at.ledger().await;
    let about = |entry: &&Value| entry.to_string().contains(id_of(&enrolled));
    let actions: Vec<_> =
        entries.iter().filter(about).map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["host_collected", "host_renewed", "host_enrolled"], "the ledger keeps it");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lasting_host_stays_when_it_lapses() {
    let at = Running::start().await;
    let policy =
        policy(&at, json!({ "name": "edge", "roles": ["proxy"], "certificate_lifetime": "1d" })).await;
    let (_, enrolled) = enroll(&at, &first_token(&policy)).await;
    at.clock.advance(DAY * 2);
    at.authority.upkeep.collect().await.unwrap();
    let path = format!("{HOSTS}/{}", id_of(&enrolled));
    assert_eq!(at.admin().get(&path).await.json["state"], "lapsed", "it can be re-enrolled");
    at.stop().await;
}

/// The emergency token is exempt from approval and the node limit, and has no policy.
#[tokio::test(flavor = "multi_thread")]
async fn the_emergency_token_needs_no_policy() {
    let at = Running::start_with(&[("hosts.node_limit", "1"), ("hosts.approval", "require")]).await;
    let policy = diskless(&at).await;
    let waits = Host::new().redeem(&at, &first_token(&policy)).await;
    assert_eq!(waits.status, 202, "{}", waits.text);
    let emergency = at.emergency_token.clone().unwrap();
    let enrolled = Host::new().redeem(&at, &emergency).await;
    assert_eq!((enrolled.status, after_now(&at, &enrolled.json, "expires_at")), (200, DAY * 30));
    let again = Host::new().redeem(&at, &emergency).await;
    assert_eq!(again.status, 200, "over the limit: {}", again.text);
    at.stop().await;
}
