//! Hosts that wait for approval, and the rules that spare them the wait.

use fantoccini::key::Key;
use serde_json::{Value, json};

use super::super::served::Served;
use super::sample;
use super::session::Browser;

/// A host that asks for a certificate and waits: its token, its request and its code.
struct Waiting {
    token: String,
    csr: String,
    code: String,
}

impl Waiting {
    fn at(served: &Served) -> Self {
        let order = json!({ "roles": ["proxy"], "label": sample::HOSTILE, "approval": "require" });
        let token = served.mint(&order);
        let csr = served.request("waiting", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        assert_eq!(served.redeem(&token, &csr).status, 202);
        let listed = served.admin("GET", "/api/v1/enrollments", &Value::Null);
        let code = listed.json["items"][0]["code"].as_str().unwrap_or_else(|| panic!("{}", listed.body));
        Self { token, csr, code: code.to_owned() }
    }

    /// The status of the answer when it asks again.
    fn ask(&self, served: &Served) -> u16 {
        served.redeem(&self.token, &self.csr).status
    }
}

#[test]
fn a_waiting_host_is_approved_on_its_page() {
    let served = Served::start();
    let host = Waiting::at(&served);
    let browser = Browser::start(&served);
    browser.sign_in_admin();
    browser.click("Approvals 1 waiting");
    browser.check("approvals");
    browser.click(&host.code);
    browser.wait_for("Compare the code");
    browser.check("approval");
    browser.click("Approve");
    browser.wait_for("No host waits.");
    assert_eq!(host.ask(&served), 200);
}

#[test]
fn the_keyboard_alone_approves_a_host() {
    let served = Served::start();
    let host = Waiting::at(&served);
    let browser = Browser::start(&served);
    browser.sign_in_admin();
    for link in ["Approvals 1 waiting", &host.code] {
        browser.tab_to(link);
        browser.press(Key::Enter);
    }
    browser.wait_for("Compare the code");
    browser.tab_to("Approve");
    browser.press(Key::Enter);
    browser.wait_for("No host waits.");
    assert_eq!(host.ask(&served), 200);
}

#[test]
fn a_waiting_host_is_denied_without_script() {
    let served = Served::start();
    let host = Waiting::at(&served);
    let browser = Browser::start_without_script(&served);
    browser.sign_in_admin();
    browser.open("/approvals");
    browser.tick(&format!("Select {}", host.code));
    browser.fill("Reason of a denial", "not ours");
    browser.click("Deny selected hosts");
    browser.wait_for("No host waits.");
    assert_eq!(host.ask(&served), 403);
}

#[test]
fn a_dry_run_names_the_rule_that_admits() {
    let served = Served::start();
    let browser = Browser::start(&served);
    browser.sign_in_admin();
    browser.open("/rules");
    browser.click("New rule");
    browser.fill("Label", "edge nodes");
    browser.fill("Cluster", "edge-1");
    browser.tick("proxy");
    browser.check("new-rule");
    browser.click("Save");
    browser.wait_for_path("/rules");
    browser.fill("Cluster of the token", "edge-1");
    browser.tick("proxy");
    browser.click("Try");
    browser.wait_for("edge nodes admits the host");
    browser.check("dry-run");
}
