//! I2, down to the disk: what was answered had been synced before.

use serde_json::{Value, json};

use super::served::{Served, eventually};
use super::trace::{Event, events};

const CALLS: &str = "trace=fsync,fdatasync,write,writev,pwrite64,sendto,sendmsg,read,readv,recvfrom,recvmsg";

/// The events from the last byte of the only request from `port` to the first byte of its answer.
fn while_answering(at: &Served, port: u16) -> Vec<Event> {
    let server = at.url.strip_prefix("https://").unwrap();
    eventually("the trace of the answer", || {
        let happened = events(&at.trace(), server);
        // The first is the handshake, and a goodbye follows the answer.
        exchanges(&happened, port).get(1).map(|&(asked, answered)| happened[asked..answered].to_vec())
    })
}

/// The end of a client's request and the start of its answer; goodbyes are shorter than any answer.
fn exchanges(happened: &[Event], port: u16) -> Vec<(usize, usize)> {
    let (mut asked, mut found) = (None, Vec::new());
    for (place, event) in happened.iter().enumerate() {
        match *event {
            Event::Received(from) if from == port => asked = Some(place),
            Event::Sent(to, length) if to == port && length > 250 => {
                found.extend(asked.take().map(|asked| (asked, place)));
            }
            _ => {}
        }
    }
    found
}

/// Returns whether the log was written and synced after that. A timer's write may have begun again before the answer
/// leaves; it need not be on the disk by then.
fn is_durable(happened: &[Event]) -> bool {
    let written = happened.iter().position(|event| *event == Event::Written);
    let synced = happened.iter().rposition(|event| *event == Event::Synced);
    written.is_some() && synced > written
}

/// A server that has written what a start writes: its first CRL is there.
fn start() -> Served {
    let at = Served::start_traced(CALLS);
    let ca = at.admin("GET", "/api/v1/ca", &Value::Null);
    let path = format!("/ca/crl/{}.der", ca.json["issuing"][0]["ski"].as_str().unwrap());
    eventually("the first CRL", || (at.status(&path) == 200).then_some(()));
    at
}

#[test]
fn only_a_later_sync_makes_writes_durable() {
    use Event::{Synced, Written};
    for (happened, durable) in [
        (&[][..], false),
        (&[Synced], false),
        (&[Written], false),
        (&[Synced, Written], false),
        (&[Written, Synced], true),
        (&[Written, Written, Synced, Written], true),
    ] {
        assert_eq!(is_durable(happened), durable, "{happened:?}");
    }
}

#[test]
fn i2_a_redemption_is_synced_before_its_answer() {
    let at = start();
    let token = at.mint(&json!({ "roles": ["proxy"], "max_uses": 2 }));
    for name in ["one", "two"] {
        let csr = at.request(name, &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        let enrolled = at.redeem(&token, &csr);
        assert_eq!(enrolled.status, 200, "{}", enrolled.body);
        let happened = while_answering(&at, enrolled.port);
        assert!(is_durable(&happened), "{name}: {happened:?}");
    }
}

#[test]
fn mints_and_revocations_are_synced_before_their_answer() {
    let at = start();
    let minted = at.admin("POST", "/api/v1/enrollment-tokens", &json!({ "persistent": true, "roles": [] }));
    assert_eq!(minted.status, 201, "{}", minted.body);
    let happened = while_answering(&at, minted.port);
    assert!(is_durable(&happened), "the mint: {happened:?}");

    let id = minted.json["token_id"].as_str().unwrap();
    let revoked = at.admin("DELETE", &format!("/api/v1/enrollment-tokens/{id}"), &Value::Null);
    assert_eq!(revoked.status, 200, "{}", revoked.body);
    let happened = while_answering(&at, revoked.port);
    assert!(is_durable(&happened), "the revocation: {happened:?}");
}

/// The server's timers write too, and a trace does not show the cause, so one clean read of many is enough. A read that
/// writes does so every time.
#[test]
fn a_request_that_changes_nothing_syncs_nothing() {
    let at = start();
    let syncs_nothing = || {
        let listed = at.admin("GET", "/api/v1/roles", &Value::Null);
        assert_eq!(listed.status, 200, "{}", listed.body);
        !is_durable(&while_answering(&at, listed.port))
    };
    assert!((0..20).any(|_| syncs_nothing()), "every one of 20 reads was followed by a sync");
}
