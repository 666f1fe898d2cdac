//! Names: outside the token's patterns 403, the authority's own or a live host's 409; no use is spent.

use std::time::Duration;

use serde_json::{Value, json};

use super::used;
use crate::support::authority::token_of;
use crate::support::{Host, Running};

#[tokio::test(flavor = "multi_thread")]
async fn a_name_outside_the_patterns_is_403_binding_mismatch() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "dns_names": ["*.nodes.example.org"] })).await;
    let token = token_of(&minted);
    for name in
        ["example.org", "nodes.example.org", "a.b.nodes.example.org", "a.nodes.example.com", "localhost"]
    {
        let refused = Host::new().redeem_with(&at, &token, json!({ "name": name })).await;
        assert_eq!((refused.status, refused.code()), (403, "binding_mismatch"), "{name}: {}", refused.text);
    }
    let bare = at.mint(json!({})).await;
    let refused =
        Host::new().redeem_with(&at, &token_of(&bare), json!({ "name": "a.nodes.example.org" })).await;
    assert_eq!((refused.status, refused.code()), (403, "binding_mismatch"));
    assert_eq!((used(&at, &minted).await, used(&at, &bare).await), (json!(0), json!(0)));
    let enrolled = Host::new().redeem_with(&at, &token, json!({ "name": "a.nodes.example.org" })).await;
    assert_eq!((enrolled.status, &enrolled.json["name"]), (200, &json!("a.nodes.example.org")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_name_is_400_with_the_field() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "dns_names": ["*.example.org"], "max_uses": 5 })).await;
    let long = format!("{}.example.org", "a".repeat(260));
    for name in [
        "*.example.org",
        "127.0.0.1",
        "::1",
        "a..example.org",
        "a b",
        "-a.example.org",
        &long,
        "\u{e9}.example.org",
    ] {
        let refused = Host::new().redeem_with(&at, &token_of(&minted), json!({ "name": name })).await;
        assert_eq!((refused.status, &refused.json["fields"][0]["field"]), (400, &json!("name")), "{name}");
    }
    assert_eq!(used(&at, &minted).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authoritys_own_name_is_409_name_taken() {
    let at = Running::start_with(&[("server.external_url", "https://gate.example.org:8443")]).await;
    let here = || crate::support::client::Client::new(&format!("https://{}", at.local), at.root);
    let admin = here().basic("admin", crate::support::authority::PASSWORD);
    let request = json!({ "dns_names": ["localhost", "*.example.org"], "max_uses": 5 });
    let minted = admin.post("/api/v1/enrollment-tokens", &request).await.json;
    let bearer = here().bearer(&token_of(&minted));
    for (name, status) in [("localhost", 409), ("gate.example.org", 409), ("node.example.org", 200)] {
        let body = json!({ "csr": Host::new().csr(), "name": name });
        let said = bearer.post("/api/v1/bootstrap", &body).await;
        assert_eq!(said.status, status, "{name}: {}", said.text);
        assert_eq!(said.code() == "name_taken", status == 409);
    }
    let shown =
        admin.get(&format!("/api/v1/enrollment-tokens/{}", minted["token_id"].as_str().unwrap())).await;
    assert_eq!(shown.json["used"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_hosts_name_is_409_name_taken() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "dns_names": ["*.example.org"], "max_uses": 5 })).await;
    let token = token_of(&minted);
    let ask = json!({ "name": "db.example.org" });
    let first = Host::new().redeem_with(&at, &token, ask.clone()).await;
    assert_eq!(first.status, 200);
    for name in ["db.example.org", "DB.example.org"] {
        let refused = Host::new().redeem_with(&at, &token, json!({ "name": name })).await;
        assert!(matches!(refused.code(), "name_taken" | "invalid_request"), "{name}: {}", refused.text);
    }
    assert_eq!(used(&at, &minted).await, 1, "no use is spent");
    let path = format!("/api/v1/hosts/{}", first.json["host_id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&path).await.status, 200);
    let second = Host::new().redeem_with(&at, &token, ask).await;
    assert_eq!((second.status, used(&at, &minted).await), (200, json!(2)), "{}", second.text);
}

/// FLEETS 4: a lapsed host holds its DNS name for `hosts.name_hold`; then another may take it.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_free_once_its_hold_has_passed() {
    let at = Running::start_with(&[("hosts.certificate_lifetime", "3d"), ("hosts.name_hold", "12h")]).await;
    let order = json!({ "dns_names": ["db.example.org"], "max_uses": null, "persistent": true });
    let (token, ask) = (token_of(&at.mint(order).await), json!({ "name": "db.example.org" }));
    let (old, new) = (Host::new(), Host::new());
    let first = old.redeem_with(&at, &token, ask.clone()).await.json;
    at.clock.advance(Duration::from_secs(83 * 3600));
    let refused = new.redeem_with(&at, &token, ask.clone()).await;
    assert_eq!((refused.status, refused.code()), (409, "name_taken"), "{}", refused.text);
    at.clock.advance(Duration::from_secs(3600));
    let second = new.redeem_with(&at, &token, ask).await;
    assert_eq!(second.status, 200, "{}", second.text);
    let entry = at.ledger().await.into_iter().find(|entry| entry["action"] == "name_withdrawn").unwrap();
    let facts = (&entry["subjects"]["host"], &entry["detail"]["name"], &entry["detail"]["taken_by"]);
    assert_eq!(facts, (&first["host_id"], &json!("db.example.org"), &second.json["host_id"]), "{entry}");
    let back = old.redeem(&at, &token).await;
    assert_eq!(
        (back.status, &back.json["host_id"], &back.json["name"]),
        (200, &first["host_id"], &Value::Null)
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_bound_token_admits_only_that_key() {
    let at = Running::start().await;
    let host = Host::new();
    let csr = gatepass::ca::Csr::parse(&host.csr(), gatepass::ca::CsrPolicy { allow_rsa: false }).unwrap();
    let minted = at.mint(json!({ "key_thumbprint": csr.thumbprint().to_string() })).await;
    let refused = Host::new().redeem(&at, &token_of(&minted)).await;
    assert_eq!((refused.status, refused.code()), (403, "binding_mismatch"), "{}", refused.text);
    assert_eq!(used(&at, &minted).await, 0);
    assert_eq!(host.redeem(&at, &token_of(&minted)).await.status, 200);
}
