//! Rate limits over real TLS: the refused requests, their answers, and the callers that stay unaffected.

use http::HeaderName;
use serde_json::json;

use crate::support::authority::{PASSWORD, token_of};
use crate::support::client::{Client, Said};
use crate::support::{Host, Running, eventually};

const ROLES: &str = "/api/v1/roles";
const ECE: &str = "/api/v1/platform/configuration/security/enrollment-tokens";

fn assert_limited(said: &Said, limit: &str) {
    assert_eq!((said.status, said.code()), (429, "rate_limited"), "{}", said.text);
    assert_eq!(said.headers["content-type"], "application/problem+json");
    let seconds: u32 = said.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{seconds}");
    assert!(said.json["detail"].as_str().unwrap().contains(&format!("(limit {limit})")), "{}", said.text);
}

/// A client that a trusted proxy asks for.
fn behind_proxy(client: Client, address: &str) -> Client {
    client.header(HeaderName::from_static("x-forwarded-for"), address)
}

async fn local(at: &Running) -> Client {
    let file = at.data_dir().join("keys/local.json");
    let text = eventually("the local credential is published", async || std::fs::read_to_string(&file).ok());
    let json: serde_json::Value = serde_json::from_str(&text.await).unwrap();
    at.stranger().bearer(json["credential"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_over_its_limit_gets_429() {
    let at = Running::start_with(&[("limits.address", "2/h")]).await;
    for _ in 0..2 {
        assert_eq!(at.admin().get(ROLES).await.status, 200);
    }
    assert_limited(&at.admin().get(ROLES).await, "address");
    assert_limited(&at.stranger().get(ROLES).await, "address");
    let ece = at.admin().get(ECE).await;
    assert_eq!((ece.status, ece.headers.contains_key("retry-after")), (429, true));
    assert!(ece.json["errors"][0]["message"].as_str().unwrap().contains("address"), "{}", ece.text);
    let revoke = at.admin().header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let oauth = revoke.send(http::Method::POST, "/oauth2/revoke", Some("token=x".to_owned())).await;
    assert_eq!((oauth.status, &oauth.json["error"]), (429, &json!("rate_limited")));
    for open in ["/livez", "/readyz", "/.well-known/jwks.json", "/ca/root.pem", "/status"] {
        assert_eq!(at.stranger().get(open).await.status, 200, "{open}");
    }
    assert_eq!(at.admin().post("/api/v1/verify", &json!({ "tokens": ["x"] })).await.status, 200);
    assert_eq!(local(&at).await.get(ROLES).await.status, 200);
    eventually("the metrics show it", async || {
        let told = at.stranger().get("/metrics").await.text;
        told.contains("gatepass_rate_limited_total{limit=\"address\"}").then_some(())
    })
    .await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_address_blocks_no_valid_credential() {
    let at = Running::start_with(&[("limits.refused_address", "3/h")]).await;
    let admin = || at.stranger().basic("admin", PASSWORD);
    assert_eq!(admin().get(ROLES).await.status, 200);
    at.user("viewer", PASSWORD, "viewer").await;
    assert_eq!(at.stranger().basic("viewer", PASSWORD).get(ROLES).await.status, 200);
    let wrong = || at.stranger().bearer("gps_wrong");
    for _ in 0..3 {
        assert_eq!(wrong().get(ROLES).await.status, 401);
    }
    assert_limited(&wrong().get(ROLES).await, "refused_address");
    assert_limited(&wrong().post("/api/v1/verify", &json!({ "tokens": ["x"] })).await, "refused_address");
    assert_eq!(admin().get(ROLES).await.status, 200, "a good credential is not kept out");
    let mint = at.stranger().basic("viewer", PASSWORD).post("/api/v1/enrollment-tokens", &json!({})).await;
    assert_eq!((mint.status, mint.code()), (403, "forbidden"), "and the missing right is named");
    assert_eq!(local(&at).await.get(ROLES).await.status, 200);
    assert_eq!(at.stranger().post("/api/v1/bootstrap", &json!({ "csr": "" })).await.status, 401);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_behind_a_proxy_does_not_slow_another() {
    let set = [
        ("http.trusted_proxies", "127.0.0.1,10.0.0.0/8"),
        ("limits.address", "3/h"),
        ("limits.refused_address", "2/h"),
    ];
    let at = Running::start_with(&set).await;
    let flood = behind_proxy(at.stranger(), "1.2.3.4, 198.51.100.1, 10.1.1.1");
    assert_eq!([flood.get(ROLES).await.status, flood.get(ROLES).await.status], [401, 401]);
    assert_limited(&flood.get(ROLES).await, "refused_address");
    assert_limited(&flood.get(ROLES).await, "address");
    let other = behind_proxy(at.admin(), "198.51.100.2");
    let minted = other.post("/api/v1/enrollment-tokens", &json!({})).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    let ledger = other.get("/api/v1/ledger?limit=1").await;
    assert_eq!(ledger.json["items"][0]["address"], "198.51.100.2", "{}", ledger.text);
    // Of one subscriber's addresses each is the same.
    for address in ["2001:db8:0:1::1", "2001:db8:0:1::2", "[2001:db8:0:1:ffff::3]:443"] {
        assert_eq!(behind_proxy(at.admin(), address).get(ROLES).await.status, 200, "{address}");
    }
    assert_limited(&behind_proxy(at.admin(), "2001:db8:0:1::4").get(ROLES).await, "address");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_limited_wherever_the_requests_come_from() {
    let set = [("http.trusted_proxies", "127.0.0.1"), ("limits.actor", "2/h")];
    let at = Running::start_with(&set).await;
    for address in ["198.51.100.1", "198.51.100.2"] {
        assert_eq!(behind_proxy(at.admin(), address).get(ROLES).await.status, 200);
    }
    assert_limited(&behind_proxy(at.admin(), "198.51.100.3").get(ROLES).await, "actor");
    let stranger = behind_proxy(at.stranger().basic("admin", "guess"), "198.51.100.4");
    assert_eq!(stranger.get(ROLES).await.status, 401, "who is not that user learns nothing of its limit");
    at.stop().await;
}

/// Two API keys of the admin: their ids, and clients with them.
async fn two_keys(at: &Running) -> [(String, Client); 2] {
    let mut keys = Vec::new();
    for _ in 0..2 {
        let key = at.api_key(&at.admin(), json!({ "scopes": ["ledger:read"] })).await;
        let id = key["id"].as_str().unwrap().to_owned();
        keys.push((id, at.stranger().bearer(key["api_key"].as_str().unwrap())));
    }
    keys.try_into().unwrap_or_else(|_| unreachable!("there are two"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_keys_of_one_owner_are_limited_together() {
    let at = Running::start_with(&[("limits.actor", "3/h")]).await;
    let [(_, one), (_, other)] = two_keys(&at).await;
    for key in [&one, &other, &one] {
        assert_eq!(key.get(ROLES).await.status, 200);
    }
    for spent in [&one, &other] {
        assert_limited(&spent.get(ROLES).await, "actor");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keys_flood_does_not_block_its_owner() {
    let at = Running::start_with(&[("limits.actor", "3/h")]).await;
    let [(id, flood), _] = two_keys(&at).await;
    for _ in 0..3 {
        assert_eq!(flood.get(ROLES).await.status, 200);
    }
    assert_limited(&flood.get(ROLES).await, "actor");
    let gone = at.admin().delete(&format!("/api/v1/api-keys/{id}")).await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    assert_eq!(flood.get(ROLES).await.status, 401);
    assert_limited(&at.admin().get(ROLES).await, "actor");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_hosts_enroll_within_the_limits() {
    let set = [
        ("limits.address", "1/h"),
        ("limits.refused_address", "1/h"),
        ("limits.actor", "1/h"),
        ("limits.refused_token", "1/h"),
    ];
    let at = Running::start_with(&set).await;
    let token = at.roles_token.clone().unwrap();
    for batch in 0..10 {
        let hosts = (0..50).map(|_| {
            let (client, csr) = (at.stranger().bearer(&token), Host::new().csr());
            tokio::spawn(async move { client.post("/api/v1/bootstrap", &json!({ "csr": csr })).await })
        });
        for host in hosts.collect::<Vec<_>>() {
            let said = host.await.unwrap();
            assert_eq!(said.status, 200, "batch {batch}: {}", said.text);
        }
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_refused_redemptions_are_limited() {
    let at = Running::start_with(&[("limits.refused_token", "2/h")]).await;
    let token = token_of(&at.mint(json!({ "max_uses": 3 })).await);
    let bad =
        || async { at.stranger().bearer(&token).post("/api/v1/bootstrap", &json!({ "csr": "x" })).await };
    assert_eq!([bad().await.status, bad().await.status], [422, 422]);
    assert_limited(&bad().await, "refused_token");
    let host = Host::new();
    for _ in 0..3 {
        assert_eq!(host.redeem(&at, &token).await.status, 200, "the good one, and its repeats");
    }
    let other = token_of(&at.mint(json!({})).await);
    assert_eq!(Host::new().redeem(&at, &other).await.status, 200);
    assert_eq!(Host::new().redeem(&at, &other).await.status, 410, "each token has its own");
    assert_limited(&bad().await, "refused_token");
    let emergency = at.emergency_token.clone().unwrap();
    for _ in 0..4 {
        let refused =
            at.stranger().bearer(&emergency).post("/api/v1/bootstrap", &json!({ "csr": "x" })).await;
        assert_eq!(refused.status, 422, "the emergency token is exempt");
    }
    // A signature that is not good tells nothing and takes nothing.
    let forged = format!("{}AAAA", &other[..other.len() - 4]);
    assert_eq!(at.stranger().bearer(&forged).post("/api/v1/bootstrap", &json!({})).await.status, 401);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redemptions_are_limited_by_address_where_that_is_configured() {
    let set = [("limits.redemptions", "2/h"), ("http.trusted_proxies", "127.0.0.1")];
    let at = Running::start_with(&set).await;
    let (token, emergency) = (at.roles_token.clone().unwrap(), at.emergency_token.clone().unwrap());
    let redeem = async |token: &str, address| {
        let client = behind_proxy(at.stranger().bearer(token), address);
        client.post("/api/v1/bootstrap", &json!({ "csr": Host::new().csr() })).await
    };
    for _ in 0..2 {
        assert_eq!(redeem(&token, "198.51.100.1").await.status, 200);
    }
    let hosts = at.entries("host_enrolled").await;
    assert_limited(&redeem(&token, "198.51.100.1").await, "redemptions");
    assert_eq!(at.entries("host_enrolled").await, hosts);
    assert_eq!(redeem(&token, "198.51.100.2").await.status, 200);
    assert_eq!(redeem(&emergency, "198.51.100.1").await.status, 200, "the emergency token is exempt");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_refusals_of_unknown_tokens_are_limited() {
    let at = Running::start_with(&[("limits.unknown_tokens", "2/h")]).await;
    let token = token_of(&at.mint(json!({ "max_uses": 3 })).await);
    let forged = format!("{}AAAA", &token[..token.len() - 4]);
    let redeem = async |token: &str| {
        at.stranger().bearer(token).post("/api/v1/bootstrap", &json!({ "csr": Host::new().csr() })).await
    };
    assert_eq!([redeem(&forged).await.status, redeem("eyJ.e30.x").await.status], [401, 401]);
    for unknown in [forged.as_str(), "eyJ.e30.x"] {
        assert_limited(&redeem(unknown).await, "unknown_tokens");
    }
    for status in [200, 200, 200, 410] {
        assert_eq!(redeem(&token).await.status, status, "a good signature is never limited by it");
    }
    at.stop().await;
}
