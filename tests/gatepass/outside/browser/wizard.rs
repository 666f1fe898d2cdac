//! The wizard: a token of each kind, and a real host that joins with the command of the page.

use fantoccini::key::Key;
use serde_json::{Value, json};

use super::super::automation::machine::Machine;
use super::super::served::Served;
use super::session::Browser;

/// The line under every new token.
const MADE: &str = "Treat it like a password.";

const CLUSTER: &str = "edge-1";

/// Opens the wizard and makes a token for one host.
fn make(browser: &Browser, label: &str) {
    browser.click("Add host");
    browser.wait_for_path("/add-host");
    browser.fill("Node name", label);
    browser.tick("proxy");
    browser.click("Create token");
    browser.wait_for(MADE);
}

/// Enrolls a host with the token that the page shows; the status.
fn redeem(served: &Served, browser: &Browser, cluster: Option<&str>) -> u16 {
    let csr = served.request("host", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let bearer = format!("Authorization: Bearer {}", browser.content("token").trim());
    let args = ["--header", &bearer, "--header", "Content-Type: application/json", "--data-binary", "@-"];
    served.curl("/api/v1/bootstrap", &args, &json!({ "csr": csr, "cluster": cluster }).to_string()).status
}

fn tokens(served: &Served) -> usize {
    let listed = served.admin("GET", "/api/v1/enrollment-tokens?limit=100", &Value::Null);
    listed.json["items"].as_array().unwrap_or_else(|| panic!("{}", listed.body)).len()
}

#[test]
fn a_host_joins_with_the_command_of_the_page() {
    let machine = Machine::start();
    let served = Served::start_with(&[("GATEPASS_SERVER__INSTALL_URL", &machine.url)]);
    let browser = Browser::start(&served);
    browser.sign_in_admin();
    make(&browser, "web-7");
    browser.wait_for("It expires in 14:");
    browser.check("new-token");
    let (command, token) = (browser.content("command"), browser.content("token"));
    let token = format!("{}\n", token.trim());
    machine.run(&command, &token).expect_good();
    browser.wait_for("joined");
    let again = machine.run(&format!("rm -r /etc/gatepass\n{command}"), &token);
    assert!(again.err.contains("token_used"), "{}{}", again.out, again.err);
    browser.click("Tokens");
    browser.click("web-7");
    browser.wait_for("refused");
    browser.check("used-token");
}

#[test]
fn each_kind_of_token_lets_a_host_join() {
    let served = Served::start();
    let policy = served.admin("POST", "/api/v1/policies", &json!({ "name": "edge", "roles": ["proxy"] }));
    assert_eq!(policy.status, 201, "{}", policy.body);
    let known = served.enroll("known")["host_id"].as_str().unwrap().to_owned();
    let browser = Browser::start(&served);
    browser.sign_in_admin();
    let kinds = [
        ("VM or bare metal", "Node name", "web-7"),
        ("Kubernetes", "Cluster name", CLUSTER),
        ("Rollout", "Label", "batch 7"),
        ("Roles token", "Label", "lab"),
        ("For a policy", "Name", "edges"),
        ("Known host again", "Host id", &known),
    ];
    for (kind, field, value) in kinds {
        browser.open("/add-host");
        browser.click(kind);
        browser.fill(field, value);
        browser.click("Create token");
        browser.wait_for(MADE);
        let cluster = (kind == "Kubernetes").then_some(CLUSTER);
        assert_eq!(redeem(&served, &browser, cluster), 200, "{kind}");
        browser.wait_for("joined");
    }
}

#[test]
fn the_wizard_works_without_script() {
    let served = Served::start();
    let browser = Browser::start_without_script(&served);
    browser.sign_in_admin();
    make(&browser, "web-7");
    assert_eq!(redeem(&served, &browser, None), 200);
    browser.click("Open the page of the token");
    browser.wait_for("joined");
}

#[test]
fn the_keyboard_alone_makes_a_token() {
    let served = Served::start();
    let browser = Browser::start(&served);
    browser.sign_in_admin();
    browser.tab_to("Add host");
    browser.press(Key::Enter);
    browser.wait_for_path("/add-host");
    browser.tab_to("Node name");
    browser.type_text("web-7");
    browser.tab_to("proxy");
    browser.type_text(" ");
    browser.tab_to("Create token");
    browser.press(Key::Enter);
    browser.wait_for(MADE);
}

#[test]
fn a_page_that_is_reloaded_mints_no_second_token() {
    let served = Served::start();
    let browser = Browser::start(&served);
    browser.sign_in_admin();
    make(&browser, "web-7");
    let (made, token) = (tokens(&served), browser.content("token"));
    browser.reload();
    browser.wait_for("no host yet");
    assert!(!browser.text().contains(token.trim()) && browser.path().starts_with("/tokens/"));
    assert_eq!(tokens(&served), made);
}
