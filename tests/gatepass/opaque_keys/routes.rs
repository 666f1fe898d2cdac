//! An opaque key opens four routes and nothing else, by the table of routes itself.

use gatepass::access::Permission;
use gatepass::http::table::Table;
use http::Method;

use super::{Holder, LEAVE, open_policy, works};
use crate::support::client::Client;
use crate::support::fleet::{ACCESS_TOKEN, CHECKIN, POLICY};
use crate::support::{Host, Running, Said};

const AUDIENCE: &str = "https://jobs.example.org";

/// A server that guards a service. Without one, no bearer of `authorize` is judged.
async fn guarding() -> Running {
    Running::start_with(&[("tokens.audiences", AUDIENCE)]).await
}

async fn send(client: &Client, method: &Method, path: &str) -> Said {
    let concrete = path.replace("{region}", "eu").replace("{demand}", "role=proxy").replace(['{', '}'], "");
    // A stream has no end that could be waited for.
    let method = if path == "/status/events" { Method::HEAD } else { method.clone() };
    let body = matches!(method, Method::POST | Method::PATCH | Method::PUT).then(|| "{}".to_owned());
    client.send(method, &concrete, body).await
}

/// "It is an actor kind of its own that opens check-in, policy, whoami and leave, and nothing else." An open route answers as it
/// answers a stranger.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_exactly_four_routes() {
    let at = guarding().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    let (client, stranger) = (holder.client(&at), at.stranger());
    let table = Table::new(true).unwrap();
    let mut open = Vec::new();
    for route in table.routes().iter().filter(|route| route.path != LEAVE) {
        let (method, path) = (&route.method, route.path);
        let said = send(&client, method, path).await;
        match route.permission {
            Permission::Anyone | Permission::SignIn => {
                let expected = send(&stranger, method, path).await.status;
                assert_eq!(said.status, expected, "{method} {path}: {}", said.text);
            }
            _ if said.status == 401 => {}
            _ => open.push((method.to_string(), path)),
        }
    }
    let left = client.post(LEAVE, &serde_json::json!({})).await;
    assert_eq!(left.status, 200, "{}", left.text);
    open.sort();
    let expected = [("GET", POLICY), ("GET", "/api/v1/whoami"), ("POST", CHECKIN)];
    assert_eq!(open, expected.map(|(method, path)| (method.to_owned(), path)));
    at.stop().await;
}

/// "A host's `gph_` key on renew, introspection, access token: 401."
#[tokio::test(flavor = "multi_thread")]
async fn a_key_renews_and_introspects_nothing() {
    let at = guarding().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    let client = holder.client(&at);
    let csr = serde_json::json!({ "csr": Host::new().csr() });
    let audience = serde_json::json!({ "audience": AUDIENCE });
    for said in [
        client.post("/api/v1/renew", &csr).await,
        client.post(ACCESS_TOKEN, &audience).await,
        client.post_form("/oauth2/introspect", format!("token={}", holder.key)).await,
        client.post("/api/v1/verify", &serde_json::json!({ "tokens": [holder.token] })).await,
        client.post("/api/v1/bootstrap", &csr).await,
        client.get("/api/v1/authorize?role=proxy").await,
        client.get("/api/v1/hosts").await,
        client.get("/api/v1/platform/configuration/security/enrollment-tokens").await,
        client.get("/api/fleet/enrollment_api_keys").await,
    ] {
        assert_eq!(said.status, 401, "{}", said.text);
    }
    assert_eq!(holder.outcome(&at).await, works());
    at.stop().await;
}

/// A certificate and a key together: the key decides, and is not made good by the certificate.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_makes_no_wrong_key_good() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    let unknown = format!("gph_{}", "A".repeat(43));
    for key in [unknown.as_str(), "gph_", "gph_short", &holder.key[..46]] {
        let client = holder.host.client(&at, &holder.enrolled).bearer(key);
        let said = client.get("/api/v1/whoami").await;
        assert_eq!((said.status, said.code()), (401, "unauthenticated"), "{key}: {}", said.text);
    }
    let ignored = holder.host.client(&at, &holder.enrolled).bearer("eyJ.e30.x");
    assert_eq!(ignored.get("/api/v1/whoami").await.status, 200, "other credentials are ignored, as before");
    at.stop().await;
}

/// The database is not changed by a key that gatepass did not make: "nothing a stranger sends causes a write".
#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_write_nothing() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    let before = at.ledger().await.len();
    for number in 0..20 {
        let unknown = at.stranger().bearer(&format!("gph_{}{number:02}A", "A".repeat(40)));
        for path in ["/api/v1/whoami", POLICY] {
            assert_eq!(unknown.get(path).await.status, 401);
        }
        assert_eq!(unknown.post(LEAVE, &serde_json::json!({})).await.status, 401);
    }
    assert_eq!(at.ledger().await.len(), before);
    assert!(super::key_of(&holder.repeat(&at).await).is_some(), "the key counts as unused");
    at.stop().await;
}
