//! I4: nothing unverified causes a write.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use gatepass::token::SigningKey;
use serde_json::{Value, json};

use crate::support::{Host, Running, database};

/// The parts of a good token, from which bad ones are made.
struct Parts {
    header: Value,
    claims: Value,
    signature: String,
}

impl Parts {
    fn of(token: &str) -> Self {
        let mut parts = token.split('.');
        let mut json = || serde_json::from_slice(&BASE64.decode(parts.next().unwrap()).unwrap()).unwrap();
        let (header, claims) = (json(), json());
        Self { header, claims, signature: parts.next().unwrap().to_owned() }
    }

    fn signed_by(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let text = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        format!("{text}.{}", BASE64.encode(sign(text.as_bytes())))
    }

    fn with_header(&self, name: &str, value: Value) -> String {
        let mut header = self.header.clone();
        header[name] = value;
        self.unsigned(&header, &self.claims)
    }

    fn with_claim(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        claims[name] = value;
        self.unsigned(&self.header, &claims)
    }

    /// These parts under the good token's signature.
    fn unsigned(&self, header: &Value, claims: &Value) -> String {
        let signature = BASE64.decode(&self.signature).unwrap();
        Self::signed_by(header, claims, |_| signature.clone())
    }
}

/// Tokens nobody may believe; `public` is the key that verifies good ones.
fn forged(good: &str, public: &[u8], number: usize) -> Vec<String> {
    let parts = Parts::of(good);
    let mut header = parts.header.clone();
    header["alg"] = json!("HS256");
    let secret = hmac::Key::new(hmac::HMAC_SHA256, public);
    let confused =
        Parts::signed_by(&header, &parts.claims, |text| hmac::sign(&secret, text).as_ref().to_vec());
    header["alg"] = json!("none");
    let none = Parts::signed_by(&header, &parts.claims, |_| Vec::new());
    let mut stranger = parts.header.clone();
    stranger["kid"] = json!(SigningKey::generate().id());
    let mut random = good.as_bytes().to_vec();
    let place = (number * 7919) % random.len();
    random[place] = if random[place] == b'A' { b'B' } else { b'A' };
    vec![
        confused,
        none,
        parts.unsigned(&stranger, &parts.claims),
        parts.with_header("jku", json!("https://evil.test/jwks")),
        parts.with_header("crit", json!(["x"])),
        parts.with_header("typ", json!("role+jwt")),
        parts.with_claim("roles", json!(["director"])),
        parts.with_claim("max_uses", json!(number)),
        parts.with_claim("exp", json!(4_000_000_000_u32)),
        format!("{good}.{good}"),
        good[..good.len() - 1 - number % 40].to_owned(),
        format!("{}{}", good, "A".repeat(number % 5000 + 1)),
        String::from_utf8(random).unwrap(),
        format!("eyJ{number}"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_forged_tokens_leave_the_database_unchanged() {
    let at = Running::start().await;
    let (good, csr) = (at.mint_once().await, Host::new().csr());
    let jwks = at.stranger().get("/.well-known/jwks.json").await;
    let keys = jwks.json["keys"].as_array().unwrap().iter();
    let public = keys.map(|key| BASE64.decode(key["x"].as_str().unwrap()).unwrap()).next().unwrap();
    let before = settled(&at).await;
    let client = at.stranger();
    let mut presented = 0;
    for number in 0..150 {
        for token in forged(&good, &public, number) {
            if token == good {
                continue;
            }
            let said = client.post("/api/v1/bootstrap", &json!({ "token": token, "csr": csr })).await;
            assert_eq!((said.status, said.code()), (401, "invalid_token"), "{token}");
            presented += 1;
        }
    }
    assert!(presented > 2000);
    // Entries about refusals come behind: if there were any, they would be due now.
    at.authority.upkeep.write_refusals().await.unwrap();
    assert_eq!(database::content(at.data_dir()), before);
    let said = client.post("/api/v1/bootstrap", &json!({ "token": good, "csr": csr })).await;
    assert_eq!(said.status, 200, "the good one is good: {}", said.text);
    assert_ne!(database::content(at.data_dir()), before, "and a real write is seen by this test");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_strangers_write_only_a_summary() {
    let at = Running::start().await;
    // A sign-in at a new address is recorded.
    assert_eq!(at.admin().get("/api/v1/roles").await.status, 200);
    let before = settled(&at).await;
    let (stranger, guesser) = (at.stranger(), at.stranger().basic("admin", "wrong horse battery staple"));
    for number in 0..20 {
        let unknown = at.stranger().basic(&format!("user{number}"), "whatever it may be");
        let guesser = if number % 4 == 0 { &guesser } else { &stranger };
        for client in [&stranger, guesser, &unknown] {
            for path in ["/api/v1/enrollment-tokens", "/api/v1/hosts", "/api/v1/ledger", "/nothing"] {
                assert!(matches!(client.get(path).await.status, 401 | 404));
            }
            let said = client.post("/api/v1/bootstrap", &json!({ "csr": Host::new().csr() })).await;
            assert_eq!(said.status, 401);
        }
    }
    at.authority.upkeep.write_refusals().await.unwrap();
    let mut after = database::content(at.data_dir());
    let told = after["ledger"].len() - before["ledger"].len();
    assert!((1..=4).contains(&told), "{told}: of the one user and of all unknown names, once a minute each");
    // An entry also moves the end of the chain and the clock mark, and the counter of refusals of its hour.
    for moved in ["ledger", "meta", "hourly_counters"] {
        if let Some(rows) = before.get(moved) {
            after.insert(moved.to_owned(), rows.clone());
        }
    }
    assert_eq!(after, before);
    at.stop().await;
}

/// Every row, once the authority has written what a start writes.
async fn settled(at: &Running) -> std::collections::BTreeMap<String, Vec<Vec<rusqlite::types::Value>>> {
    at.settled().await;
    database::content(at.data_dir())
}
