//! A policy and its output, as an operator makes and changes them.

use serde_json::Value;

use super::super::served::Served;
use super::sample;
use super::session::Browser;

#[test]
fn a_policy_with_an_output_is_made_and_changed() {
    let served = Served::start();
    let browser = Browser::start(&served);
    browser.sign_in_admin();
    browser.click("Policies");
    browser.wait_for("No policies.");
    browser.check("policies-none");
    browser.click("New output");
    browser.click("Kafka");
    browser.fill("Name", "events");
    browser.fill("Addresses", "kafka-1.example.org:9092");
    browser.click("Save");
    browser.wait_for("No policy has this output.");
    browser.click("Policies");
    browser.click("New policy");
    browser.fill("Name", "edge proxies");
    browser.tick("proxy");
    browser.tick("events");
    browser.click("Save");
    browser.wait_for("Its hosts get the role proxy");
    browser.check("policy-new");
    browser.click("Change");
    browser.fill("Certificates valid for", "7d");
    browser.click("Save");
    browser.wait_for("as configured → valid for 7d");
    let policy = served.admin("GET", "/api/v1/policies", &Value::Null).json["items"][0].clone();
    assert_eq!(
        (policy["outputs"].as_array().unwrap().len(), &policy["revision"]),
        (1, &2.into()),
        "{policy}"
    );
    browser.click("Restore revision 1");
    browser.wait_for("creates a new revision with the terms of revision 1");
    browser.check("restore-dialog");
    assert_eq!(sample::ids(&served, "/api/v1/outputs").len(), 1);
}
