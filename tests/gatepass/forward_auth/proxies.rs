//! A proxy with a host certificate of its own, on each kind of route.

use http::{HeaderName, Method};
use serde_json::{Value, json};

use super::certificates::{XFCC, behind_a_proxy, element, enrolled};
use super::{AUTHORIZE, header, start};
use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::{Host, Running, Said};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// One route of each kind that takes a certificate.
const ROUTES: [&str; 6] =
    ["/api/v1/whoami", "/oauth2/introspect", "/api/v1/verify", AUTHORIZE, "/api/v1/renew", "/api/v1/leave"];

/// A host that asks at `path` with these header fields.
async fn ask(at: &Running, host: &Host, own: &Value, path: &str, fields: &[(&'static str, &str)]) -> Said {
    let mut client = host.client(at, own);
    for (name, value) in fields {
        client = client.header(HeaderName::from_static(name), value);
    }
    let token = || async { token_of(&at.mint_service(json!({})).await) };
    match path {
        "/oauth2/introspect" => form(client, path, format!("token={}", token().await)).await,
        "/api/v1/verify" => client.post(path, &json!({ "tokens": [token().await] })).await,
        "/api/v1/renew" => client.post(path, &json!({ "csr": host.csr() })).await,
        "/api/v1/leave" => client.send(Method::POST, path, None).await,
        _ => client.get(path).await,
    }
}

async fn form(client: Client, path: &str, body: String) -> Said {
    let client = client.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    client.send(Method::POST, path, Some(body)).await
}

/// The status of each route, with a new host for each.
async fn statuses(at: &Running, fields: &[(&'static str, &str)]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for path in ROUTES {
        let (host, own) = enrolled(at, json!([])).await;
        let said = ask(at, &host, &own, path, fields).await;
        if said.status == 401 {
            let whoami = ask(at, &host, &own, "/api/v1/whoami", &[]).await;
            assert_eq!((whoami.status, &whoami.json["host_id"]), (200, &own["host_id"]), "{path}");
        }
        statuses.push(said.status);
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarding_header_makes_a_certificate_count_for_nobody() {
    for (at, direct) in [
        (start().await, [200, 200, 200, 204, 200, 200]),
        // The proxy's own host renews, leaves and asks who it is. It may forward other requests without saying so.
        (behind_a_proxy(&[]).await, [200, 401, 401, 401, 200, 200]),
    ] {
        assert_eq!(statuses(&at, &[]).await, direct);
        assert_eq!(statuses(&at, &[(FORWARDED_FOR, "198.51.100.7")]).await, [401; 6]);
        assert_eq!(statuses(&at, &[(XFCC, "")]).await, [401; 6]);
        at.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passed_certificate_counts_at_forward_auth_alone() {
    let at = behind_a_proxy(&[]).await;
    let (proxy, own) = enrolled(&at, json!([])).await;
    let (_, client) = enrolled(&at, json!(["proxy"])).await;
    let passed = element(&client);
    for path in ROUTES {
        let said = ask(&at, &proxy, &own, path, &[(XFCC, &passed), (FORWARDED_FOR, "198.51.100.7")]).await;
        let expected = if path == AUTHORIZE { 204 } else { 401 };
        assert_eq!(said.status, expected, "{path}: {}", said.text);
        assert_eq!(
            header(&said, "x-gatepass-host"),
            client["host_id"].as_str().filter(|_| path == AUTHORIZE)
        );
    }
    let whoami = ask(&at, &proxy, &own, "/api/v1/whoami", &[]).await;
    assert_eq!(whoami.status, 200, "nobody made the proxy's host leave: {}", whoami.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_forwarding_header_is_recognised() {
    let set = [("http.client_certificate_header", "x-own-header")];
    let at = behind_a_proxy(&set).await;
    let (host, own) = enrolled(&at, json!([])).await;
    for name in [
        "forwarded",
        "via",
        "x-real-ip",
        "x-forwarded-proto",
        "x-forwarded-tls-client-cert",
        "x-original-uri",
        "x-ssl-client-cert",
        "client-cert",
        "x-own-header",
    ] {
        let said = ask(&at, &host, &own, "/api/v1/whoami", &[(name, "")]).await;
        assert_eq!((said.status, said.code()), (401, "unauthenticated"), "{name}");
        assert!(said.json["detail"].as_str().unwrap().contains("connect to the server directly"), "{name}");
    }
    let said = ask(&at, &host, &own, "/api/v1/whoami", &[("x-request-id", "x")]).await;
    assert_eq!(said.status, 200, "{}", said.text);
}
