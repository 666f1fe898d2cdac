//! I3: a refused or failed redemption spends nothing; the same token then works.

use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::{Host, Running, Said, database};

/// A one-time token for hosts below example.org.
async fn mint(at: &Running) -> (String, String) {
    let minted = at.mint(json!({ "roles": ["proxy"], "dns_names": ["*.example.org"] })).await;
    (token_of(&minted), minted["token_id"].as_str().unwrap().to_owned())
}

async fn present(at: &Running, token: &str, body: Value) -> Said {
    at.stranger().bearer(token).post("/api/v1/bootstrap", &body).await
}

/// Checks that the token is unspent and still admits a host.
async fn still_good(at: &Running, token: &str, id: &str) {
    let item = at.token(id).await;
    assert_eq!((&item["used"], &item["state"]), (&json!(0), &json!("pending")));
    let said = Host::new().redeem(at, token).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(at.token(id).await["used"], json!(1));
}

/// Requests that are no request, or whose signature is not that of their key.
fn broken_requests() -> Vec<(&'static str, String)> {
    let good = Host::new().csr();
    let half = good.len() / 2;
    let other = if &good[half..=half] == "A" { "B" } else { "A" };
    let tampered = format!("{}{other}{}", &good[..half], &good[half + 1..]);
    let rsa_shaped = good.replace("CERTIFICATE REQUEST", "RSA PRIVATE KEY");
    vec![
        ("nothing", String::new()),
        ("text", "please".to_owned()),
        ("cut off", good[..half].to_owned()),
        ("tampered with", tampered),
        ("of another kind", rsa_shaped),
        ("twice", format!("{good}{good}")),
        ("too long", format!("{good}{}", "\n".repeat(9000))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_missing_or_broken_request_spends_nothing() {
    let at = Running::start().await;
    for (what, csr) in broken_requests() {
        let (token, id) = mint(&at).await;
        let said = present(&at, &token, json!({ "csr": csr })).await;
        assert_eq!((said.status, said.code()), (422, "csr_rejected"), "{what}: {}", said.text);
        still_good(&at, &token, &id).await;
    }
    let (token, id) = mint(&at).await;
    for body in [json!({}), json!({ "csr": 5 }), json!({ "csr": "", "more": 1 }), json!([])] {
        assert!(matches!(present(&at, &token, body).await.status, 400 | 422));
    }
    still_good(&at, &token, &id).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_only_a_hostile_requests_key_is_used() {
    let at = Running::start().await;
    let (token, _) = mint(&at).await;
    let key = KeyPair::generate().unwrap();
    let mut wish =
        CertificateParams::new(vec!["gate.example.org".to_owned(), "evil.test".to_owned()]).unwrap();
    wish.distinguished_name.push(DnType::CommonName, "admin");
    wish.distinguished_name.push(DnType::OrganizationName, "director");
    let csr = wish.serialize_request(&key).unwrap().pem().unwrap();
    let said = present(&at, &token, json!({ "csr": csr })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let der = gatepass::ca::pem_to_der("CERTIFICATE", said.json["certificate"].as_str().unwrap()).unwrap();
    for asked in ["evil.test", "gate.example.org", "director", "admin"] {
        assert!(!der.windows(asked.len()).any(|part| part == asked.as_bytes()), "{asked} was signed");
    }
    let identity = gatepass::host_certificate::HostPeer::parse(&der).unwrap();
    assert_eq!(identity.dns_name, None);
    assert_eq!(json!(identity.roles), json!(["proxy"]));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_binding_that_does_not_hold_spends_nothing() {
    let at = Running::start().await;
    let (token, id) = mint(&at).await;
    for name in ["node.example.com", "a.b.example.org", "example.org"] {
        let said = Host::new().redeem_with(&at, &token, json!({ "name": name })).await;
        assert_eq!((said.status, said.code()), (403, "binding_mismatch"), "{name}: {}", said.text);
    }
    still_good(&at, &token, &id).await;
    let owner = Host::new();
    let csr = gatepass::ca::Csr::parse(&owner.csr(), gatepass::ca::CsrPolicy { allow_rsa: false }).unwrap();
    let minted = at.mint(json!({ "key_thumbprint": csr.thumbprint().to_string() })).await;
    let token = token_of(&minted);
    let said = Host::new().redeem(&at, &token).await;
    assert_eq!((said.status, said.code()), (403, "binding_mismatch"));
    assert_eq!(owner.redeem(&at, &token).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_name_that_is_taken_spends_nothing() {
    let at = Running::start().await;
    let (first, _) = mint(&at).await;
    let name = json!({ "name": "node.example.org" });
    assert_eq!(Host::new().redeem_with(&at, &first, name.clone()).await.status, 200);
    let (token, id) = mint(&at).await;
    let said = Host::new().redeem_with(&at, &token, name).await;
    assert_eq!((said.status, said.code()), (409, "name_taken"), "{}", said.text);
    still_good(&at, &token, &id).await;
    let minted = at.mint(json!({ "dns_names": ["localhost"] })).await;
    let said = Host::new().redeem_with(&at, &token_of(&minted), json!({ "name": "localhost" })).await;
    assert_eq!((said.status, said.code()), (409, "name_taken"), "the authority's own: {}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_clock_in_doubt_spends_nothing() {
    let at = Running::start().await;
    let (token, id) = mint(&at).await;
    let right = at.authority.time.wall();
    for wrong in [right.minus(Duration::from_secs(600)), right.plus(Duration::from_secs(2 * 86_400))] {
        at.clock.step_to(wrong);
        let said = Host::new().redeem(&at, &token).await;
        assert_eq!((said.status, said.code()), (503, "clock_in_doubt"), "{}", said.text);
        assert!(said.headers.contains_key("retry-after"));
        at.clock.step_to(right);
    }
    still_good(&at, &token, &id).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_read_only_store_spends_nothing() {
    let at = Running::start().await;
    let (token, id) = mint(&at).await;
    let host = Host::new();
    at.settled().await;
    let before = database::counts(at.data_dir());
    let held = database::hold(at.data_dir());
    let said = host.redeem(&at, &token).await;
    assert_eq!((said.status, said.code()), (503, "store_unavailable"), "{}", said.text);
    assert!(said.headers.contains_key("retry-after"));
    let jwks = at.stranger().get("/.well-known/jwks.json").await;
    assert!(jwks.status == 200 && !jwks.bytes.is_empty(), "what is published is served all the same");
    drop(held);
    assert_eq!(database::counts(at.data_dir()), before, "nothing is half done");
    assert_eq!(at.token(&id).await["used"], json!(0));
    assert_eq!(host.redeem(&at, &token).await.status, 200, "it recovers without a restart");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_the_key_of_a_revoked_host_spends_nothing() {
    let at = Running::start().await;
    let host = Host::new();
    let enrolled = host.redeem(&at, &at.mint_once().await).await;
    at.admin().delete(&format!("/api/v1/hosts/{}", enrolled.json["host_id"].as_str().unwrap())).await;
    let (token, id) = mint(&at).await;
    let said = host.redeem(&at, &token).await;
    assert_eq!((said.status, said.code()), (403, "host_revoked"));
    still_good(&at, &token, &id).await;
    at.stop().await;
}
