//! Opaque keys: the credential of hosts whose clients cannot present a certificate.

mod ends;
mod enrolling;
mod killed;
mod repeats;
mod routes;
mod waiting;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::fleet::{CHECKIN, POLICY};
use crate::support::{Host, Running, Said};

const POLICIES: &str = "/api/v1/policies";
const WHOAMI: &str = "/api/v1/whoami";
const LEAVE: &str = "/api/v1/leave";

/// Creates a policy with this name and these terms.
async fn create(at: &Running, name: &str, mut terms: Value) -> Value {
    terms["name"] = json!(name);
    let said = at.admin().post(POLICIES, &terms).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json
}

/// Creates a policy whose hosts may have opaque keys.
async fn open_policy(at: &Running) -> Value {
    create(at, "edge", json!({ "roles": ["proxy"], "api_key_credential": true })).await
}

/// Redeems a token and asks for an opaque key.
async fn ask(at: &Running, host: &Host, token: &str) -> Said {
    host.redeem_with(at, token, json!({ "credential": "api_key" })).await
}

/// The opaque key of an answer; `None` without one.
fn key_of(said: &Said) -> Option<String> {
    assert_eq!(said.status, 200, "{}", said.text);
    said.json.get("access_api_key").map(|key| key.as_str().unwrap().to_owned())
}

/// A host that enrolled with an opaque key.
struct Holder {
    host: Host,
    token: String,
    enrolled: Value,
    key: String,
}

impl Holder {
    async fn of(at: &Running, policy: &Value) -> Self {
        let (host, token) = (Host::new(), token_of(&policy["first_token"]));
        let said = ask(at, &host, &token).await;
        let key = key_of(&said).expect("the answer has a key");
        Self { host, token, enrolled: said.json, key }
    }

    fn id(&self) -> &str {
        self.enrolled["host_id"].as_str().unwrap()
    }

    /// The client that sends the key.
    fn client(&self, at: &Running) -> Client {
        at.stranger().bearer(&self.key)
    }

    /// The same request once more.
    async fn repeat(&self, at: &Running) -> Said {
        ask(at, &self.host, &self.token).await
    }

    /// The host as administrators see it.
    async fn shown(&self, at: &Running) -> Value {
        at.admin().get(&format!("/api/v1/hosts/{}", self.id())).await.json
    }

    /// Status and code of a request by key.
    async fn outcome(&self, at: &Running) -> (u16, String) {
        let said = self.client(at).get(WHOAMI).await;
        (said.status, said.code().to_owned())
    }
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn works() -> (u16, String) {
    (200, String::new())
}

/// "`bootstrap {"credential":"api_key"}` with a CSR, if the policy allows it; `access_api_key` = `gph_` and 43 base64url
/// characters, taken after `Bearer` and `ApiKey`."
#[tokio::test(flavor = "multi_thread")]
async fn a_host_gets_a_key_beside_its_certificate() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    let secret = holder.key.strip_prefix("gph_").unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(secret).unwrap().len(), 32);
    assert_eq!(secret.len(), 43);
    let header =
        |scheme: &str| at.stranger().header(http::header::AUTHORIZATION, &format!("{scheme} {}", holder.key));
    for scheme in ["Bearer", "ApiKey", "bearer", "apikey"] {
        let said = header(scheme).get(WHOAMI).await;
        assert_eq!((said.status, &said.json["host_id"]), (200, &holder.enrolled["host_id"]), "{}", said.text);
    }
    let by_certificate = holder.host.client(&at, &holder.enrolled).get(WHOAMI).await;
    assert_eq!(by_certificate.status, 200, "the certificate is as good as without a key");
    let ledger = at.ledger().await;
    let enrolled = ledger.iter().filter(|entry| entry["action"] == "host_enrolled").collect::<Vec<_>>();
    assert_eq!((enrolled.len(), &enrolled[0]["detail"]["credential"]), (1, &json!("api_key")));
    assert_eq!(at.entries("opaque_key_replaced").await, 0);
    let shown = holder.shown(&at).await;
    assert!(shown["opaque_key"]["first_used_at"].is_string(), "{shown}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_needs_a_policy_that_allows_it() {
    let at = Running::start().await;
    let closed = create(&at, "core", json!({ "roles": ["proxy"] })).await;
    let of_closed = token_of(&closed["first_token"]);
    let once = token_of(&at.mint(json!({ "roles": ["proxy"] })).await);
    for token in [&of_closed, &once] {
        let host = Host::new();
        let said = ask(&at, &host, token).await;
        assert_eq!((said.status, said.code()), (403, "credential_not_allowed"), "{}", said.text);
        let said = host.redeem_with(&at, token, json!({ "credential": "certificate" })).await;
        assert_eq!((said.status, key_of(&said)), (200, None), "nothing was spent");
    }
    let said = Host::new().redeem_with(&at, &of_closed, json!({ "credential": "password" })).await;
    assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("credential")), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_checks_in_and_reads_its_policy() {
    let at = Running::start().await;
    let policy = open_policy(&at).await;
    let holder = Holder::of(&at, &policy).await;
    let client = holder.client(&at);
    let report = json!({ "version": "1.2.3", "status": "degraded", "message": "no mTLS here" });
    let said = client.post(CHECKIN, &report).await;
    assert_eq!((said.status, &said.json["policy"]), (200, &policy["id"]), "{}", said.text);
    let own = client.get(POLICY).await;
    assert_eq!((own.status, &own.json["id"]), (200, &policy["id"]), "{}", own.text);
    at.authority.upkeep.write_uses().await.unwrap();
    let shown = holder.shown(&at).await;
    assert_eq!(shown["checkin"]["message"], "no mTLS here", "{shown}");
    at.stop().await;
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// "SHA-256 stored." Neither the text nor its random bytes are in a file, a list or the ledger.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_found_nowhere_at_the_server() {
    let at = Running::start().await;
    let holder = Holder::of(&at, &open_policy(&at).await).await;
    assert_eq!(holder.outcome(&at).await, works());
    let secret = holder.key.strip_prefix("gph_").unwrap().to_owned();
    let random = URL_SAFE_NO_PAD.decode(&secret).unwrap();
    let mut shown = String::new();
    for path in ["/api/v1/hosts", "/api/v1/policies", "/api/v1/ledger", "/api/v1/enrollment-tokens"] {
        shown.push_str(&at.admin().get(path).await.text);
    }
    assert!(shown.contains(holder.id()) && !shown.contains(&secret));
    let wrong = at.stranger().bearer(&holder.key).get("/api/v1/hosts").await;
    assert_eq!(wrong.status, 401);
    assert!(!wrong.text.contains(&secret), "{}", wrong.text);
    let (data_dir, _clock, _own) = at.stop().await;
    let found = files(&data_dir).into_iter().filter(|file| {
        let bytes = std::fs::read(file).unwrap();
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        has(secret.as_bytes()) || has(&random)
    });
    assert_eq!(found.collect::<Vec<_>>(), Vec::<PathBuf>::new());
}
