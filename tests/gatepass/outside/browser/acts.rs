//! Acts that open in a dialog: revoke a token with its hosts.

use fantoccini::key::Key;
use serde_json::{Value, json};

use super::super::served::Served;
use super::session::Browser;

/// A part of the question before a token is revoked.
const QUESTION: &str = "any longer. Nobody can undo this";

/// A server with a token that works on after it admitted a host, and the ids of the two.
fn admitted() -> (Served, String, String) {
    let served = Served::start();
    let token = served.mint(&json!({ "preset": "rollout", "roles": ["proxy"], "label": "batch 7" }));
    let csr = served.request("host", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let enrolled = served.redeem(&token, &csr);
    assert_eq!(enrolled.status, 200, "{}", enrolled.body);
    let host = enrolled.json["host_id"].as_str().unwrap().to_owned();
    let token = shown(&served, &host)["token_id"].as_str().unwrap().to_owned();
    (served, host, token)
}

fn shown(served: &Served, host: &str) -> Value {
    served.admin("GET", &format!("/api/v1/hosts/{host}"), &Value::Null).json
}

/// The page of the token, with the question.
fn ask(served: &Served, token: &str) -> Browser {
    let browser = Browser::start(served);
    browser.sign_in_admin();
    browser.open(&format!("/tokens/{token}"));
    browser.click("Revoke");
    browser.wait_for(QUESTION);
    browser
}

#[test]
fn a_token_is_revoked_with_its_hosts() {
    let (served, host, token) = admitted();
    let browser = ask(&served, &token);
    browser.check("revoke-dialog");
    browser.tick("Revoke too: they lose access immediately");
    browser.click("Revoke");
    browser.wait_for("revoked");
    assert_eq!(browser.path(), format!("/tokens/{token}"));
    assert_eq!(shown(&served, &host)["state"], "revoked");
}

#[test]
fn escape_closes_the_dialog_of_an_act() {
    let (served, host, token) = admitted();
    let browser = ask(&served, &token);
    browser.press(Key::Escape);
    assert_eq!(browser.focus(), "Revoke", "the focus returns to the link");
    browser.reload();
    assert!(!browser.text().contains("revoked"));
    assert_eq!(shown(&served, &host)["state"], "active");
}
