//! The programs in Python and Node judge service tokens and status lists as the verifying core does.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use gatepass::clock::SystemClock;
use gatepass::token::{KeyUse, STATUS_LIST_CAPACITY, Status};
use serde_json::{Value, json};

use super::script::Script;
use super::staged::{AUDIENCE, INDEX, Staged};
use crate::support::forge::{Forgery, unsigned};

fn admitted(at: &Staged, script: Script, token: &str) {
    let said = script.verify(&at.url, &at.root(), AUDIENCE, token);
    assert_eq!(said.expect_good().trim(), "allocator proxy", "{script:?}");
}

/// The output for a token that it must refuse, with a reason and without a crash.
fn refused(at: &Staged, script: Script, token: &str, what: &str) -> String {
    let said = script.verify(&at.url, &at.root(), AUDIENCE, token);
    assert!(!said.good, "{script:?} let in: {what}");
    assert!(said.err.starts_with("refused: "), "{script:?}, {what}: {}", said.err);
    assert!(!said.err.contains("eyJ"), "{script:?}, {what}, shows the token: {}", said.err);
    said.err
}

#[test]
fn neighbours_in_the_list_do_not_matter() {
    let at = Staged::start();
    let token = at.minted(&at.token());
    let neighbours = [INDEX - 2, INDEX - 1, INDEX + 1, INDEX + 2].map(|index| (index, Status::UsedUp));
    for script in Script::ALL {
        at.publish_list(&at.signed_list(&[]));
        admitted(&at, script, &token);
        at.publish_list(&at.signed_list(&neighbours));
        admitted(&at, script, &token);
    }
}

#[test]
fn only_a_listed_valid_token_is_admitted() {
    let at = Staged::start();
    let token = at.minted(&at.token());
    let states =
        [(Status::Revoked, "revoked"), (Status::Suspended, "suspended"), (Status::UsedUp, "used up")];
    for (status, named) in states {
        at.publish_list(&at.signed_list(&[(INDEX, status)]));
        for script in Script::ALL {
            let said = refused(&at, script, &token, named);
            assert!(said.contains(named), "{script:?}: {said}");
        }
    }
}

/// A token each, with one thing about it wrong.
fn bad_tokens(at: &Staged) -> Vec<(&'static str, String)> {
    let (good, now) = (at.token(), SystemClock::now().secs());
    let enrollment = good.clone().header("typ", "enroll+jwt");
    let kid = |usage| at.ring.current(usage).key_id().to_string();
    let (key_of_enrollment, list_key) = (kid(KeyUse::Enrollment), kid(KeyUse::StatusList));
    let of_enrollment = enrollment.clone().header("kid", key_of_enrollment.clone());
    let elsewhere = json!({ "status_list": { "idx": INDEX, "uri": "https://127.0.0.1:1/status/x" } });
    let beyond = json!({ "status_list": { "idx": STATUS_LIST_CAPACITY, "uri": at.list } });
    let none = unsigned(&good.clone().header("alg", "none").header_text(), &good.claims_text()) + ".";
    let mut tampered = at.minted(&good);
    tampered.replace_range(tampered.len() - 8..tampered.len() - 4, "AAAA");
    vec![
        ("no token", String::new()),
        ("no JWT", "a.b.c".to_owned()),
        ("a tampered signature", tampered),
        ("an enrollment token", at.signed_as(KeyUse::Enrollment, &of_enrollment)),
        ("the typ of enrollment, signed by the key of services", at.minted(&enrollment)),
        (
            "the typ of services, signed by the key of enrollment",
            at.signed_as(KeyUse::Enrollment, &good.clone().header("kid", key_of_enrollment)),
        ),
        (
            "the typ of services, signed by the key of lists",
            at.signed_as(KeyUse::StatusList, &good.clone().header("kid", list_key)),
        ),
        ("an unknown key", at.minted(&good.clone().header("kid", "AAAA"))),
        ("the algorithm none", none),
        ("a symmetric algorithm", at.minted(&good.clone().header("alg", "HS256"))),
        ("another issuer", at.minted(&good.clone().claim("iss", "https://other.example.org"))),
        ("another audience", at.minted(&good.clone().claim("aud", "https://other.example.org"))),
        (
            "two audiences",
            at.minted(&good.clone().claim("aud", json!([AUDIENCE, "https://other.example.org"]))),
        ),
        ("the past", at.minted(&good.clone().claim("exp", now - 61))),
        ("the future", at.minted(&good.clone().claim("nbf", now + 600))),
        ("no expiry", at.minted(&good.clone().without("exp"))),
        ("no status", at.minted(&good.clone().without("status"))),
        ("a list elsewhere", at.minted(&good.clone().claim("status", elsewhere))),
        ("an entry beyond the end of the list", at.minted(&good.claim("status", beyond))),
    ]
}

#[test]
fn a_token_with_one_thing_wrong_is_refused() {
    let at = Staged::start();
    for (what, token) in bad_tokens(&at) {
        for script in Script::ALL {
            refused(&at, script, &token, what);
        }
    }
}

/// The claim `status_list` of these bytes.
fn packed(bytes: &[u8]) -> Value {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    json!({ "bits": 2, "lst": URL_SAFE_NO_PAD.encode(encoder.finish().unwrap()) })
}

/// A list each, with one thing about it wrong.
fn bad_lists(at: &Staged) -> Vec<(&'static str, String)> {
    let (good, now) = (at.status_list(&[]), SystemClock::now());
    let list = |list: &Forgery| at.signed_as(KeyUse::StatusList, list);
    let service_key = at.ring.current(KeyUse::Service).key_id().to_string();
    let other = Staged::start();
    let foreign = other.status_list(&[]).claim("sub", at.list.as_str());
    let cut = &good.claims["status_list"]["lst"].as_str().unwrap()[..8];
    vec![
        ("nothing", String::new()),
        ("a list of another key", other.signed_as(KeyUse::StatusList, &foreign)),
        (
            "a list of the key for tokens",
            at.signed_as(KeyUse::Service, &good.clone().header("kid", service_key)),
        ),
        ("a list of another typ", list(&good.clone().header("typ", "role+jwt"))),
        ("a list of another address", list(&good.clone().claim("sub", format!("{}0", at.list)))),
        ("a list without an address", list(&good.clone().without("sub"))),
        ("an expired list", at.list_at(&[], now.minus(Duration::from_secs(661)))),
        ("a list without an expiry", list(&good.clone().without("exp"))),
        ("a list of the future", at.list_at(&[], now.plus(Duration::from_secs(3600)))),
        (
            "entries of one bit",
            list(&good.clone().claim("status_list", json!({ "bits": 1, "lst": "eJwDAAAAAAE" }))),
        ),
        (
            "a list that is no zlib",
            list(&good.clone().claim("status_list", json!({ "bits": 2, "lst": "AAAA" }))),
        ),
        (
            "a list that is cut off",
            list(&good.clone().claim("status_list", json!({ "bits": 2, "lst": cut }))),
        ),
        ("a list of one byte", list(&good.clone().claim("status_list", packed(&[0])))),
        ("a bomb", list(&good.clone().claim("status_list", packed(&vec![0; 64 << 20])))),
        ("more than a document may have", "x".repeat(600 << 10)),
    ]
}

#[test]
fn a_list_with_one_thing_wrong_lets_nobody_in() {
    let at = Staged::start();
    let token = at.minted(&at.token());
    for (what, list) in bad_lists(&at) {
        at.publish_list(&list);
        for script in Script::ALL {
            refused(&at, script, &token, what);
        }
    }
}

#[test]
fn a_missing_list_admits_nobody() {
    let (at, other) = (Staged::start(), Staged::start());
    let token = at.minted(&at.token());
    for script in Script::ALL {
        let said = script.verify(&at.url, &other.root(), AUDIENCE, &token);
        assert!(said.err.starts_with("refused: "), "{script:?}: {}", said.err);
    }
    let gone = json!({ "status_list": { "idx": INDEX, "uri": format!("{}/status/gone", at.url) } });
    let token = at.minted(&at.token().claim("status", gone));
    for script in Script::ALL {
        let said = refused(&at, script, &token, "a list that is not there");
        assert!(said.contains("404"), "{script:?}: {said}");
    }
}
