//! Settings, roles, capacity and clock on their pages.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::browser::hidden_fields;
use super::{Browser, PASSWORD, Running};

const PAGE: &str = "/admin/settings";

async fn settings(at: &Running) -> Value {
    at.admin().get("/api/v1/settings").await.json
}

/// The form as it is shown, with these changes.
async fn shown<'a>(at: &Running, changes: &[(&'a str, &'a str)]) -> Vec<(String, String)> {
    let settings = settings(at).await;
    let fields = settings.as_object().unwrap().iter();
    let value = |name: &str, value: &Value| {
        let changed = changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
        changed.unwrap_or(value["value"].as_str().unwrap()).to_owned()
    };
    let mut fields = fields.map(|(name, setting)| (name.clone(), value(name, setting))).collect::<Vec<_>>();
    let others = changes.iter().filter(|(name, _)| name.contains('.'));
    fields.extend(others.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    fields
}

fn pairs(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_changed_settings_change() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let before = settings(&at).await;
    let sent = shown(&at, &[("default_ttl", "20m"), ("node_limit", "500")]).await;
    let said = browser.submit(PAGE, PAGE, &pairs(&sent)).await;
    assert_eq!(said.status, 303, "{}", said.text);
    let after = settings(&at).await;
    assert_eq!(
        (&after["default_ttl"]["value"], &after["node_limit"]["value"]),
        (&json!("20m"), &json!("500"))
    );
    for kept in ["max_ephemeral_ttl", "cluster_ttl", "retention", "approval"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    let page = browser.get(PAGE).await.text;
    assert!(page.contains("<dt>Maximum number of hosts</dt><dd>500</dd>"), "{page}");
    let reset = shown(&at, &[("reset.node_limit", "on")]).await;
    assert_eq!(browser.submit(PAGE, PAGE, &pairs(&reset)).await.status, 303);
    assert_eq!(settings(&at).await["node_limit"], before["node_limit"]);
    assert_eq!(browser.submit(PAGE, PAGE, &[]).await.status, 303, "a form without fields changes nothing");
    assert_eq!(settings(&at).await["default_ttl"], after["default_ttl"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_settings_are_refused() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let hidden = browser.hidden(PAGE, PAGE).await;
    let other = at.admin().patch("/api/v1/settings", &json!({ "default_ttl": "20m" })).await;
    assert_eq!(other.status, 200, "{}", other.text);
    let sent = [("node_limit".to_owned(), "500".to_owned())];
    let stale = browser.post_bare(PAGE, &[pairs(&hidden), pairs(&sent)].concat()).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    assert!(
        stale.text.contains("Somebody changed this") && stale.text.contains("value=\"20m\""),
        "{}",
        stale.text
    );
    let missing = browser.post(PAGE, &pairs(&sent)).await;
    assert_eq!(missing.status, 412, "{}", missing.text);
    assert_eq!(settings(&at).await["node_limit"]["value"], "off");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_all_named() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let sent = shown(&at, &[("default_ttl", "soon"), ("node_limit", "none")]).await;
    let said = browser.submit(PAGE, PAGE, &pairs(&sent)).await;
    assert_eq!(said.status, 400, "{}", said.text);
    assert!(
        said.text.contains("Default life of a token: ") && said.text.contains("Maximum number of hosts: ")
    );
    assert!(said.text.contains("value=\"soon\""), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_retention_is_asked_for() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let before = settings(&at).await["retention"]["value"].clone();
    let sent = shown(&at, &[("retention", "1d"), ("node_limit", "500")]).await;
    let asked = browser.submit(PAGE, PAGE, &pairs(&sent)).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    assert!(
        asked.text.contains("deletes the records of tokens that ended more than 24h ago"),
        "{}",
        asked.text
    );
    assert_eq!(settings(&at).await["retention"]["value"], before);
    let hidden = hidden_fields(&asked.text, PAGE);
    assert_eq!(browser.post_bare(PAGE, &pairs(&hidden)).await.status, 303);
    let after = settings(&at).await;
    assert_eq!((&after["retention"]["value"], &after["node_limit"]["value"]), (&json!("24h"), &json!("500")));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_roles_and_settings() {
    let at = Running::start().await;
    at.user("vera", PASSWORD, "viewer").await;
    let browser = Browser::sign_in(&at, "vera", PASSWORD).await;
    let roles = browser.get("/admin/roles").await;
    assert!(roles.text.contains("<code>proxy</code>"), "{}", roles.text);
    let shown = browser.get(PAGE).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert!(
        shown.text.contains("Ask an admin") && !shown.text.contains("name=\"default_ttl\""),
        "{}",
        shown.text
    );
    assert!(!shown.text.contains("/admin/clock"), "{}", shown.text);
    for (path, field) in [(PAGE, ("default_ttl", "20m")), ("/admin/clock", ("key", "x"))] {
        assert_eq!(browser.post(path, &[field]).await.status, 403, "{path}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_accepted_once() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    at.clock.step_to(at.clock_reading().plus(Duration::from_secs(30 * 86_400)));
    let shown = browser.get(PAGE).await.text;
    assert!(shown.contains(">ahead</mark>") && shown.contains("jumped ahead"), "{shown}");
    let hidden = browser.hidden("/admin/clock", "/admin/clock").await;
    let said = browser.post_bare("/admin/clock", &pairs(&hidden)).await;
    assert_eq!(said.status, 303, "{}", said.text);
    let browser = Browser::admin(&at).await;
    assert!(browser.get(PAGE).await.text.contains(">trusted</mark>"));
    let key = &hidden.iter().find(|(name, _)| name == "key").unwrap().1;
    assert_eq!(browser.post("/admin/clock", &[("key", key)]).await.status, 412, "sent again");
    assert_eq!(at.entries("clock_accepted").await, 1);
    at.stop().await;
}
