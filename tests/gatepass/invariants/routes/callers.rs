//! Everybody who may come to a door: each role, each scope, and credentials of other kinds, good ones and ended ones.

use std::time::Duration;

use serde_json::{Value, json};

use super::Who;
use crate::support::authority::{PASSWORD, token_of};
use crate::support::client::Client;
use crate::support::{Host, Running, eventually};

pub(super) const SCOPES: [&str; 8] = [
    "tokens:read",
    "tokens:write",
    "hosts:read",
    "hosts:write",
    "policies:read",
    "policies:write",
    "ledger:read",
    "admin",
];

/// The credential of a caller.
pub(super) enum Holder {
    /// A useless credential.
    Nothing,
    Token,
    ServiceToken,
    Host,
    /// A host by its opaque key.
    OpaqueKey,
    /// A user, or the server's own machine, with its scope.
    User(&'static [&'static str]),
    /// A user by a session.
    Session(&'static [&'static str]),
    /// A user by the cookie of a session, with the word that only a page of ours knows, or without.
    Cookie {
        scopes: &'static [&'static str],
        csrf: bool,
    },
    Local,
    Key(&'static str),
    /// A key for everything, whose owner may no more than this by now.
    KeyOf(&'static [&'static str]),
}

use Holder::Nothing;

impl Holder {
    pub(super) fn may(&self, who: Who) -> bool {
        let scopes = match self {
            Self::User(scopes)
            | Self::Session(scopes)
            | Self::Cookie { scopes, .. }
            | Self::KeyOf(scopes) => scopes,
            Self::Key(scope) => std::slice::from_ref(scope),
            Self::Local => &["admin"],
            _ => &[],
        };
        let has = |scope| scopes.contains(&scope) || scopes.contains(&"admin");
        let is_user = matches!(self, Self::User(_) | Self::Session(_) | Self::Cookie { .. });
        match who {
            Who::Anyone => true,
            Who::Token => matches!(self, Self::Token),
            Who::Host => matches!(self, Self::Host),
            Who::HostOrKey => matches!(self, Self::Host | Self::OpaqueKey),
            Who::Guest => matches!(self, Self::Host | Self::ServiceToken),
            Who::SignedIn => !scopes.is_empty(),
            Who::Scope(scope) => has(scope),
            Who::Reader => has("tokens:read") || matches!(self, Self::Host),
            Who::User => is_user,
            Who::Password => matches!(self, Self::User(_)),
            // A session is extended by a bearer.
            Who::Session => matches!(self, Self::Session(_)),
            Who::Keeper => is_user || has("admin"),
        }
    }

    /// Returns whether any page can cause this caller's request, because the browser sends its cookie.
    pub(super) const fn is_any_page(&self) -> bool {
        matches!(self, Self::Cookie { csrf: false, .. })
    }

    pub(super) const fn is_cookie(&self) -> bool {
        matches!(self, Self::Cookie { .. })
    }

    pub(super) const fn is_key(&self) -> bool {
        matches!(self, Self::Key(_) | Self::KeyOf(_))
    }
}

pub(super) struct Caller {
    pub(super) name: String,
    pub(super) client: Client,
    pub(super) holder: Holder,
}

fn caller(name: impl Into<String>, client: Client, holder: Holder) -> Caller {
    Caller { name: name.into(), client, holder }
}

const VIEWER: &[&str] = &["tokens:read", "hosts:read", "policies:read"];
const ANALYST: &[&str] = &["tokens:read", "hosts:read", "policies:read", "ledger:read"];
const OPERATOR: &[&str] = &[
    "tokens:read",
    "tokens:write",
    "hosts:read",
    "hosts:write",
    "policies:read",
    "policies:write",
    "ledger:read",
];
const OWN_PASSWORD: &str = "staple battery horse correct";

pub(super) async fn callers(at: &Running) -> Vec<Caller> {
    let mut all = strangers(at);
    all.extend(ended(at).await);
    // Before the callers that accept the clock, which ends earlier tokens.
    all.extend(machines(at).await);
    all.push(caller("the local credential", local(at).await, Holder::Local));
    all.extend(users(at).await);
    all.extend(browsers(at).await);
    all.extend(keys(at).await);
    all
}

fn strangers(at: &Running) -> Vec<Caller> {
    let stranger = || at.stranger();
    let unknown_key = format!("gpk_{}", "A".repeat(64));
    let guesser = stranger().basic("admin", "wrong horse");
    vec![
        caller("anyone", stranger(), Nothing),
        caller("a wrong password", guesser, Nothing),
        caller("a wrong local credential", stranger().bearer("gpl_00"), Nothing),
        caller("an unknown API key", stranger().bearer(&unknown_key), Nothing),
        caller("a broken API key", stranger().bearer("gpk_00"), Nothing),
        caller("a password as an API key", scheme(at, &format!("ApiKey {PASSWORD}")), Nothing),
    ]
}

fn scheme(at: &Running, value: &str) -> Client {
    at.stranger().header(http::header::AUTHORIZATION, value)
}

async fn users(at: &Running) -> Vec<Caller> {
    let mut all = vec![caller("the admin", at.admin(), Holder::User(&["admin"]))];
    for (role, scopes) in
        [("admin", &["admin"][..]), ("operator", OPERATOR), ("analyst", ANALYST), ("viewer", VIEWER)]
    {
        at.user(&format!("{role}.one"), OWN_PASSWORD, role).await;
        let client = at.stranger().basic(&format!("{role}.one"), OWN_PASSWORD);
        let session = session(at, &client).await;
        all.push(caller(format!("the role {role}"), client, Holder::User(scopes)));
        all.push(caller(format!("the role {role} by session"), session, Holder::Session(scopes)));
    }
    all
}

/// The same user by a session.
async fn session(at: &Running, user: &Client) -> Client {
    let begun = user.post("/api/v1/session", &json!({})).await;
    at.stranger().bearer(begun.json["session"].as_str().unwrap())
}

/// A browser that is signed in: as a page of ours asks with it, and as any page could.
async fn browsers(at: &Running) -> [Caller; 2] {
    at.user("operator.two", OWN_PASSWORD, "operator").await;
    let begin = json!({ "username": "operator.two", "password": OWN_PASSWORD, "kind": "cookie" });
    let mut both = Vec::new();
    for csrf in [true, false] {
        let begun = at.stranger().post("/api/v1/session", &begin).await;
        let cookie = begun.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap();
        let mut client = at.stranger().header(http::header::COOKIE, cookie);
        if csrf {
            let word = begun.json["csrf_token"].as_str().unwrap();
            client = client.header(http::HeaderName::from_static("x-csrf-token"), word);
        }
        let name = if csrf { "a page of ours" } else { "any page" };
        both.push(caller(name, client, Holder::Cookie { scopes: OPERATOR, csrf }));
    }
    both.try_into().ok().unwrap()
}

async fn keys(at: &Running) -> Vec<Caller> {
    let mut all = Vec::new();
    for (place, scope) in SCOPES.into_iter().enumerate() {
        let key = at.api_key(&at.admin(), json!({ "scopes": [scope], "limits": "any" })).await;
        let text = key["api_key"].as_str().unwrap();
        // Every way to show it is the same.
        let client = match place % 3 {
            0 => at.stranger().bearer(text),
            1 => scheme(at, &format!("ApiKey {text}")),
            _ => at.stranger().basic(key["id"].as_str().unwrap(), text),
        };
        all.push(caller(format!("the scope {scope}"), client, Holder::Key(scope)));
    }
    let unowned = at.api_key(&local(at).await, json!({ "scopes": ["ledger:read"] })).await;
    let client = at.stranger().bearer(unowned["api_key"].as_str().unwrap());
    all.push(caller("a key without an owner", client, Holder::Key("ledger:read")));
    all.push(demoted(at).await);
    all
}

/// A key with every scope that an admin made who is a viewer now.
async fn demoted(at: &Running) -> Caller {
    at.user("demoted", OWN_PASSWORD, "admin").await;
    let owner = at.stranger().basic("demoted", OWN_PASSWORD);
    let key = at.api_key(&owner, json!({ "scopes": ["admin"], "limits": "any" })).await;
    let change = at.admin().patch("/api/v1/users/demoted", &json!({ "role": "viewer" })).await;
    assert_eq!(change.status, 200, "{}", change.text);
    let client = at.stranger().bearer(key["api_key"].as_str().unwrap());
    caller("a viewer's key for everything", client, Holder::KeyOf(VIEWER))
}

/// Credentials that were good once.
async fn ended(at: &Running) -> Vec<Caller> {
    let admin = at.admin();
    at.user("gone", OWN_PASSWORD, "admin").await;
    at.user("asleep", OWN_PASSWORD, "admin").await;
    let asleep = at.stranger().basic("asleep", OWN_PASSWORD);
    let all = json!({ "scopes": ["admin"], "limits": "any" });
    let mut keys = Vec::new();
    for owner in [at.stranger().basic("gone", OWN_PASSWORD), at.stranger().basic("asleep", OWN_PASSWORD)] {
        keys.push(at.api_key(&owner, all.clone()).await);
    }
    keys.push(at.api_key(&admin, all.clone()).await);
    let mut short = all;
    short["ttl"] = json!("5s");
    keys.push(at.api_key(&admin, short).await);
    let bearers: Vec<Client> =
        keys.iter().map(|key| at.stranger().bearer(key["api_key"].as_str().unwrap())).collect();
    let signed_out = session(at, &admin).await;
    let sessions = [signed_out, session(at, &asleep).await];
    for client in bearers.iter().chain([&asleep]).chain(&sessions) {
        assert_eq!(client.get("/api/v1/signing-keys").await.status, 200);
    }
    assert_eq!(admin.delete("/api/v1/users/gone").await.status, 200);
    assert_eq!(admin.patch("/api/v1/users/asleep", &json!({ "disabled": true })).await.status, 200);
    let id = keys[2]["id"].as_str().unwrap();
    assert_eq!(admin.delete(&format!("/api/v1/api-keys/{id}")).await.status, 200);
    assert_eq!(sessions[0].delete("/api/v1/session").await.status, 200);
    at.clock.advance(Duration::from_secs(6));
    let names = ["a deleted user's key", "a disabled user's key", "a deleted key", "an expired key"];
    let mut all = vec![caller("a disabled user", asleep, Nothing)];
    let over = ["a signed-out session", "a disabled user's session"].into_iter().zip(sessions);
    all.extend(over.map(|(name, client)| caller(name, client, Nothing)));
    all.extend(names.into_iter().zip(bearers).map(|(name, client)| caller(name, client, Nothing)));
    all
}

async fn machines(at: &Running) -> Vec<Caller> {
    let token = token_of(&at.mint(json!({ "persistent": true })).await);
    let host = Host::new();
    let enrolled = host.redeem(at, &token).await;
    let terms = json!({ "name": "edge", "roles": ["proxy"], "api_key_credential": true });
    let policy = at.admin().post("/api/v1/policies", &terms).await.json;
    let of_policy = token_of(&policy["first_token"]);
    let keyed = Host::new().redeem_with(at, &of_policy, json!({ "credential": "api_key" })).await;
    let opaque = keyed.json["access_api_key"].as_str().unwrap();
    let service = token_of(&at.mint_service(json!({ "roles": ["director"] })).await);
    vec![
        caller("a token", at.stranger().bearer(&token), Holder::Token),
        caller("a service token", at.stranger().bearer(&service), Holder::ServiceToken),
        caller("a request as a password", at.stranger().basic("admin", &host.csr()[..60]), Nothing),
        caller("an opaque key", at.stranger().bearer(opaque), Holder::OpaqueKey),
        caller("the opaque key of a host that left", scheme(at, &format!("ApiKey {opaque}")), Nothing),
        caller("a host", host.client(at, &enrolled.json), Holder::Host),
    ]
}

async fn local(at: &Running) -> Client {
    let local = eventually("the local credential is published", async || {
        std::fs::read_to_string(at.data_dir().join("keys/local.json")).ok()
    });
    let local: Value = serde_json::from_str(&local.await).unwrap();
    at.stranger().bearer(local["credential"].as_str().unwrap())
}
