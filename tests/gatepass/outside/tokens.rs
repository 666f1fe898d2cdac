//! Tokens, verified by the libraries of others through the JWKS that a running server publishes.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::served::Served;
use super::tool::{self, Said};

/// Verifies the token on standard input; prints its claims, or the name of the fault.
const PYJWT: &str = r#"
import json, ssl, sys
try:
    import jwt
    import cryptography
except ImportError as error:
    sys.exit(f"{error}: pip install 'PyJWT[crypto]', or let .ci/run install it")
issuer, root = sys.argv[1:]
token = sys.stdin.read()
keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json", ssl_context=ssl.create_default_context(cafile=root))
try:
    key = keys.get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience=f"{issuer}/enroll", issuer=issuer,
                        options={"require": ["exp", "iat", "nbf", "jti", "aud", "iss", "sub"]})
except jwt.PyJWTError as error:
    sys.exit(type(error).__name__)
print(json.dumps(claims))
"#;

/// The same with jose.
const JOSE: &str = r#"
let jose;
try { jose = require("jose"); } catch (error) {
  console.error(`${error.message}: npm install jose and point NODE_PATH at it, or let .ci/run do it`);
  process.exit(1);
}
const issuer = process.argv[1];
const token = require("fs").readFileSync(0, "utf8");
const keys = jose.createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
const expected = { issuer, audience: `${issuer}/enroll`, typ: "enroll+jwt", algorithms: ["EdDSA"] };
jose.jwtVerify(token, keys, expected)
  .then(({ payload }) => console.log(JSON.stringify(payload)))
  .catch((error) => { console.error(error.code ?? String(error)); process.exit(1); });
"#;

fn pyjwt(at: &Served, token: &str) -> Said {
    tool::run(Command::new("python3").args(["-c", PYJWT, &at.url, &at.root()]), token)
}

fn jose(at: &Served, token: &str) -> Said {
    tool::run(Command::new("node").env("NODE_EXTRA_CA_CERTS", at.root()).args(["-e", JOSE, &at.url]), token)
}

/// The same token, but that its claims give another role.
fn tampered(token: &str) -> String {
    let parts = token.split('.').collect::<Vec<_>>();
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let changed = claims.replace("\"proxy\"", "\"director\"");
    assert_ne!(claims, changed);
    format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(changed), parts[2])
}

/// The required result of both libraries for tokens of `at`.
fn judged(verify: fn(&Served, &str) -> Said, bad_signature: &str) {
    let (at, other) = (Served::start(), Served::start());
    let token = at.mint(&json!({ "roles": ["proxy"], "max_uses": 3 }));
    let claims: Value = serde_json::from_str(&verify(&at, &token).expect_good()).unwrap();
    assert_eq!((&claims["roles"], &claims["max_uses"]), (&json!(["proxy"]), &json!(3)));
    assert_eq!(claims["iss"], json!(at.url));
    assert_eq!(claims["jti"], claims["sub"]);

    let refusal = verify(&at, &tampered(&token)).expect_bad();
    assert!(refusal.contains(bad_signature), "{refusal}");
    // A key that this authority does not publish.
    verify(&at, &other.mint(&json!({ "roles": ["proxy"] }))).expect_bad();
}

#[test]
fn pyjwt_refuses_only_a_tampered_token() {
    judged(pyjwt, "InvalidSignatureError");
}

#[test]
fn jose_refuses_only_a_tampered_token() {
    judged(jose, "ERR_JWS_SIGNATURE_VERIFICATION_FAILED");
}

#[test]
fn tokens_before_and_after_a_rotation_verify() {
    let at = Served::start();
    let before = at.mint(&json!({ "roles": ["proxy"] }));
    let rotated = at.admin("POST", "/api/v1/signing-keys/rotate", &json!({}));
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    let after = at.mint(&json!({ "roles": ["proxy"] }));
    assert_ne!(before.split('.').next(), after.split('.').next());
    for token in [&before, &after] {
        pyjwt(&at, token).expect_good();
    }
}
