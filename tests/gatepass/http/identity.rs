//! The identity of a host: whoami, leave, and the routes closed to certificates.

use serde_json::json;

use crate::support::authority::token_of;
use crate::support::{Host, Running};

#[tokio::test(flavor = "multi_thread")]
async fn whoami_says_what_the_presented_certificate_says() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["proxy"], "dns_names": ["*.example.org"] })).await;
    let host = Host::new();
    let enrolled = host.redeem_with(&at, &token_of(&minted), json!({ "name": "a.example.org" })).await.json;
    let said = host.client(&at, &enrolled).get("/api/v1/whoami").await.json;
    for member in ["host_id", "roles", "name", "expires_at", "renew_after", "server_url"] {
        assert_eq!(said[member], enrolled[member], "{member}");
    }
    assert_eq!(said["server_url"], at.url);
    let shown = at.admin().get(&format!("/api/v1/hosts/{}", said["host_id"].as_str().unwrap())).await.json;
    assert_eq!((&shown["certificate"]["serial"], &shown["state"]), (&said["serial"], &json!("active")));
    assert_eq!(shown["certificate_seen"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaving_host_and_its_key_are_revoked() {
    let at = Running::start().await;
    let host = Host::new();
    let enrolled = host.redeem(&at, &at.mint_once().await).await.json;
    let client = host.client(&at, &enrolled);
    let left = client.post("/api/v1/leave", &json!({})).await;
    assert_eq!(left.json, json!({ "host_id": enrolled["host_id"], "state": "revoked" }));
    for path in ["/api/v1/whoami", "/api/v1/renew", "/api/v1/leave"] {
        let said = match path {
            "/api/v1/whoami" => client.get(path).await,
            _ => client.post(path, &json!({ "csr": host.csr() })).await,
        };
        assert_eq!((said.status, said.code()), (403, "host_revoked"), "{path}");
    }
    let ledger = at.ledger().await;
    let entry = ledger.iter().find(|entry| entry["action"] == "host_revoked").unwrap();
    assert!(entry["actor"].as_str().unwrap().starts_with("host:"), "{entry}");
    assert_eq!(host.redeem(&at, &at.mint_once().await).await.code(), "host_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_certificate_opens_no_door_of_a_users() {
    let at = Running::start().await;
    let host = Host::new();
    let enrolled = host.redeem(&at, &at.mint_once().await).await.json;
    let client = host.client(&at, &enrolled);
    for path in ["/api/v1/enrollment-tokens", "/api/v1/hosts", "/api/v1/ledger", "/api/v1/signing-keys"] {
        let said = client.get(path).await;
        assert_eq!((said.status, said.code()), (401, "unauthenticated"), "{path}");
    }
    assert_eq!(at.admin().get("/api/v1/whoami").await.status, 401, "nor a user's a host's");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authoritys_own_certificate_is_no_hosts() {
    let at = Running::start().await;
    let profile = gatepass::ca::ServerProfile {
        dns_names: vec!["localhost".to_owned()],
        addresses: Vec::new(),
        trust_domain: "127.0.0.1".to_owned(),
        lifetime: std::time::Duration::from_secs(90 * 86_400),
    };
    let ca = at.authority.cas.load();
    let made = ca.current().issue_server(&profile, at.authority.time.now()).unwrap();
    let chain = std::iter::once(made.certificate).chain(ca.own_chain().map(<[u8]>::to_vec));
    let chain = chain.map(rustls::pki_types::CertificateDer::from).collect();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.key.expose().clone());
    let identity = gatepass::client::connect::Identity { chain, key: key.into() };
    let client = crate::support::client::Client::with_identity(&at.url, at.root, Some(identity));
    // It is good for a server only: the handshake refuses it already.
    assert!(client.try_post("/api/v1/renew", &json!({})).await.is_err());
}
