//! Forged tokens of every kind: 401 `invalid_token`, and nothing is written.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepass::token::{KeyUse, SigningKey};
use serde_json::json;

use super::stored;
use crate::support::forge::{Forgery, signed, unsigned};
use crate::support::{Host, Running};

/// Presents every one of these tokens, each in the header and in the body, and sees that nothing comes of it.
async fn refuse(at: &Running, forged: Vec<(&str, String)>) {
    let before = stored(at).await;
    let host = Host::new();
    for (what, token) in forged {
        let refused = host.redeem(at, &token).await;
        assert_eq!((refused.status, refused.code()), (401, "invalid_token"), "{what}: {}", refused.text);
        let body = json!({ "token": token, "csr": host.csr() });
        let refused = at.stranger().post("/api/v1/bootstrap", &body).await;
        assert_eq!((refused.status, refused.code()), (401, "invalid_token"), "{what}: {}", refused.text);
        assert_eq!(refused.json["detail"], "the token is not valid", "a stranger learns no more");
    }
    assert_eq!(stored(at).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_token_is_invalid_and_writes_nothing() {
    let at = Running::start().await;
    let good = at.mint_once().await;
    let parts = Forgery::of(&good);
    let none = |alg: &str| {
        format!("{}.", unsigned(&parts.clone().header("alg", alg).header_text(), &parts.claims_text()))
    };
    let (text, signature) = good.rsplit_once('.').unwrap();
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).unwrap();
    flipped[10] ^= 1;
    let other_kid = parts.clone().header("kid", SigningKey::generate().id().to_string());
    refuse(
        &at,
        vec![
            ("alg none", none("none")),
            ("alg None", none("None")),
            ("no signature", format!("{text}.")),
            ("a flipped bit", format!("{text}.{}", URL_SAFE_NO_PAD.encode(&flipped))),
            ("HS256 with the public key", hs256(&at, &parts)),
            ("an unknown key that signed it", parts.clone().signed_with(&SigningKey::generate())),
            ("a kid that did not sign it", other_kid.signed_by(&at)),
            ("alg HS256 over a good signature", parts.clone().header("alg", "HS256").signed_by(&at)),
            ("alg ES256", parts.clone().header("alg", "ES256").signed_by(&at)),
        ],
    )
    .await;
    assert_eq!(Host::new().redeem(&at, &good).await.status, 200, "the real one is as good as before");
}

/// The old confusion of algorithms: an HMAC whose secret is the public key that everybody can fetch.
fn hs256(at: &Running, parts: &Forgery) -> String {
    let ring = at.authority.trust.ring();
    let kid = ring.current(KeyUse::Enrollment).key_id();
    let jwks: serde_json::Value = serde_json::from_str(&ring.verifying().to_jwks()).unwrap();
    let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid.to_string()).unwrap();
    let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let header = parts.clone().header("alg", "HS256");
    let text = unsigned(&header.header_text(), &parts.claims_text());
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &public);
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&secret, text.as_bytes())))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_with_its_own_key_is_invalid() {
    let at = Running::start().await;
    let parts = Forgery::of(&at.mint_once().await);
    let own = SigningKey::generate();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(own.public()) });
    let with = |name: &str, value: serde_json::Value| parts.clone().header(name, value).signed_by(&at);
    refuse(
        &at,
        vec![
            ("jku", with("jku", json!("https://127.0.0.1:1/keys"))),
            ("x5u", with("x5u", json!("https://127.0.0.1:1/keys"))),
            ("jwk", parts.clone().header("jwk", jwk).signed_with(&own)),
            ("crit", with("crit", json!(["exp"]))),
            ("b64", with("b64", json!(false))),
            ("zip", with("zip", json!("DEF"))),
            ("cty", with("cty", json!("JWT"))),
            ("kid as a path", with("kid", json!("../../../../dev/null"))),
            ("kid as a query", with("kid", json!("' OR 1=1 --"))),
            ("no kid", {
                let mut parts = parts.clone();
                parts.header.remove("kid");
                parts.signed_by(&at)
            }),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_another_door_is_invalid() {
    let at = Running::start().await;
    let parts = Forgery::of(&at.mint_once().await);
    let claim = |name: &str, value: serde_json::Value| parts.clone().claim(name, value).signed_by(&at);
    let audience = parts.claims["aud"].clone();
    let typed = |typ: &str| parts.clone().header("typ", typ).signed_by(&at);
    refuse(
        &at,
        vec![
            ("aud of another door", claim("aud", json!(format!("{}/other", at.url)))),
            ("aud as a list", claim("aud", json!([audience]))),
            ("iss of another authority", claim("iss", json!("https://elsewhere.example.org"))),
            ("iss and aud of another authority", {
                let iss = "https://elsewhere.example.org";
                parts.clone().claim("iss", iss).claim("aud", format!("{iss}/enroll")).signed_by(&at)
            }),
            ("a service token", typed("role+jwt")),
            ("a status list", typed("statuslist+jwt")),
            ("a plain JWT", typed("JWT")),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistyped_missing_and_unknown_claims_are_invalid() {
    let at = Running::start().await;
    let parts = Forgery::of(&at.mint_once().await);
    let mut forged = Vec::new();
    for claim in ["iss", "aud", "jti", "sub", "iat", "nbf", "exp", "persistent", "roles", "status"] {
        forged.push((claim, parts.clone().without(claim).signed_by(&at)));
        for wrong in [json!(null), json!([]), json!({}), json!("x"), json!(-1), json!(1.5), json!(true)] {
            let fits =
                claim == "roles" && wrong == json!([]) || claim == "persistent" && wrong == json!(true);
            if !fits {
                forged.push((claim, parts.clone().claim(claim, wrong).signed_by(&at)));
            }
        }
    }
    for (claim, wrong) in [
        ("exp", json!(0)),
        ("exp", json!("9999999999")),
        ("exp", json!(1e300)),
        ("exp", json!(i64::MAX)),
        ("max_uses", json!(0)),
        ("max_uses", json!("1")),
        ("max_uses", json!([1])),
        ("roles", json!(["allocator", 1])),
        ("roles", json!("allocator")),
        ("roles", json!(vec!["proxy"; 33])),
        ("jti", json!("00000000-0000-0000-0000-00000000000g")),
        ("bind", json!([])),
        ("cnf", json!("x")),
        ("admin", json!(true)),
    ] {
        forged.push((claim, parts.clone().claim(claim, wrong).signed_by(&at)));
    }
    refuse(&at, forged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_members_are_invalid() {
    let at = Running::start().await;
    let parts = Forgery::of(&at.mint_once().await);
    let ring = at.authority.trust.ring();
    let (header, claims) = (parts.header_text(), parts.claims_text());
    let doubled = |text: &str, member: &str| format!("{},{member}}}", text.strip_suffix('}').unwrap());
    let sign = |header: &str, claims: &str| signed(header, claims, ring.current(KeyUse::Enrollment).as_ref());
    refuse(
        &at,
        vec![
            ("roles twice", sign(&header, &doubled(&claims, r#""roles":["director"]"#))),
            ("exp twice", sign(&header, &doubled(&claims, r#""exp":4102444800"#))),
            ("alg twice", sign(&doubled(&header, r#""alg":"EdDSA""#), &claims)),
            ("escaped twice", sign(&header, &doubled(&claims, r#""r\u006fles":["director"]"#))),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_another_form_is_invalid() {
    let at = Running::start().await;
    let good = at.mint_once().await;
    let parts = Forgery::of(&good);
    refuse(
        &at,
        vec![
            ("two parts", good.rsplit_once('.').unwrap().0.to_owned()),
            ("five parts", format!("{good}.a.b")),
            ("four parts", format!("{good}.")),
            ("padding", format!("{good}=")),
            ("a stray byte", format!("{good}!")),
            ("the standard alphabet", good.replace(['-', '_'], "+")),
            ("8 KiB", parts.claim("roles", vec!["x".repeat(60); 100]).signed_by(&at)),
            ("8 KiB of nothing", "A".repeat(8192)),
            ("a space inside", good.replacen('.', ". ", 1)),
            ("no token", "x".to_owned()),
            ("JSON", json!({ "payload": good, "signatures": [] }).to_string()),
        ]
        .into_iter()
        // The standard alphabet is another text only where the token has one of the two letters.
        .filter(|(_, token)| *token != good)
        .collect(),
    )
    .await;
    assert_eq!(Host::new().redeem(&at, &good).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_premature_token_is_invalid_and_writes_nothing() {
    let at = Running::start().await;
    let parts = Forgery::of(&at.mint_once().await);
    let soon = at.authority.time.now().secs() + 120;
    let token = parts.claim("nbf", soon).claim("exp", soon + 600).signed_by(&at);
    let refused = Host::new().redeem(&at, &token).await;
    assert_eq!((refused.status, refused.code()), (401, "invalid_token"), "{}", refused.text);
    assert_eq!(at.admin().get("/api/v1/hosts").await.json["items"], json!([]));
    at.authority.upkeep.write_refusals().await.unwrap();
    assert_eq!(at.entries("token_refused").await, 0);
}
