//! A whole life over HTTPS, in which secrets are also put where they do not belong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass::id::Fingerprint;
use http::Method;
use http::header::{AUTHORIZATION, COOKIE, HeaderName};
use serde_json::{Value, json};

use crate::support::authority::{AUDIENCE, PASSWORD, token_of};
use crate::support::client::Client;
use crate::support::{Host, Said};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const SESSION: &str = "/api/v1/session";
const ECE_LOGIN: &str = "/api/v1/users/auth/_login";
const WRONG: &str = "wrong horse battery staple";
const TOKENS: &str = "/api/v1/enrollment-tokens";
const SERVICE: &str = "/api/v1/service-tokens";
const ECE: &str = "/api/v1/platform/configuration/security/enrollment-tokens";

/// The secrets, and every answered error.
pub(super) struct Life {
    pub(super) secrets: Vec<String>,
    pub(super) errors: Vec<String>,
}

/// Mint, redeem, repeat, refuse, renew, revoke, sign in wrongly, and every mistake with a token that people make.
pub(super) async fn lead(url: &str, root: Fingerprint) -> Life {
    let stranger = || Client::new(url, root);
    let admin = stranger().basic("admin", PASSWORD);
    let basic = |password: &str| STANDARD.encode(format!("admin:{password}"));
    let mut life = Life {
        secrets: vec![PASSWORD.into(), WRONG.into(), basic(PASSWORD), basic(WRONG)],
        errors: Vec::new(),
    };
    let minted = admin.post(TOKENS, &json!({ "roles": ["proxy"], "label": "rack 7" })).await.json;
    let token = token_of(&minted);
    life.secrets.push(token.clone());
    live(&mut life, &minted, &token, &admin, &stranger, (url, root)).await;
    mint_many(&mut life, &token, &admin, &stranger).await;
    bring_back(&mut life, &admin, &stranger).await;
    hold_key(&mut life, &admin, &stranger).await;
    serve(&mut life, &admin, &stranger).await;
    mistake(&mut life, &token, &admin, &stranger).await;
    give(&mut life, &admin, &stranger).await;
    sign_in(&mut life, &stranger).await;
    assert!(life.errors.len() > 20);
    life
}

/// A host with an opaque key, which is also put where it does not belong.
async fn hold_key(life: &mut Life, admin: &Client, stranger: &impl Fn() -> Client) {
    let terms = json!({ "name": "keyed", "roles": ["proxy"], "api_key_credential": true });
    let token = token_of(&admin.post("/api/v1/policies", &terms).await.json["first_token"]);
    let (order, holder) =
        (json!({ "csr": Host::new().csr(), "credential": "api_key" }), stranger().bearer(&token));
    let lost = holder.post("/api/v1/bootstrap", &order).await.json["access_api_key"].clone();
    let given = holder.post("/api/v1/bootstrap", &order).await.json["access_api_key"].clone();
    let [lost, key] = [lost, given].map(|key| key.as_str().unwrap().to_owned());
    life.secrets.extend([token, lost.clone(), key.clone()]);
    life.refused(stranger().bearer(&lost).get("/api/v1/whoami").await);
    let client = stranger().bearer(&key);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    life.refused(client.get("/api/v1/hosts").await);
    life.refused(client.post("/api/v1/renew", &order).await);
    life.refused(client.post("/api/v1/checkin", &json!({ "version": "1", "status": key })).await);
    life.refused(admin.get(&format!("/api/v1/hosts/{key}")).await);
    life.refused(admin.post(TOKENS, &json!({ "roles": [key] })).await);
    assert_eq!(client.post("/api/v1/leave", &json!({})).await.status, 200);
    life.refused(client.get("/api/v1/whoami").await);
}

async fn live(
    life: &mut Life,
    minted: &Value,
    token: &str,
    admin: &Client,
    stranger: &impl Fn() -> Client,
    (url, root): (&str, Fingerprint),
) {
    let (host, next) = (Host::new(), Host::new());
    let holder = stranger().bearer(token);
    let enrolled = holder.post("/api/v1/bootstrap", &json!({ "csr": host.csr() })).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    holder.post("/api/v1/bootstrap", &json!({ "csr": host.csr() })).await;
    life.refused(holder.post("/api/v1/bootstrap", &json!({ "csr": next.csr() })).await);
    let client = Client::with_identity(url, root, Some(host.identity(&enrolled.json)));
    let renewed = client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    let renewed = Client::with_identity(url, root, Some(next.identity(&renewed.json)));
    assert_eq!(renewed.get("/api/v1/whoami").await.status, 200);
    life.refused(client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await);
    life.refused(client.post("/api/v1/leave", &json!({})).await);
    let path = format!("/api/v1/hosts/{}", enrolled.json["host_id"].as_str().unwrap());
    let serial = json!({ "serial": admin.get(&path).await.json["certificate"]["serial"] });
    assert_eq!(admin.post(&format!("{path}/release"), &serial).await.status, 200, "out of quarantine");
    assert_eq!(renewed.post("/api/v1/leave", &json!({})).await.status, 200);
    life.refused(renewed.get("/api/v1/whoami").await);
    let id = minted["token_id"].as_str().unwrap();
    assert_eq!(admin.delete(&format!("{TOKENS}/{id}")).await.status, 200);
    life.refused(holder.post("/api/v1/bootstrap", &json!({ "csr": Host::new().csr() })).await);
    // Elastic's scripts delete by the whole token, which stands in the path then.
    let persistent = token_of(&admin.post(ECE, &json!({ "persistent": true })).await.json);
    assert_eq!(admin.delete(&format!("{ECE}/{persistent}")).await.status, 200);
    life.refused(admin.delete(&format!("{ECE}/{persistent}x")).await);
    life.secrets.push(persistent);
}

/// A re-enrollment, with its token where an id and a label belong.
async fn bring_back(life: &mut Life, admin: &Client, stranger: &impl Fn() -> Client) {
    let plain = token_of(&admin.post(TOKENS, &json!({})).await.json);
    let enrolled =
        stranger().bearer(&plain).post("/api/v1/bootstrap", &json!({ "csr": Host::new().csr() })).await;
    let path = format!("/api/v1/hosts/{}/reenrollment-token", enrolled.json["host_id"].as_str().unwrap());
    let token = token_of(&admin.post(&path, &json!({ "label": "new disk" })).await.json);
    let holder = stranger().bearer(&token);
    let body = |host_id: &str| json!({ "csr": Host::new().csr(), "host_id": host_id });
    life.refused(holder.post("/api/v1/bootstrap", &body(&token)).await);
    life.refused(holder.post("/api/v1/bootstrap", &body("0198c0de-0000-7000-8000-000000000001")).await);
    life.refused(admin.post(&path, &json!({ "ttl": token })).await);
    life.refused(admin.post(&format!("/api/v1/hosts/{token}/reenrollment-token"), &json!({})).await);
    let csr = json!({ "csr": Host::new().csr() });
    assert_eq!(holder.post("/api/v1/bootstrap", &csr).await.status, 200);
    life.secrets.extend([plain, token]);
}

/// A bulk mint that is repeated, and a token sent as an idempotency key.
async fn mint_many(life: &mut Life, token: &str, admin: &Client, stranger: &impl Fn() -> Client) {
    let with = |key: &str| stranger().basic("admin", PASSWORD).header(IDEMPOTENCY_KEY, key);
    let request = json!({ "count": 3 });
    let minted = with("k").post(TOKENS, &request).await;
    let lines = minted.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    life.secrets.extend(lines[..3].iter().map(token_of));
    assert_eq!(with("k").post(TOKENS, &request).await.status, 200);
    life.refused(with("k").post(TOKENS, &json!({ "count": 4 })).await);
    life.refused(with(token).post(TOKENS, &request).await);
    life.refused(admin.post(TOKENS, &json!({ "count": 3, "key_thumbprint": token })).await);
}

/// A service token, minted, shown to the wrong door, put where its id belongs, taken back.
async fn serve(life: &mut Life, admin: &Client, stranger: &impl Fn() -> Client) {
    let request = json!({ "audience": AUDIENCE, "roles": ["proxy"], "label": "nightly" });
    let minted = admin.post(SERVICE, &request).await.json;
    let token = token_of(&minted);
    life.secrets.push(token.clone());
    life.refused(
        stranger().bearer(&token).post("/api/v1/bootstrap", &json!({ "csr": Host::new().csr() })).await,
    );
    life.refused(stranger().bearer(&token).get(SERVICE).await);
    life.refused(admin.get(&format!("{SERVICE}/{token}")).await);
    life.refused(admin.delete(&format!("{SERVICE}/{token}")).await);
    life.refused(admin.delete(&format!("{ECE}/{token}")).await);
    for field in ["audience", "roles", "ttl", "expires_at", "label"] {
        let value = if field == "roles" { json!([token]) } else { json!(token) };
        life.refused(admin.post(SERVICE, &json!({ field: value })).await);
    }
    let id = minted["token_id"].as_str().unwrap();
    assert_eq!(admin.delete(&format!("{SERVICE}/{id}")).await.status, 200);
}

/// Users with passwords, an API key, and both where they do not belong.
async fn give(life: &mut Life, admin: &Client, stranger: &impl Fn() -> Client) {
    let (first, second) = ("first phrase of alice", "second phrase of alice");
    life.secrets.extend([first.to_owned(), second.to_owned()]);
    let user =
        |password: &str, name: &str| json!({ "username": name, "password": password, "role": "admin" });
    assert_eq!(admin.post("/api/v1/users", &user(first, "alice")).await.status, 201);
    life.refused(admin.post("/api/v1/users", &user(first, "alice")).await);
    life.refused(admin.post("/api/v1/users", &json!({ "username": 1, "password": first })).await);
    life.refused(admin.post("/api/v1/users", &json!({ "password": [first] })).await);
    let alice = |password: &str| stranger().basic("alice", password);
    let change = json!({ "current": first, "new": second });
    assert_eq!(alice(first).post("/api/v1/password", &change).await.status, 204);
    life.refused(alice(second).post("/api/v1/password", &change).await);
    let made = alice(second).post("/api/v1/api-keys", &json!({ "scopes": ["admin"], "limits": "any" })).await;
    let key = made.json["api_key"].as_str().unwrap().to_owned();
    let holder = stranger().bearer(&key);
    assert_eq!(holder.get("/api/v1/users").await.status, 200);
    for path in [TOKENS, "/api/v1/users", "/api/v1/api-keys", "/api/v1/hosts"] {
        life.refused(admin.get(&format!("{path}/{key}")).await);
        life.refused(admin.get(&format!("{path}?cursor={key}")).await);
    }
    for field in ["label", "ttl", "expires_at", "scopes", "limits"] {
        let value = if field == "scopes" { json!([key]) } else { json!(key) };
        let mut body = json!({ "scopes": ["nothing"] });
        body[field] = value;
        life.refused(holder.post("/api/v1/api-keys", &body).await);
    }
    life.refused(holder.post("/api/v1/bootstrap", &json!({ "token": key, "csr": "" })).await);
    life.refused(stranger().post("/api/v1/bootstrap", &json!({ "token": key, "csr": "" })).await);
    assert_eq!(admin.delete("/api/v1/users/alice?tokens=revoke").await.status, 200);
    life.refused(holder.get("/api/v1/users").await);
    life.secrets.push(key);
}

/// Sessions of both kinds, and every place where their secrets do not belong.
async fn sign_in(life: &mut Life, stranger: &impl Fn() -> Client) {
    for kind in ["bearer", "cookie"] {
        let body = json!({ "username": "admin", "password": PASSWORD, "kind": kind });
        let begun = stranger().post(SESSION, &body).await;
        assert_eq!(begun.status, 201, "{}", begun.text);
        let cookie = begun.headers.get("set-cookie").map_or("", |cookie| cookie.to_str().unwrap());
        let secret = match begun.json["session"].as_str() {
            Some(secret) => secret.to_owned(),
            None => cookie["__Host-gatepass=".len()..].split(';').next().unwrap().to_owned(),
        };
        life.secrets.push(secret.clone());
        life.secrets.extend(begun.json["csrf_token"].as_str().map(str::to_owned));
        let (bearer, cookie) = (stranger().bearer(&secret), format!("__Host-gatepass={secret}"));
        life.refused(bearer.post("/api/v1/bootstrap", &json!({ "csr": "" })).await);
        life.refused(bearer.get(&format!("{SESSION}/{secret}")).await);
        life.refused(stranger().basic("admin", &secret).get(TOKENS).await);
        life.refused(stranger().header(COOKIE, &format!("{cookie}; {cookie}")).get(TOKENS).await);
        life.refused(stranger().header(COOKIE, &cookie).post(TOKENS, &json!({})).await);
        life.refused(stranger().post(SESSION, &json!({ "username": secret, "password": WRONG })).await);
        life.refused(stranger().post(SESSION, &json!({ "username": "admin", "kind": secret })).await);
        life.refused(stranger().post(SESSION, &json!({ "username": ["x"], "password": secret })).await);
        life.refused(stranger().post(ECE_LOGIN, &json!({ "username": WRONG, "password": WRONG })).await);
    }
}

/// A secret in every wrong place.
async fn mistake(life: &mut Life, token: &str, admin: &Client, stranger: &impl Fn() -> Client) {
    let holder = stranger().bearer(token);
    let (half, twice) = (&token[..token.len() / 2], format!("{token}{token}"));
    for text in [token, half, &twice, &format!("eyJhbGciOiJub25lIn0.e30.{}", "A".repeat(120))] {
        let broken = stranger().bearer(text);
        for body in
            [json!({ "csr": "" }), json!({ "csr": text }), json!({ "csr": 1 }), json!({ "token": text })]
        {
            life.refused(broken.post("/api/v1/bootstrap", &body).await);
        }
        life.refused(stranger().header(AUTHORIZATION, text).get(TOKENS).await);
        life.refused(stranger().basic("admin", text).get(TOKENS).await);
        life.refused(stranger().basic(text, "x").get(TOKENS).await);
        for path in [TOKENS, "/api/v1/hosts", "/api/v1", "/ca/crl", "/ca/root", ECE] {
            life.refused(admin.get(&format!("{path}/{text}")).await);
            life.refused(holder.get(&format!("{path}/{text}")).await);
        }
        life.refused(admin.get(&format!("/api/v1/hosts?cursor={text}")).await);
        life.refused(admin.get(&format!("/api/v1/hosts?{text}=1")).await);
        for field in
            ["roles", "ttl", "expires_at", "max_uses", "key_thumbprint", "label", "persistent", "dns_names"]
        {
            let listed = matches!(field, "roles" | "dns_names");
            let value = if listed { json!([text]) } else { json!(text) };
            life.refused(admin.post(TOKENS, &json!({ field: value })).await);
        }
        for field in ["name", "cluster"] {
            life.refused(holder.post("/api/v1/bootstrap", &json!({ "csr": "", field: text })).await);
        }
        life.refused(holder.post("/api/v1/bootstrap", &json!({ text: 1 })).await);
        life.refused(admin.send(Method::POST, TOKENS, Some(text.to_owned())).await);
        life.refused(admin.post(ECE, &json!({ "persistent": text })).await);
        life.refused(admin.post(ECE, &json!({ "persistent": false, "roles": [text] })).await);
    }
    for _ in 0..2 {
        life.refused(stranger().basic("admin", WRONG).get(TOKENS).await);
        life.refused(admin.get(&format!("/api/v1/hosts/{WRONG}").replace(' ', "%20")).await);
    }
}

impl Life {
    fn refused(&mut self, said: Said) {
        assert!(said.status >= 400, "{}", said.text);
        self.errors.push(format!("{} {:?} {}", said.status, said.headers, said.text));
    }
}

/// The part of `text` that shows a secret.
pub(super) fn leaks(text: &str, secrets: &[String]) -> Option<String> {
    let around = |place: usize| {
        text.chars().skip(text[..place].chars().count().saturating_sub(200)).take(400).collect()
    };
    let mut wanted: Vec<&str> = vec!["PRIVATE KEY", "gpl_"];
    for secret in secrets {
        wanted.push(secret);
        // A signature alone lets nobody in, but nothing prints it for another reason.
        wanted.extend(secret.rsplit('.').next().filter(|part| part.len() > 40));
    }
    let exact = wanted.into_iter().find_map(|secret| text.find(secret));
    // The beginning of any token; within base64 of something else it may stand by chance.
    let mut tokens = text.match_indices("eyJ").map(|(place, _)| place);
    let begins =
        |place: &usize| !text[..*place].ends_with(|c: char| c.is_ascii_alphanumeric() || "-_+/".contains(c));
    exact.or_else(|| tokens.find(begins)).map(around)
}
