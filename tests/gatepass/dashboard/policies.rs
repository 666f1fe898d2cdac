//! Policies and outputs: the forms that create, change, restore and delete them.

mod outputs;

use serde_json::{Value, json};

use super::Browser;
use super::browser::unescaped;
use crate::support::authority::{PASSWORD, token_of};
use crate::support::{Host, Running};

/// A text that runs a script if a page does not escape it.
const INJECTED: &str = "<img src=x onerror=alert(1)>";

/// Creates a policy by the API; its id.
async fn policy(at: &Running, body: Value) -> String {
    let said = at.admin().post("/api/v1/policies", &body).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json["id"].as_str().unwrap().to_owned()
}

async fn stored(at: &Running, id: &str) -> Value {
    at.admin().get(&format!("/api/v1/policies/{id}")).await.json
}

/// Every field of the form at `page` as it is shown, except the hidden ones: a person that changes none sends these.
async fn shown(browser: &Browser, page: &str) -> Vec<(String, String)> {
    let text = browser.get(page).await.text;
    let form = text.split_once("<main").unwrap().1;
    let of = |tag: &str, name: &str| {
        let value = tag.split_once(&format!(" {name}=\"")).map(|(_, rest)| rest.split('"').next().unwrap());
        value.map(unescaped)
    };
    let mut fields = Vec::new();
    for tag in form.split("<input").skip(1).map(|tag| tag.split('>').next().unwrap()) {
        let box_off = tag.contains("type=\"checkbox\"") && !tag.contains(" checked");
        if !tag.contains("type=\"hidden\"") && !box_off {
            fields.push((of(tag, "name").unwrap(), of(tag, "value").unwrap_or_default()));
        }
    }
    for area in form.split("<textarea").skip(1) {
        let (tag, rest) = area.split_once('>').unwrap();
        let text = unescaped(rest.split("</textarea>").next().unwrap());
        fields.push((of(tag, "name").unwrap(), text.replace('\n', "\r\n")));
    }
    for select in form.split("<select").skip(1) {
        let chosen = select.split("<option").find(|option| option.contains(" selected")).unwrap_or("");
        fields.push((of(select, "name").unwrap(), of(chosen, "value").unwrap_or_default()));
    }
    fields
}

/// Sends the form at `page` as it is shown, with other values for some fields. An empty value clears a field or a box.
async fn send(browser: &Browser, page: &str, changed: &[(&str, &str)]) -> crate::support::Said {
    let mut fields = shown(browser, page).await;
    fields.retain(|(name, _)| !changed.iter().any(|(other, _)| name == other));
    let kept = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let given = changed.iter().copied().filter(|(_, value)| !value.is_empty());
    browser.submit(page, page, &kept.chain(given).collect::<Vec<_>>()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_created_once_and_shown() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let empty = browser.get("/policies").await.text;
    assert!(empty.contains("No policies. <a href=\"/policies/new\">Create one</a>"), "{empty}");
    let fields = [
        ("name", INJECTED),
        ("role.proxy", "on"),
        ("certificate_lifetime", "14d"),
        ("labels", "site=eu, 1\r\nteam=edge"),
        ("settings", "{ \"log_level\": \"<b>\" }"),
    ];
    let mut places = Vec::new();
    for _ in 0..2 {
        let said = browser.submit("/policies/new", "/policies/new", &fields).await;
        assert_eq!(said.status, 303, "{}", said.text);
        places.push(said.headers["location"].to_str().unwrap().to_owned());
    }
    assert_eq!(places[0], places[1], "the second form leads to the policy of the first");
    let id = places[0].rsplit('/').next().unwrap();
    let made = stored(&at, id).await;
    assert_eq!((&made["roles"], &made["certificate_lifetime"]), (&json!(["proxy"]), &json!("14d")), "{made}");
    assert_eq!(made["labels"], json!({ "site": "eu, 1", "team": "edge" }), "{made}");
    let tokens = at.admin().get(&format!("/api/v1/enrollment-tokens?policy={id}")).await.json;
    assert!(tokens["items"].as_array().unwrap().is_empty(), "{tokens}");
    for path in ["/policies", &places[0], &format!("{}/edit", places[0]), &format!("{}/delete", places[0])] {
        let said = browser.get(path).await;
        assert_eq!(said.status, 200, "{path}: {}", said.text);
        assert!(!said.text.contains(INJECTED) && unescaped(&said.text).contains(INJECTED), "{path}");
    }
    let other = browser.submit("/policies/new", "/policies/new", &[("name", INJECTED)]).await;
    assert_eq!(other.status, 409, "{}", other.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_changes_only_what_was_changed() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let mut outputs = Vec::new();
    for name in ["events", "audit"] {
        let output =
            json!({ "name": name, "type": "kafka", "hosts": ["k.example.org:9092"], "auth": "none" });
        outputs.push(at.admin().post("/api/v1/outputs", &output).await.json["id"].clone());
    }
    let terms = json!({
        "name": "edge", "description": "Proxies of  Europe", "roles": ["proxy", "director"], "approval": "warn",
        "certificate_lifetime": "14d", "renew_at": 0.5, "labels": { "site": "eu", "note": "a=b, c" },
        "settings": { "log_level": "info", "limit": 18_446_744_073_709_551_615u64 },
        "schema": { "type": "object" }, "api_key_credential": true, "outputs": outputs, "first_token": false,
    });
    let id = policy(&at, terms).await;
    let before = stored(&at, &id).await;
    let form = format!("/policies/{id}/edit");
    let said = send(&browser, &form, &[]).await;
    assert_eq!(said.status, 303, "{}", said.text);
    assert_eq!(stored(&at, &id).await, before, "no change is no revision");
    let said = send(&browser, &form, &[("description", "Europe"), ("role.director", "")]).await;
    assert_eq!(said.status, 303, "{}", said.text);
    let after = stored(&at, &id).await;
    assert_eq!((&after["description"], &after["roles"]), (&json!("Europe"), &json!(["proxy"])), "{after}");
    for kept in
        ["name", "approval", "certificate_lifetime", "renew_at", "labels", "settings", "schema", "outputs"]
    {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    let page = browser.get(&format!("/policies/{id}")).await.text;
    assert!(page.contains("<b>Roles</b> proxy, director → proxy"), "{page}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_the_form_does_not_offer_stay() {
    let at = Running::start().await;
    let output =
        json!({ "name": "events", "type": "kafka", "hosts": ["k.example.org:9092"], "auth": "none" });
    let output = at.admin().post("/api/v1/outputs", &output).await.json["id"].clone();
    let terms = json!({ "name": "edge", "roles": ["director"], "outputs": [output], "first_token": false });
    let id = policy(&at, terms).await;
    let limits = json!({ "roles": ["proxy"], "policies": [id] });
    let user = json!({ "username": "ola", "password": PASSWORD, "role": "operator", "limits": limits });
    assert_eq!(at.admin().post("/api/v1/users", &user).await.status, 201);
    let browser = Browser::sign_in(&at, "ola", PASSWORD).await;
    let form = format!("/policies/{id}/edit");
    let page = browser.get(&form).await.text;
    assert!(!page.contains("offers.output") && page.contains("name=\"role.director\""), "{page}");
    let said = send(&browser, &form, &[("description", "mine")]).await;
    assert_eq!(said.status, 303, "{}", said.text);
    let after = stored(&at, &id).await;
    assert_eq!((&after["outputs"], &after["roles"]), (&json!([output]), &json!(["director"])), "{after}");
    assert_eq!(after["description"], "mine", "{after}");
    let said = send(&browser, &form, &[("offers.output", "on")]).await;
    assert_eq!(said.status, 403, "{}", said.text);
    let said = send(&browser, &form, &[("role.director", "")]).await;
    assert_eq!(said.status, 403, "{}", said.text);
    assert_eq!(stored(&at, &id).await, after, "nothing was changed");
    let list = browser.get("/policies").await.text;
    assert!(!list.contains("/policies/new") && !list.contains("/outputs/new"), "{list}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_form_keeps_what_was_typed() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let id = policy(&at, json!({ "name": "edge", "roles": ["proxy"], "first_token": false })).await;
    let form = format!("/policies/{id}/edit");
    let typed = [("name", "edge"), ("description", "typed"), ("renew_at", "0.67"), ("approval", "off")];
    let typed = [&typed[..], &[("role.proxy", "on"), ("offers.role", "on"), ("revision", "1")]].concat();
    let other = json!({ "roles": ["proxy", "director"] });
    assert_eq!(at.admin().patch(&format!("/api/v1/policies/{id}"), &other).await.status, 200);
    let said = browser.post(&form, &typed).await;
    assert_eq!(said.status, 412, "{}", said.text);
    assert!(said.text.contains("value=\"typed\"") && said.text.contains("name=\"revision\" value=\"2\""));
    assert!(said.text.contains("name=\"role.director\" value=\"on\" checked"), "{}", said.text);
    let none = browser.post(&form, &[("name", "edge"), ("offers.role", "on")]).await;
    assert_eq!(none.status, 412, "{}", none.text);
    assert_eq!(stored(&at, &id).await["revision"], 2);
    let wrong = send(&browser, &form, &[("labels", "no text"), ("settings", "[]"), ("renew_at", "2")]).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    for fault in
        ["Labels: write one NAME=TEXT a line.", "Settings: not a JSON object", "Renew after: a share"]
    {
        assert!(wrong.text.contains(fault), "{fault}: {}", wrong.text);
    }
    assert!(wrong.text.contains(">no text</textarea>"), "{}", wrong.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_revision_is_restored() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let id = policy(&at, json!({ "name": "edge", "settings": { "level": 1 }, "first_token": false })).await;
    let change = json!({ "settings": { "level": 2 } });
    assert_eq!(at.admin().patch(&format!("/api/v1/policies/{id}"), &change).await.status, 200);
    let page = format!("/policies/{id}/restore?earlier=1");
    let asks = browser.get(&page).await;
    assert!(asks.text.contains("<b>Setting level</b> 2 → 1"), "{}", asks.text);
    let action = format!("/policies/{id}/restore");
    let said = browser.submit(&page, &action, &[]).await;
    assert_eq!(said.status, 303, "{}", said.text);
    let after = stored(&at, &id).await;
    assert_eq!((&after["settings"], &after["revision"]), (&json!({ "level": 1 }), &json!(3)), "{after}");
    for fields in [&[("earlier", "2"), ("revision", "1")][..], &[("earlier", "2")]] {
        let stale = browser.post(&action, fields).await;
        assert_eq!(stale.status, 412, "{}", stale.text);
    }
    for query in ["", "?earlier=9", "?earlier=x"] {
        assert_eq!(browser.get(&format!("{action}{query}")).await.status, 404, "{query}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_hosts_is_not_deleted() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let id = policy(&at, json!({ "name": "edge", "roles": ["proxy"] })).await;
    let page = format!("/policies/{id}/delete");
    let asks = browser.get(&page).await.text;
    assert!(asks.contains("Its live token is revoked."), "{asks}");
    let token = token_of(&at.mint(json!({ "policy": id, "label": INJECTED })).await);
    let asks = browser.get(&page).await.text;
    assert!(asks.contains("Its 2 live tokens are revoked."), "{asks}");
    let enrolled = Host::new().redeem(&at, &token).await;
    let host = enrolled.json["host_id"].as_str().unwrap();
    let one = browser.get(&format!("/hosts/{host}")).await.text;
    assert!(one.contains(&format!("href=\"/policies/{id}\"")), "{one}");
    assert!(browser.get("/hosts").await.text.contains(&format!("href=\"/policies/{id}\"")));
    let shows = browser.get(&format!("/policies/{id}")).await.text;
    assert!(shows.contains(&format!("href=\"/hosts/{host}\"")), "{shows}");
    let asks = browser.get(&page).await.text;
    assert!(asks.contains("1 host has the policy") && !asks.contains("method=\"post\" action=\"/policies"));
    let said = browser.post(&page, &[("revision", "1")]).await;
    assert_eq!(said.status, 409, "{}", said.text);
    assert_eq!(at.admin().delete(&format!("/api/v1/hosts/{host}")).await.status, 200);
    assert_eq!(browser.post(&page, &[]).await.status, 412, "without a revision");
    assert_eq!(browser.submit(&page, &page, &[]).await.status, 303);
    assert_eq!(browser.get(&format!("/policies/{id}")).await.status, 404);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_policies_and_changes_none() {
    let at = Running::start().await;
    let id = policy(&at, json!({ "name": "edge", "roles": ["proxy"] })).await;
    at.user("vera", PASSWORD, "viewer").await;
    let browser = Browser::sign_in(&at, "vera", PASSWORD).await;
    for path in ["/policies", &format!("/policies/{id}")] {
        let said = browser.get(path).await;
        assert_eq!(said.status, 200, "{path}: {}", said.text);
        assert!(said.text.contains("You need the role operator to change policies"), "{}", said.text);
        for act in ["/policies/new", "/outputs/new", "/edit\"", "/delete\"", "/restore", "/add-host"] {
            assert!(!said.text.contains(act), "{act}: {}", said.text);
        }
    }
    let paths = ["new", &format!("{id}/edit"), &format!("{id}/delete"), &format!("{id}/restore")];
    for path in paths.map(|path| format!("/policies/{path}")) {
        assert_eq!(browser.post(&path, &[("name", "x"), ("revision", "1")]).await.status, 403, "{path}");
    }
    assert_eq!(stored(&at, &id).await["revision"], 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_newest_revisions() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let id = policy(&at, json!({ "name": "edge", "first_token": false })).await;
    for level in 2..=12 {
        let change = json!({ "settings": { "level": level } });
        assert_eq!(at.admin().patch(&format!("/api/v1/policies/{id}"), &change).await.status, 200);
    }
    let page = browser.get(&format!("/policies/{id}")).await.text;
    assert!(page.contains("2 older. <code>gatepass policy revisions</code> lists all"), "{page}");
    assert!(page.contains("restore?earlier=3\"") && !page.contains("restore?earlier=2\""), "{page}");
    assert!(page.contains("<b>Setting level</b> 2 → 3"), "{page}");
    let old = browser.get(&format!("/policies/{id}/restore?earlier=1")).await;
    assert_eq!(old.status, 200, "{}", old.text);
    at.stop().await;
}
