//! Clients and servers of other TLS stacks, through rotations of the CA.

use serde_json::{Value, json};

use super::guard::{Guard, Kind};
use super::served::{Served, eventually};
use super::stack::Stack;
use super::tool::Said;

/// Rotates root and issuing CA, and waits until the listener's certificate is a new one.
fn rotate(at: &Served) {
    let before = at.text("data/root.pem");
    let rotated = at.admin("POST", "/api/v1/ca/rotate", &json!({ "root": true }));
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    assert_ne!(at.text("data/root.pem"), before);
    let current = at.root();
    eventually("the listener to present its new certificate", || {
        Stack::Curl.connect(&current, port(at)).good.then_some(())
    });
}

fn port(at: &Served) -> &str {
    at.url.rsplit_once(':').unwrap().1
}

#[test]
fn clients_of_the_first_root_connect_after_two_rotations() {
    let at = Served::start();
    let first = at.file("first.pem", &at.text("data/root.pem"));
    let other = at.file("other.pem", &Served::start().text("data/root.pem"));
    for rotations in 0..3 {
        if rotations > 0 {
            rotate(&at);
        }
        for stack in Stack::ALL {
            let Said { good, out, err } = stack.connect(&first, port(&at));
            assert!(good, "{stack:?} after {rotations} rotations:\n{out}\n{err}");
        }
    }
    for stack in Stack::ALL {
        assert!(!stack.connect(&other, port(&at)).good, "{stack:?} accepts another authority");
    }
}

/// A server of this kind with the newest CRLs, after they have the revocation of the host `gone`.
fn guard(kind: Kind, at: &Served, roots: &str, gone: &str) -> Guard {
    eventually("the revocation to be in the CRLs", || {
        let crls = at.file("crls.pem", &at.curl("/ca/crl.pem", &[], "").body);
        let guard = Guard::start(kind, at, roots, &crls);
        (!guard.admits(at, gone)).then_some(guard)
    })
}

#[test]
fn servers_with_the_first_root_admit_live_hosts_only() {
    let at = Served::start();
    let first = at.file("first.pem", &at.text("data/root.pem"));
    let (mut live, mut gone) = (Vec::new(), Vec::new());
    for rotations in 0..3 {
        if rotations > 0 {
            rotate(&at);
        }
        live.push(format!("live-{rotations}"));
        at.enroll(live.last().unwrap());
        gone.push(format!("gone-{rotations}"));
        let host = at.enroll(gone.last().unwrap());
        let path = format!("/api/v1/hosts/{}", host["host_id"].as_str().unwrap());
        assert_eq!(at.admin("DELETE", &path, &Value::Null).status, 200);
        for kind in [Kind::HaProxy, Kind::Nginx] {
            let guard = guard(kind, &at, &first, gone.last().unwrap());
            for name in &live {
                assert!(guard.admits(&at, name), "{kind:?} refuses {name} after {rotations} rotations");
            }
            for name in &gone {
                assert!(!guard.admits(&at, name), "{kind:?} admits {name} after {rotations} rotations");
            }
        }
    }
}
