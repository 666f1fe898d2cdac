//! I5 at the doors: who gets through which route, all of them, by a list that is written down here once more.

use gatepass::http::table::Table;
use http::Method;
use serde_json::{Value, json};

use crate::support::authority::{AUDIENCE, PASSWORD, token_of};
use crate::support::client::Client;
use crate::support::{Host, Running, eventually};

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anyone,
    Token,
    Host,
    /// The admin, and whoever can read the data directory.
    Admin,
    /// The admin, and every host.
    Reader,
    /// A host, or who has a token for the service that is guarded.
    Guest,
}

use Who::{Admin, Anyone, Guest, Reader};

const NATIVE: [(&str, &str, Who); 52] = [
    ("POST", "/api/v1/enrollment-tokens", Admin),
    ("GET", "/api/v1/enrollment-tokens", Admin),
    ("GET", "/api/v1/enrollment-tokens/{id}", Admin),
    ("DELETE", "/api/v1/enrollment-tokens/{id}", Admin),
    ("POST", "/api/v1/enrollment-tokens/{id}/rotate", Admin),
    ("POST", "/api/v1/enrollment-tokens/revoke", Admin),
    ("POST", "/api/v1/service-tokens", Admin),
    ("GET", "/api/v1/service-tokens", Admin),
    ("GET", "/api/v1/service-tokens/{id}", Admin),
    ("DELETE", "/api/v1/service-tokens/{id}", Admin),
    ("POST", "/api/v1/bootstrap", Who::Token),
    ("POST", "/api/v1/renew", Who::Host),
    ("GET", "/api/v1/whoami", Who::Host),
    ("GET", "/api/v1/hosts", Admin),
    ("GET", "/api/v1/hosts/{id}", Admin),
    ("PATCH", "/api/v1/hosts/{id}", Admin),
    ("DELETE", "/api/v1/hosts/{id}", Admin),
    ("POST", "/api/v1/hosts/revoke", Admin),
    ("GET", "/api/v1/roles", Admin),
    ("GET", "/api/v1/signing-keys", Admin),
    ("POST", "/api/v1/signing-keys/rotate", Admin),
    ("POST", "/api/v1/signing-keys/{kid}/retire", Admin),
    ("GET", "/api/v1/ca", Admin),
    ("POST", "/api/v1/ca/rotate", Admin),
    ("GET", "/api/v1/issuers", Admin),
    ("POST", "/api/v1/issuers/retire", Admin),
    ("GET", "/api/v1/clock", Admin),
    ("POST", "/api/v1/clock/accept", Admin),
    ("GET", "/api/v1/settings", Admin),
    ("PATCH", "/api/v1/settings", Admin),
    ("GET", "/api/v1/ledger", Admin),
    ("GET", "/api/v1/ledger/verification", Admin),
    ("POST", "/api/v1/verify", Reader),
    ("POST", "/oauth2/introspect", Reader),
    ("POST", "/oauth2/revoke", Admin),
    ("GET", "/.well-known/oauth-authorization-server", Anyone),
    // By any method. These are open to anyone and judge by themselves.
    ("GET", "/api/v1/authorize", Guest),
    ("GET", "/api/v1/authorize-with/{demand}", Guest),
    ("GET", "/api/v1/authorize-with/{demand}/", Guest),
    ("GET", "/api/v1/authorize-with/{demand}/{*rest}", Guest),
    ("GET", "/.well-known/jwks.json", Anyone),
    ("GET", "/ca/root.pem", Anyone),
    ("GET", "/ca/chain.pem", Anyone),
    ("GET", "/ca/root/{fingerprint}", Anyone),
    ("GET", "/ca/crl/{ski}", Anyone),
    ("GET", "/status", Anyone),
    ("GET", "/status/{list}", Anyone),
    ("GET", "/status/events", Anyone),
    ("GET", "/status/{list}/events", Anyone),
    ("GET", "/livez", Anyone),
    ("GET", "/readyz", Anyone),
    // Last, as it ends the host that asks.
    ("POST", "/api/v1/leave", Who::Host),
];

const ECE: [(&str, &str); 3] = [
    ("POST", "/platform/configuration/security/enrollment-tokens"),
    ("GET", "/platform/configuration/security/enrollment-tokens"),
    ("DELETE", "/platform/configuration/security/enrollment-tokens/{token}"),
];

/// Every route of the table.
fn expected(metrics: Who) -> Vec<(String, String, Who)> {
    let native = NATIVE.map(|(method, path, who)| (method.to_owned(), path.to_owned(), who));
    let ece = ECE.iter().flat_map(|(method, path)| {
        ["/api/v1", "/api/v1/regions/{region}"]
            .map(|prefix| ((*method).to_owned(), format!("{prefix}{path}"), Admin))
    });
    let metrics = ("GET".to_owned(), "/metrics".to_owned(), metrics);
    ece.chain([metrics]).chain(native).collect()
}

#[test]
fn i5_the_list_of_this_test_is_the_table_of_routes() {
    let table = Table::new(true).unwrap();
    let mut there: Vec<_> =
        table.routes().iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
    let mut listed: Vec<_> = expected(Anyone).into_iter().map(|(method, path, _)| (method, path)).collect();
    there.sort();
    listed.sort();
    assert_eq!(there, listed, "a route that was added here is to be judged here too");
}

/// What a proxy demands in the path: a token for the service that is configured.
const DEMAND: &str = "audience=https:%2F%2Fjobs.example.org";

struct Caller {
    name: &'static str,
    client: Client,
    may: fn(Who) -> bool,
}

async fn callers(at: &Running) -> Vec<Caller> {
    let token = token_of(&at.mint(json!({ "persistent": true })).await);
    let host = Host::new();
    let enrolled = host.redeem(at, &token).await;
    let local = eventually("the local credential is published", async || {
        std::fs::read_to_string(at.data_dir().join("keys/local.json")).ok()
    });
    let local: Value = serde_json::from_str(&local.await).unwrap();
    let local = local["credential"].as_str().unwrap();
    let service = token_of(&at.mint_service(json!({ "roles": ["director"] })).await);
    let with = |name, client, may| Caller { name, client, may };
    let token = || at.stranger().bearer(&token);
    vec![
        with("anyone", at.stranger(), |who| who == Anyone),
        with("a wrong password", at.stranger().basic("admin", "wrong horse"), |who| who == Anyone),
        with("a wrong local credential", at.stranger().bearer("gpl_00"), |who| who == Anyone),
        with("a token", token(), |who| matches!(who, Anyone | Who::Token)),
        with("a service token", at.stranger().bearer(&service), |who| matches!(who, Anyone | Guest)),
        with("a token as a password", at.stranger().basic("admin", &host.csr()[..60]), |who| who == Anyone),
        with("the admin", at.stranger().basic("admin", PASSWORD), |who| {
            matches!(who, Anyone | Admin | Reader)
        }),
        with("the local credential", at.stranger().bearer(local), |who| {
            matches!(who, Anyone | Admin | Reader)
        }),
        with("a host", host.client(at, &enrolled.json), |who| {
            matches!(who, Anyone | Who::Host | Reader | Guest)
        }),
    ]
}

async fn walk(at: &Running, metrics: Who) -> usize {
    let mut passed = 0;
    for Caller { name, client, may } in callers(at).await {
        for (method, path, who) in expected(metrics) {
            let concrete = path.replace("{region}", "eu").replace("{demand}", DEMAND).replace(['{', '}'], "");
            // A stream has no end that could be waited for.
            let method = if path == "/status/events" { "HEAD".to_owned() } else { method };
            let method: Method = method.parse().unwrap();
            let body = matches!(method, Method::POST | Method::PATCH).then(|| "{}".to_owned());
            let said = client.send(method.clone(), &concrete, body).await;
            let through = !matches!(said.status, 401 | 403);
            assert_eq!(through, may(who), "{name}: {method} {path}: {} {}", said.status, said.text);
            assert!(said.status < 500, "{name}: {method} {path}: {}", said.text);
            passed += usize::from(through);
        }
    }
    passed
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_every_route_lets_in_exactly_those_it_is_for() {
    let at = Running::start_with(&[("tokens.audiences", AUDIENCE)]).await;
    assert!(walk(&at, Anyone).await > 80);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_metrics_are_the_admins_where_they_are_not_public() {
    let at = Running::start_with(&[("http.public_metrics", "false"), ("tokens.audiences", AUDIENCE)]).await;
    assert!(walk(&at, Admin).await > 70);
    at.stop().await;
}
