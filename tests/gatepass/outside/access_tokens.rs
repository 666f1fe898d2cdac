//! Access tokens, verified by the libraries of others: PyJWT in the example, Authlib's validator of RFC 9068, and jose.

use std::process::Command;

use serde_json::{Value, json};

use super::served::Served;
use super::tool::{self, Said};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/python/verify_access.py");
const AUDIENCE: &str = "https://jobs.example.org";
const OTHER: &str = "https://other.example.org";

/// Authlib knows the claims that RFC 9068 asks for, and their checks.
const AUTHLIB: &str = r#"
import json, ssl, sys, urllib.request
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc.jws import JWSRegistry
JWSRegistry.recommended.append("EdDSA")  # it asks for an opt-in, and the validator has no option for it
issuer, root, audience = sys.argv[1:]
context = ssl.create_default_context(cafile=root)
jwks = json.load(urllib.request.urlopen(f"{issuer}/.well-known/jwks.json", context=context, timeout=60))
keys = [key for key in jwks["keys"] if key.get("gatepass_typ") == "at+jwt"]

class Validator(JWTBearerTokenValidator):
    def get_jwks(self):
        return {"keys": keys}

validator = Validator(issuer=issuer, resource_server=audience, alg="EdDSA")
token = validator.authenticate_token(sys.stdin.read().strip())
if not token:
    sys.exit("refused")
validator.validate_token(token, None, None, roles=["allocator"])
print(token["sub"], " ".join(token["roles"]))
"#;

const JOSE: &str = r#"
const jose = require("jose");
const { createHash, X509Certificate } = require("crypto");
const fs = require("fs");
const [issuer, audience, certificate] = process.argv.slice(1);
const main = async () => {
  const { keys } = await (await fetch(`${issuer}/.well-known/jwks.json`)).json();
  const own = jose.createLocalJWKSet({ keys: keys.filter((key) => key.gatepass_typ === "at+jwt") });
  const requiredClaims = ["client_id", "cnf", "exp", "iat", "jti", "sub"];
  const rules = { issuer, audience, typ: "at+jwt", algorithms: ["EdDSA"], requiredClaims };
  const { payload } = await jose.jwtVerify(fs.readFileSync(0, "utf8").trim(), own, rules);
  const presented = createHash("sha256").update(new X509Certificate(fs.readFileSync(certificate)).raw).digest("base64url");
  if (payload.cnf["x5t#S256"] !== presented) throw new Error("another certificate");
  console.log(payload.sub, payload.roles.join(" "));
};
main().catch((error) => { console.error(`refused: ${error.code ?? error.message}`); process.exit(1); });
"#;

/// A verifier in another language.
#[derive(Clone, Copy, Debug)]
enum Library {
    PyJwt,
    Authlib,
    Jose,
}

impl Library {
    const ALL: [Self; 3] = [Self::PyJwt, Self::Authlib, Self::Jose];

    /// Authlib leaves the binding to the server around it.
    const fn checks_binding(self) -> bool {
        !matches!(self, Self::Authlib)
    }

    fn verify(self, at: &Served, audience: &str, certificate: &str, token: &str) -> Said {
        let mut command = match self {
            Self::PyJwt => with("python3", &[EXAMPLE, &at.url, &at.root(), audience, certificate]),
            Self::Authlib => with("python3", &["-c", AUTHLIB, &at.url, &at.root(), audience]),
            Self::Jose => with("node", &["-e", JOSE, &at.url, audience, certificate]),
        };
        tool::run(command.env("NODE_EXTRA_CA_CERTS", at.root()), token)
    }
}

fn with(program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.env("PYTHONDONTWRITEBYTECODE", "1").args(words);
    command
}

/// A host of a policy for the service, and its access token.
fn host(at: &Served, name: &str, policy: &Value) -> String {
    let csr = at.request(name, &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let enrolled = at.redeem(policy["first_token"]["token"].as_str().unwrap(), &csr);
    assert_eq!(enrolled.status, 200, "{}", enrolled.body);
    let both = ["certificate", "chain"].map(|part| enrolled.json[part].as_str().unwrap()).concat();
    let (certificate, key) = (at.file(&format!("{name}-full.pem"), &both), at.arg(&format!("{name}.key")));
    at.file(&format!("{name}.id"), enrolled.json["host_id"].as_str().unwrap());
    let order = json!({ "audience": AUDIENCE }).to_string();
    let json = "Content-Type: application/json";
    let args = ["--cert", &certificate, "--key", &key, "--header", json, "--data-binary", "@-"];
    let said = at.curl("/api/v1/access-token", &args, &order);
    assert_eq!(said.status, 200, "{}", said.body);
    said.json["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn foreign_libraries_accept_a_bound_token_alone() {
    let at = Served::start_with(&[("GATEPASS_TOKENS__AUDIENCES", &format!("{AUDIENCE},{OTHER}"))]);
    let order = json!({ "name": "edge", "roles": ["allocator", "proxy"], "audiences": [AUDIENCE] });
    let policy = at.admin("POST", "/api/v1/policies", &order);
    assert_eq!(policy.status, 201, "{}", policy.body);
    let (token, _) = (host(&at, "one", &policy.json), host(&at, "two", &policy.json));
    let (_, service) = at.mint_service(AUDIENCE, &["allocator"]);
    let [own, other] = ["one-full.pem", "two-full.pem"].map(|name| at.arg(name));
    let expected = format!("{} allocator proxy", at.text("one.id"));
    let mut tampered = token.clone();
    tampered.replace_range(token.len() - 8..token.len() - 4, "AAAA");
    for library in Library::ALL {
        assert_eq!(library.verify(&at, AUDIENCE, &own, &token).expect_good().trim(), expected, "{library:?}");
        library.verify(&at, OTHER, &own, &token).expect_bad();
        library.verify(&at, AUDIENCE, &own, &service).expect_bad();
        library.verify(&at, AUDIENCE, &own, &tampered).expect_bad();
        if library.checks_binding() {
            let said = library.verify(&at, AUDIENCE, &other, &token).expect_bad();
            assert!(said.contains("another certificate"), "{library:?}: {said}");
        }
    }
}
