//! The administration: an API key with limits, and a change of settings without script.

use serde_json::{Value, json};

use super::super::served::Served;
use super::session::Browser;

#[test]
fn an_api_key_with_limits_is_created() {
    let served = Served::start();
    let browser = Browser::start(&served);
    browser.sign_in_admin();
    browser.click("Administration");
    browser.click("API keys");
    browser.click("New API key");
    browser.fill("Label", "pipeline");
    browser.tick("tokens:write");
    browser.fill("Maximum life", "15m");
    browser.fill("Maximum number of uses", "10");
    browser.tick("proxy");
    browser.click("Create API key");
    browser.wait_for("It is not shown again.");
    browser.check("api-key-once");
    let key = browser.content("key");
    let authorization = format!("Authorization: Bearer {key}");
    let mint = |roles: &[&str]| {
        let json = "Content-Type: application/json";
        let arguments = ["--header", &authorization, "--header", json, "--data-binary", "@-"];
        let order = json!({ "roles": roles, "ttl": "15m", "max_uses": 10 });
        served.curl("/api/v1/enrollment-tokens", &arguments, &order.to_string()).status
    };
    assert_eq!(mint(&["proxy"]), 201);
    assert_eq!(mint(&["allocator"]), 403);
    browser.click("Show key details");
    browser.wait_for("at most 15m");
    assert!(!browser.source().contains(&key));
    browser.click("Delete");
    browser.wait_for("The key stops working immediately.");
    browser.check("delete-api-key-dialog");
    browser.tick("Revoke 1 live enrollment token, minted by the user or key");
    browser.click("Delete");
    browser.wait_for("No API keys.");
    assert_eq!(mint(&["proxy"]), 401);
}

#[test]
fn settings_change_without_script() {
    let served = Served::start();
    let browser = Browser::start_without_script(&served);
    browser.sign_in_admin();
    browser.open("/admin/settings");
    browser.fill("Maximum number of hosts", "500");
    browser.fill("Retention of ended tokens", "1d");
    browser.click("Save");
    browser.wait_for("The server deletes the records of tokens that ended more than 24h ago.");
    browser.click("Shorten the retention");
    browser.wait_for("Now 500");
    let settings = served.admin("GET", "/api/v1/settings", &Value::Null).json;
    assert_eq!(
        (&settings["retention"]["value"], &settings["node_limit"]["value"]),
        (&json!("24h"), &json!("500"))
    );
}
