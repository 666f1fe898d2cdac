//! The init container with an identity that has expired, which takes a minute here.

use serde_json::Value;

use super::node::Node;
use super::states::{cluster_token, hosts, revoke_host, revoke_tokens};
use crate::outside::served::{Served, eventually};

/// Waits until every host that is not revoked has lapsed.
fn until_lapsed(at: &Served, count: usize) {
    eventually("the certificates expire", || {
        let listed = at.admin("GET", "/api/v1/hosts?state=lapsed", &Value::Null);
        (listed.json["items"].as_array()?.len() == count).then_some(())
    });
}

#[test]
fn an_expired_identity_enrolls_with_its_key() {
    let at = Served::start_with(&[("GATEPASS_HOSTS__CERTIFICATE_LIFETIME", "1m")]);
    let token = cluster_token(&at);
    let nodes =
        ["same", "other", "denied", "revoked", "renewed"].map(|name| Node::new(name).with_secret(&token));
    for node in &nodes {
        node.goes_on();
    }
    nodes[4].make_due();
    assert!(nodes[4].goes_on().starts_with("renewed: "));
    let before = nodes.each_ref().map(|node| (node.host("host_id"), node.read("host.key")));
    revoke_host(&at, &before[3].0);
    until_lapsed(&at, 4);
    let [same, other, denied, revoked, renewed] = &nodes;

    for (node, before) in [(same, &before[0]), (renewed, &before[4])] {
        assert!(node.goes_on().contains("enrolled: "));
        assert_eq!(&(node.host("host_id"), node.read("host.key")), before, "the same host, with its key");
    }

    for node in [other, revoked] {
        node.set_secret(&cluster_token(&at));
    }
    assert!(other.goes_on().contains("enrolled: "));
    assert_ne!(other.host("host_id"), before[1].0, "another token makes a new host");
    assert_eq!(other.read("host.key"), before[1].1, "with the same key");
    assert!(revoked.stops(77).contains("host_revoked"), "the key of a revoked host opens no other door");

    revoke_tokens(&at);
    assert!(denied.stops(1).contains("token_revoked"));
    assert_eq!((denied.host("host_id"), denied.read("host.key")), before[2], "the identity stays");
    assert_eq!(hosts(&at), 6);
}
