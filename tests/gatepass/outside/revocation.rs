//! The programs in Python and Node against a real authority: its tokens, lists and revocations.

use std::time::Instant;

use serde_json::json;

use super::script::Script;
use super::served::{Served, eventually};

const AUDIENCE: &str = "https://jobs.example.org";
const OTHER: &str = "https://other.example.org";

fn authority() -> Served {
    Served::start_with(&[("GATEPASS_TOKENS__AUDIENCES", &format!("{AUDIENCE},{OTHER}"))])
}

#[test]
fn a_published_revocation_reaches_the_programs() {
    let at = authority();
    for script in Script::ALL {
        let ((id, gone), (_, stays)) =
            (at.mint_service(AUDIENCE, &["allocator", "proxy"]), at.mint_service(AUDIENCE, &["proxy"]));
        let verify = |token: &str| script.verify(&at.url, &at.root(), AUDIENCE, token);
        assert_eq!(verify(&gone).expect_good().trim(), "allocator proxy", "{script:?}");

        at.revoke_service(&id);
        let revoked = Instant::now();
        let (said, asked) = eventually("the program to see the revocation", || {
            let (asked, said) = (revoked.elapsed(), verify(&gone));
            (!said.good).then_some((said.err, asked))
        });
        println!(
            "{script:?}: refused by a run that began {asked:?} after the revocation and ended after {:?}",
            revoked.elapsed()
        );
        assert!(said.contains("the token is revoked"), "{script:?}: {said}");
        assert_eq!(verify(&stays).expect_good().trim(), "proxy", "{script:?}");
    }
}

#[test]
fn the_programs_refuse_what_is_for_another_door() {
    let at = authority();
    let enrollment = at.mint(&json!({ "roles": ["allocator"] }));
    let (_, other) = at.mint_service(OTHER, &["allocator"]);
    let (_, good) = at.mint_service(AUDIENCE, &["allocator"]);
    for script in Script::ALL {
        for token in [&enrollment, &other] {
            let said = script.verify(&at.url, &at.root(), AUDIENCE, token);
            assert!(!said.good && said.err.starts_with("refused: "), "{script:?}: {}", said.err);
        }
        script.verify(&at.url, &at.root(), AUDIENCE, &good).expect_good();
    }
}

#[test]
fn old_tokens_and_lists_verify_after_rotation() {
    let at = authority();
    let (_, before) = at.mint_service(AUDIENCE, &["proxy"]);
    for usage in ["service", "status_list"] {
        let rotated = at.admin("POST", "/api/v1/signing-keys/rotate", &json!({ "use": usage }));
        assert_eq!(rotated.status, 200, "{}", rotated.body);
    }
    let (_, after) = at.mint_service(AUDIENCE, &["proxy"]);
    for script in Script::ALL {
        for token in [&before, &after] {
            script.verify(&at.url, &at.root(), AUDIENCE, token).expect_good();
        }
    }
}
