//! The init container of the pod in each state of a live identity.

use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::node::Node;
use crate::outside::served::Served;
use crate::outside::tool::run;

/// The token of the cluster that the chart names.
pub(super) fn cluster_token(at: &Served) -> String {
    at.mint(&json!({ "preset": "cluster", "cluster_id": "edge-1", "roles": ["proxy"] }))
}

/// The number of hosts that the server knows.
pub(super) fn hosts(at: &Served) -> usize {
    at.admin("GET", "/api/v1/hosts", &Value::Null).json["items"].as_array().unwrap().len()
}

pub(super) fn revoke_host(at: &Served, id: &str) {
    let revoked = at.admin("DELETE", &format!("/api/v1/hosts/{id}"), &Value::Null);
    assert_eq!(revoked.status, 200, "{}", revoked.body);
}

/// Revokes all tokens of the cluster.
pub(super) fn revoke_tokens(at: &Served) {
    let listed = at.admin("GET", "/api/v1/enrollment-tokens?kind=cluster&state=active", &Value::Null);
    for token in listed.json["items"].as_array().unwrap() {
        let path = format!("/api/v1/enrollment-tokens/{}", token["id"].as_str().unwrap());
        let revoked = at.admin("DELETE", &path, &Value::Null);
        assert_eq!(revoked.status, 200, "{}", revoked.body);
    }
}

#[test]
fn a_new_node_enrolls_once() {
    let at = Served::start();
    let node = Node::new("node-1").with_secret(&cluster_token(&at));
    assert!(node.goes_on().starts_with("enrolled: "));
    let listed = at.admin("GET", "/api/v1/hosts", &Value::Null).json["items"][0].clone();
    assert_eq!(
        (&listed["reported"]["label"], &listed["cluster"]),
        (&json!("node-1"), &json!("edge-1")),
        "{listed}"
    );
    let (host, key) = (node.read("host.json"), node.read("host.key"));
    assert!(node.goes_on().starts_with("kept: "));
    assert_eq!((node.read("host.json"), node.read("host.key"), hosts(&at)), (host, key, 1));
}

#[test]
fn an_enrolled_node_does_not_need_the_secret() {
    let at = Served::start();
    let node = Node::new("node-1").with_secret(&cluster_token(&at));
    node.goes_on();
    let host = node.read("host.json");
    node.set_secret(&cluster_token(&at));
    assert!(node.goes_on().starts_with("kept: "), "a rotated token makes no new host");
    node.set_secret("not a token");
    node.goes_on();
    node.delete_secret();
    node.goes_on();
    assert_eq!((node.read("host.json"), hosts(&at)), (host, 1));
    let fresh = Node::new("node-2");
    assert!(fresh.stops(1).contains("/run/secrets/gatepass/token"), "it says which file is missing");
}

#[test]
fn a_changed_secret_admits_the_next_node() {
    let at = Served::start();
    let node = Node::new("node-1").with_secret(&cluster_token(&at));
    revoke_tokens(&at);
    assert!(node.stops(1).contains("token_revoked"));
    node.set_secret(&at.mint(&json!({ "preset": "cluster", "cluster_id": "edge-2", "roles": ["proxy"] })));
    assert!(node.stops(1).contains("binding_mismatch"));
    assert_eq!(hosts(&at), 0);
    node.set_secret(&cluster_token(&at));
    assert!(node.goes_on().starts_with("enrolled: "));
}

#[test]
fn a_due_identity_is_renewed() {
    let at = Served::start();
    let node = Node::new("node-1").with_secret(&cluster_token(&at));
    node.goes_on();
    let (host, certificate) = (node.host("host_id"), node.read("host.pem"));
    node.make_due();
    assert!(node.goes_on().starts_with("renewed: "));
    assert_eq!((node.host("host_id"), hosts(&at)), (host, 1));
    assert_ne!(node.read("host.pem"), certificate);
}

#[test]
fn a_valid_identity_goes_on_without_the_server() {
    let mut at = Served::start();
    let token = cluster_token(&at);
    let node = Node::new("node-1").with_secret(&token);
    node.goes_on();
    at.stop();
    let said = node.goes_on();
    assert!(said.contains("the server was not asked about it"), "{said}");
    node.make_due();
    let said = node.goes_on();
    assert!(said.contains("kept: ") && said.contains("the server was not asked about it"), "{said}");
    Node::new("node-2").with_secret(&token).stops(75);
}

#[test]
fn a_revoked_node_stays_out() {
    let at = Served::start();
    let node = Node::new("node-1").with_secret(&cluster_token(&at));
    node.goes_on();
    revoke_host(&at, &node.host("host_id"));
    node.set_secret(&cluster_token(&at));
    let key = node.read("host.key");
    for due in [false, true] {
        if due {
            node.make_due();
        }
        let said = node.stops(77);
        assert!(said.contains("host_revoked") && said.contains("nothing was enrolled"), "{said}");
    }
    assert_eq!((node.read("host.key"), hosts(&at)), (key, 1));
}

#[test]
fn a_quarantined_node_stays_out() {
    let at = Served::start();
    let node = Node::new("node-1").with_secret(&cluster_token(&at));
    node.goes_on();
    let copy = at.arg("copy");
    run(Command::new("cp").arg("-a").arg(node.identity()).arg(&copy), "").expect_good();
    node.make_due();
    node.goes_on();
    let mut renew = Command::new(env!("CARGO_BIN_EXE_gatepass"));
    run(renew.args(["renew", "--cert-dir", &copy]), "").expect_bad();
    node.set_secret(&cluster_token(&at));
    let said = node.stops(77);
    assert!(said.contains("host_quarantined"), "{said}");
    assert_eq!(hosts(&at), 1);
}

#[test]
fn the_second_container_renews_and_ends_at_sigterm() {
    let at = Served::start();
    let node = Node::new("node-1").with_secret(&cluster_token(&at));
    assert_eq!(node.probe().code, Some(2), "no identity, not ready");
    node.goes_on();
    let mut container = node.renews();
    container.says("next renewal at");
    let probe = node.probe();
    assert_eq!(probe.code, Some(0), "{}", probe.said);
    container.signal(Signal::TERM);
    assert_eq!(container.ended(), Some(0));
}
