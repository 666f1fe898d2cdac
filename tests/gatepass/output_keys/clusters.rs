//! Calls lead only where the operator allows it.

use serde_json::json;

use super::{OUTPUTS, policy_with};
use crate::support::Running;
use crate::support::cluster::{Cluster, SERVICE_TOKEN};
use crate::support::eventually;
use crate::support::fleet::{Member, POLICY};

/// "Calls go where the operator said and nowhere else": a name that leads to loopback is not called unless the configuration names it.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_this_machine_is_not_called() {
    let (at, cluster) = (Running::start().await, Cluster::start().await);
    // The system resolves it to loopback (RFC 6761), as a hostile name service could resolve any name.
    let url = format!("https://gate.localhost.:{}", cluster.address.port());
    let order = json!({
        "name": "logs", "type": "elasticsearch", "hosts": [url], "ca": cluster.ca, "service_token": SERVICE_TOKEN,
    });
    let said = at.admin().post(OUTPUTS, &order).await;
    assert_eq!((said.status, said.code()), (400, "invalid_request"), "{}", said.text);
    assert_eq!(cluster.calls(), Vec::<String>::new());
}

/// An output that was allowed when it was created is not called after the configuration changed.
#[tokio::test(flavor = "multi_thread")]
async fn each_call_is_judged_by_the_configuration() {
    let (at, cluster) = (super::start().await, Cluster::start().await);
    let output = super::output(&at, &cluster, "logs").await;
    let policy = policy_with(&at, "edge", &[&output]).await;
    let member = Member::of(&at, &policy).await;
    let at = at.restart().await;
    let client = member.host.client(&at, &member.enrolled);
    eventually("the output is unreachable", async || {
        (client.get(POLICY).await.json["outputs"][0]["state"] == "unreachable").then_some(())
    })
    .await;
    assert_eq!(cluster.calls(), Vec::<String>::new());
}
