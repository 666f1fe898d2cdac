//! Authlib's validator for introspection looks at `active` and `scope` alone, as other resource servers do. The example in
//! Python uses it.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::served::Served;
use super::tool::{self, Said};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/python/introspect.py");
const OWN: &str = "https://jobs.example.org";
const OTHER: &str = "https://other.example.org";

/// A resource server with an API key of this audience.
struct Service<'a> {
    at: &'a Served,
    program: String,
    key_id: String,
    key_file: String,
}

impl<'a> Service<'a> {
    fn new(at: &'a Served, method: &str, audience: Option<&str>) -> Self {
        let order = json!({ "label": method, "scopes": ["tokens:read"], "audience": audience });
        let made = at.admin("POST", "/api/v1/api-keys", &order);
        assert_eq!(made.status, 201, "{}", made.body);
        let key_file = at.file("service.key", made.json["api_key"].as_str().unwrap());
        let example = std::fs::read_to_string(Path::new(EXAMPLE)).unwrap();
        let program = example.replace(r#"key, "client_secret_basic")"#, &format!(r#"key, "{method}")"#));
        assert_eq!(program != example, method != "client_secret_basic");
        let program = at.file("introspect.py", &program);
        Self { at, program, key_id: made.json["id"].as_str().unwrap().to_owned(), key_file }
    }

    fn ask(&self, token: &str, audience: &[&str]) -> Said {
        let mut python = Command::new("python3");
        python.args([
            &self.program,
            &self.at.url,
            &self.at.root(),
            &self.key_id,
            &self.key_file,
            "allocator",
        ]);
        tool::run(python.args(audience), token)
    }

    /// The output for a token that it must refuse.
    fn refused(&self, token: &str, audience: &[&str], what: &str) -> String {
        let said = self.ask(token, audience);
        assert!(!said.good && said.err.starts_with("refused: "), "{what}: {}{}", said.out, said.err);
        said.err
    }
}

fn two_services() -> Served {
    Served::start_with(&[("GATEPASS_TOKENS__AUDIENCES", &format!("{OWN},{OTHER}"))])
}

#[test]
fn authlib_accepts_only_tokens_for_its_service() {
    let at = two_services();
    let (id, own) = at.mint_service(OWN, &["allocator", "proxy"]);
    let (_, other) = at.mint_service(OTHER, &["allocator"]);
    let (_, without_role) = at.mint_service(OWN, &["proxy"]);
    let enrollment = at.mint(&json!({ "roles": ["allocator"], "persistent": true }));
    for method in ["client_secret_basic", "client_secret_post"] {
        let service = Service::new(&at, method, Some(OWN));
        assert_eq!(service.ask(&own, &[]).expect_good().trim(), "allocator proxy", "{method}");
        let enroll = format!("{}/enroll", at.url);
        for (what, token) in [("an enrollment token", &enrollment), ("the token of another service", &other)]
        {
            for audience in [&[][..], &[OWN], &[OTHER], &[enroll.as_str()]] {
                let said = service.refused(token, audience, what);
                assert!(said.contains("invalid_token"), "{method}, {what}, {audience:?}: {said}");
            }
        }
        let said = service.refused(&without_role, &[], "a token without the role");
        assert!(said.contains("insufficient_scope"), "{method}: {said}");
    }
    let service = Service::new(&at, "client_secret_basic", Some(OWN));
    at.revoke_service(&id);
    assert!(service.refused(&own, &[], "a revoked token").contains("invalid_token"));
}

#[test]
fn authlib_without_an_audience_gets_an_error_that_helps() {
    let at = two_services();
    let (_, own) = at.mint_service(OWN, &["allocator"]);
    let service = Service::new(&at, "client_secret_basic", None);
    let said = service.refused(&own, &[], "no audience");
    assert!(said.contains("400") && said.contains("--audience"), "{said}");
    assert_eq!(service.ask(&own, &[OWN]).expect_good().trim(), "allocator");
    service.refused(&own, &[OTHER], "another audience");
}
