//! I5 at the doors: who gets through which route, all of them, by a list that is written down here once more.

use gatepass::http::table::Table;
use http::Method;

use self::callers::{Caller, callers};
use crate::support::Running;
use crate::support::authority::AUDIENCE;

mod callers;

/// The callers of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Anyone,
    Token,
    Host,
    /// A host, by its certificate or its opaque key.
    HostOrKey,
    /// Any signed-in caller.
    SignedIn,
    /// Callers with this scope, by role or key; `admin` includes every other.
    Scope(&'static str),
    /// Callers with the scope `tokens:read`, and every host.
    Reader,
    /// A user, whatever the role; no API key.
    User,
    /// A user by name and password; no session begins another.
    Password,
    /// A user by a session.
    Session,
    /// A user with any role, and callers with the scope `admin`.
    Keeper,
    /// A host, or the holder of a token for the guarded service.
    Guest,
}

impl Who {
    /// Returns whether the route wants a user or an API key, and so reads the session cookie.
    const fn is_a_user(self) -> bool {
        !matches!(
            self,
            Self::Anyone | Self::Token | Self::Host | Self::HostOrKey | Self::Guest | Self::Password
        )
    }
}

use Who::{Anyone, Guest, Keeper, Reader, Scope, SignedIn, User};

const READ_TOKENS: Who = Scope("tokens:read");
const WRITE_TOKENS: Who = Scope("tokens:write");
const READ_HOSTS: Who = Scope("hosts:read");
const WRITE_HOSTS: Who = Scope("hosts:write");
const READ_POLICIES: Who = Scope("policies:read");
const WRITE_POLICIES: Who = Scope("policies:write");
const READ_LEDGER: Who = Scope("ledger:read");
const ADMIN: Who = Scope("admin");

const NATIVE: [(&str, &str, Who); 122] = [
    ("POST", "/api/v1/enrollment-tokens", WRITE_TOKENS),
    ("GET", "/api/v1/enrollment-tokens", READ_TOKENS),
    ("GET", "/api/v1/enrollment-tokens/{id}", READ_TOKENS),
    ("DELETE", "/api/v1/enrollment-tokens/{id}", WRITE_TOKENS),
    ("POST", "/api/v1/enrollment-tokens/{id}/rotate", WRITE_TOKENS),
    ("POST", "/api/v1/enrollment-tokens/revoke", WRITE_TOKENS),
    ("POST", "/api/v1/enrollment-tokens/{id}/release", WRITE_TOKENS),
    ("POST", "/api/v1/enrollment-tokens/release", WRITE_TOKENS),
    ("POST", "/api/v1/service-tokens", WRITE_TOKENS),
    ("GET", "/api/v1/service-tokens", READ_TOKENS),
    ("GET", "/api/v1/service-tokens/{id}", READ_TOKENS),
    ("DELETE", "/api/v1/service-tokens/{id}", WRITE_TOKENS),
    ("POST", "/api/v1/bootstrap", Who::Token),
    ("POST", "/api/v1/renew", Who::Host),
    ("GET", "/api/v1/whoami", Who::HostOrKey),
    ("POST", "/api/v1/whoami", Who::Host),
    ("POST", "/api/v1/checkin", Who::HostOrKey),
    ("GET", "/api/v1/policy", Who::HostOrKey),
    ("POST", "/api/v1/access-token", Who::Host),
    ("GET", "/api/v1/hosts", READ_HOSTS),
    ("GET", "/api/v1/hosts/{id}", READ_HOSTS),
    ("PATCH", "/api/v1/hosts/{id}", WRITE_HOSTS),
    ("DELETE", "/api/v1/hosts/{id}", WRITE_HOSTS),
    ("POST", "/api/v1/hosts/revoke", WRITE_HOSTS),
    ("POST", "/api/v1/hosts/{id}/reenrollment-token", WRITE_HOSTS),
    ("POST", "/api/v1/hosts/move", WRITE_HOSTS),
    ("POST", "/api/v1/hosts/set-roles", WRITE_HOSTS),
    ("POST", "/api/v1/hosts/release", WRITE_HOSTS),
    ("POST", "/api/v1/hosts/{id}/release", WRITE_HOSTS),
    ("GET", "/api/v1/enrollments", READ_HOSTS),
    ("GET", "/api/v1/enrollments/{id}", READ_HOSTS),
    ("POST", "/api/v1/enrollments/{id}/approve", WRITE_HOSTS),
    ("POST", "/api/v1/enrollments/{id}/deny", WRITE_HOSTS),
    ("POST", "/api/v1/enrollments/decide", WRITE_HOSTS),
    ("POST", "/api/v1/auto-approve-rules", WRITE_POLICIES),
    ("GET", "/api/v1/auto-approve-rules", READ_POLICIES),
    ("POST", "/api/v1/auto-approve-rules/test", READ_POLICIES),
    ("GET", "/api/v1/auto-approve-rules/{id}", READ_POLICIES),
    ("PATCH", "/api/v1/auto-approve-rules/{id}", WRITE_POLICIES),
    ("DELETE", "/api/v1/auto-approve-rules/{id}", WRITE_POLICIES),
    ("POST", "/api/v1/outputs", WRITE_POLICIES),
    ("GET", "/api/v1/outputs", READ_POLICIES),
    ("GET", "/api/v1/outputs/{id}", READ_POLICIES),
    ("PATCH", "/api/v1/outputs/{id}", WRITE_POLICIES),
    ("DELETE", "/api/v1/outputs/{id}", WRITE_POLICIES),
    ("POST", "/api/v1/policies", WRITE_POLICIES),
    ("GET", "/api/v1/policies", READ_POLICIES),
    ("GET", "/api/v1/policies/{id}", READ_POLICIES),
    ("PATCH", "/api/v1/policies/{id}", WRITE_POLICIES),
    ("DELETE", "/api/v1/policies/{id}", WRITE_POLICIES),
    ("GET", "/api/v1/policies/{id}/revisions", READ_POLICIES),
    ("POST", "/api/v1/policies/{id}/revisions/{revision}/restore", WRITE_POLICIES),
    ("POST", "/api/v1/session", Who::Password),
    ("GET", "/api/v1/session", SignedIn),
    ("GET", "/api/v1/sessions", User),
    ("DELETE", "/api/v1/sessions/{id}", User),
    ("POST", "/api/v1/users/auth/_login", Anyone),
    ("POST", "/api/v1/users/auth/_refresh", Who::Session),
    ("GET", "/api/v1/user", SignedIn),
    ("GET", "/api/v1/overview", SignedIn),
    ("GET", "/api/v1/install-command", SignedIn),
    ("GET", "/api/v1/roles", SignedIn),
    ("GET", "/api/v1/signing-keys", SignedIn),
    ("POST", "/api/v1/signing-keys/rotate", ADMIN),
    ("POST", "/api/v1/signing-keys/{kid}/retire", ADMIN),
    ("GET", "/api/v1/ca", SignedIn),
    ("POST", "/api/v1/ca/rotate", ADMIN),
    ("POST", "/api/v1/ca/revoke", ADMIN),
    ("GET", "/api/v1/issuers", SignedIn),
    ("POST", "/api/v1/issuers/retire", ADMIN),
    ("GET", "/api/v1/clock", SignedIn),
    ("POST", "/api/v1/clock/accept", ADMIN),
    ("POST", "/api/v1/backup", ADMIN),
    ("POST", "/api/v1/backup/hold", ADMIN),
    ("POST", "/api/v1/backup/made", ADMIN),
    ("GET", "/api/v1/settings", SignedIn),
    ("PATCH", "/api/v1/settings", ADMIN),
    ("GET", "/api/v1/capacity", SignedIn),
    ("PUT", "/api/v1/capacity", ADMIN),
    ("GET", "/api/v1/ledger", READ_LEDGER),
    ("GET", "/api/v1/ledger/export", READ_LEDGER),
    ("GET", "/api/v1/ledger/verification", READ_LEDGER),
    ("POST", "/api/v1/users", ADMIN),
    ("GET", "/api/v1/users", ADMIN),
    ("GET", "/api/v1/users/{name}", ADMIN),
    ("PATCH", "/api/v1/users/{name}", ADMIN),
    ("DELETE", "/api/v1/users/{name}", ADMIN),
    ("PUT", "/api/v1/users/{name}/password", ADMIN),
    ("POST", "/api/v1/users/{name}/sign-out", ADMIN),
    ("POST", "/api/v1/password", User),
    ("POST", "/api/v1/api-keys", Keeper),
    ("GET", "/api/v1/api-keys", Keeper),
    ("GET", "/api/v1/api-keys/{id}", Keeper),
    ("DELETE", "/api/v1/api-keys/{id}", Keeper),
    ("POST", "/api/v1/api-keys/release", ADMIN),
    ("POST", "/api/v1/verify", Reader),
    ("POST", "/oauth2/introspect", Reader),
    ("POST", "/oauth2/revoke", WRITE_TOKENS),
    ("GET", "/.well-known/oauth-authorization-server", Anyone),
    // By any method. These are open to anyone and check the caller themselves.
    ("GET", "/api/v1/authorize", Guest),
    ("GET", "/api/v1/authorize-with/{demand}", Guest),
    ("GET", "/api/v1/authorize-with/{demand}/", Guest),
    ("GET", "/api/v1/authorize-with/{demand}/{*rest}", Guest),
    ("GET", "/.well-known/jwks.json", Anyone),
    ("GET", "/ca/root.pem", Anyone),
    ("GET", "/ca/chain.pem", Anyone),
    ("GET", "/ca/root/{fingerprint}", Anyone),
    ("GET", "/ca/crl/{ski}", Anyone),
    ("GET", "/ca/crl.pem", Anyone),
    ("GET", "/ca/bundle.pem", Anyone),
    ("GET", "/status", Anyone),
    ("GET", "/status/{list}", Anyone),
    ("GET", "/status/events", Anyone),
    ("GET", "/status/{list}/events", Anyone),
    ("GET", "/", Anyone),
    ("GET", "/livez", Anyone),
    ("GET", "/openapi.json", Anyone),
    ("GET", "/openapi-ece.json", Anyone),
    ("GET", "/openapi-fleet.json", Anyone),
    ("GET", "/readyz", Anyone),
    // Last, as they end the host and the session that ask.
    ("POST", "/api/v1/leave", Who::HostOrKey),
    ("DELETE", "/api/v1/session", User),
];

const ECE: [(&str, &str, Who); 3] = [
    ("POST", "/platform/configuration/security/enrollment-tokens", WRITE_TOKENS),
    ("GET", "/platform/configuration/security/enrollment-tokens", READ_TOKENS),
    ("DELETE", "/platform/configuration/security/enrollment-tokens/{token}", WRITE_TOKENS),
];

const FLEET: [(&str, &str, Who); 11] = [
    ("GET", "/api/fleet/enrollment_api_keys", READ_TOKENS),
    ("POST", "/api/fleet/enrollment_api_keys", WRITE_TOKENS),
    ("GET", "/api/fleet/enrollment_api_keys/{id}", WRITE_TOKENS),
    ("DELETE", "/api/fleet/enrollment_api_keys/{id}", WRITE_TOKENS),
    ("POST", "/api/fleet/enrollment_api_keys/_bulk_delete", WRITE_TOKENS),
    ("GET", "/api/fleet/agent_policies", READ_POLICIES),
    ("POST", "/api/fleet/agent_policies", WRITE_POLICIES),
    ("GET", "/api/fleet/agent_policies/{id}", READ_POLICIES),
    ("PUT", "/api/fleet/agent_policies/{id}", WRITE_POLICIES),
    ("POST", "/api/fleet/agent_policies/delete", WRITE_POLICIES),
    ("GET", "/api/status", Anyone),
];

/// The paths of a row of Elastic Fleet's API: in a space too, and in the older spelling.
fn fleet_paths(path: &str) -> Vec<String> {
    let older = path.replace("enrollment_api_keys", "enrollment-api-keys");
    let mut paths = vec![path.to_owned(), older];
    paths.dedup();
    let in_spaces = paths.iter().map(|path| format!("/s/{{space}}{path}")).collect::<Vec<_>>();
    [paths, in_spaces].concat()
}

/// Returns whether the path is one of another system's contract, which no session cookie opens.
fn is_compat(path: &str) -> bool {
    let elastic = ["/platform/configuration/", "/api/v1/users/auth/", "/api/fleet/", "/api/status"];
    elastic.iter().any(|part| path.contains(part)) || path == "/api/v1/user"
}

/// Every route of the table.
fn expected(metrics: Who) -> Vec<(String, String, Who)> {
    let fleet = FLEET.iter().flat_map(|(method, path, who)| {
        fleet_paths(path).into_iter().map(|path| ((*method).to_owned(), path, *who))
    });
    let native = NATIVE.map(|(method, path, who)| (method.to_owned(), path.to_owned(), who));
    let ece = ECE.iter().flat_map(|(method, path, who)| {
        ["/api/v1", "/api/v1/regions/{region}"]
            .map(|prefix| ((*method).to_owned(), format!("{prefix}{path}"), *who))
    });
    let metrics = ("GET".to_owned(), "/metrics".to_owned(), metrics);
    fleet.chain(ece).chain([metrics]).chain(native).collect()
}

#[test]
fn i5_this_list_equals_the_route_table() {
    let table = Table::new(true).unwrap();
    let mut there: Vec<_> =
        table.routes().iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
    let mut listed: Vec<_> = expected(Anyone).into_iter().map(|(method, path, _)| (method, path)).collect();
    there.sort();
    listed.sort();
    assert_eq!(there, listed, "a route that was added here is to be judged here too");
}

/// The demand of a proxy in the path: a token for the configured service.
const DEMAND: &str = "audience=https:%2F%2Fjobs.example.org";

async fn walk(at: &Running, metrics: Who) -> usize {
    let mut passed = 0;
    for caller in callers(at).await {
        for (method, path, who) in expected(metrics) {
            passed += usize::from(passes(&caller, &method, &path, who).await);
        }
    }
    passed
}

/// Returns whether the caller got through, as expected.
async fn passes(caller: &Caller, method: &str, path: &str, who: Who) -> bool {
    let Caller { name, client, holder, .. } = caller;
    let concrete = path.replace("{region}", "eu").replace("{demand}", DEMAND).replace(['{', '}'], "");
    // A stream has no end that could be waited for.
    let method: Method = if path == "/status/events" { Method::HEAD } else { method.parse().unwrap() };
    let body = matches!(method, Method::POST | Method::PATCH | Method::PUT).then(|| "{}".to_owned());
    let said = client.send(method.clone(), &concrete, body).await;
    if holder.is_cookie() && is_compat(path) && who.is_a_user() {
        assert_eq!(said.status, 401, "{name}: {method} {path}: {}", said.text);
        return false;
    }
    if holder.is_any_page() && !method.is_safe() && who.is_a_user() {
        assert_eq!(said.status, 403, "{name}: {method} {path}: {}", said.text);
        assert!(said.text.to_ascii_lowercase().contains("csrf"), "{name}: {method} {path}: {}", said.text);
        return false;
    }
    let through = !matches!(said.status, 401 | 403);
    assert_eq!(through, holder.may(who), "{name}: {method} {path}: {} {}", said.status, said.text);
    assert!(said.status < 500, "{name}: {method} {path}: {}", said.text);
    if said.status == 403 && holder.is_key() {
        let missing = match who {
            Scope(scope) => scope,
            Reader => "tokens:read",
            Keeper => "admin",
            _ => "",
        };
        assert!(said.text.contains(missing), "{name}: {method} {path}: {}", said.text);
    }
    through
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_every_route_admits_exactly_its_callers() {
    let at = Running::start_with(&[("tokens.audiences", AUDIENCE)]).await;
    assert!(walk(&at, Anyone).await > 500);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_private_metrics_need_a_sign_in() {
    let at = Running::start_with(&[("http.public_metrics", "false"), ("tokens.audiences", AUDIENCE)]).await;
    for caller in callers(&at).await {
        passes(&caller, "GET", "/metrics", SignedIn).await;
    }
    at.stop().await;
}
