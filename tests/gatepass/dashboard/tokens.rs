//! The pages of tokens, and the wizard that makes them.

use serde_json::json;

use super::Browser;
use super::browser::unescaped;
use crate::support::{Host, Running, Said};

const INJECTED: &str = "<img src=x onerror=alert(1)>";

/// The token on the page that shows it once.
fn token(page: &Said) -> String {
    let text = page.text.split_once("<pre id=\"token\"").expect("a token").1;
    unescaped(text.split_once('>').unwrap().1.split("</pre>").next().unwrap())
}

/// The address that a redirect leads to.
fn location(said: &Said) -> &str {
    assert_eq!(said.status, 303, "{}", said.text);
    said.headers["location"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wizard_makes_a_token_once() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let hidden = browser.hidden("/add-host", "/add-host").await;
    let more = [("label", "web-15"), ("role.proxy", "on")];
    let fields = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(more);
    let fields = fields.collect::<Vec<_>>();
    let made = browser.post_bare("/add-host", &fields).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.headers["cache-control"], "no-store");
    assert!(made.text.contains("Admits one host with the role proxy, within 15 min."), "{}", made.text);
    let text = token(&made);
    // Sent again, as by a reload, the form leads to the page of its token.
    let again = browser.post_bare("/add-host", &fields).await;
    let page = location(&again).to_owned();
    assert!(page.starts_with("/tokens/"), "{page}");
    assert!(!browser.get(&page).await.text.contains(&text), "the token is shown once");
    let tokens = at.admin().get("/api/v1/enrollment-tokens?label=web-15").await.json;
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1, "{tokens}");

    let host = Host::new();
    let enrolled = host.redeem(&at, &text).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    let after = browser.get(&page).await.text;
    assert!(after.contains(">joined</mark>") && after.contains("/hosts/"), "{after}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_the_wizard_makes_its_token() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let policy = at.admin().post("/api/v1/policies", &json!({ "name": "edge", "first_token": false })).await;
    let policy = policy.json["id"].as_str().unwrap().to_owned();
    let enrolled = Host::new().redeem(&at, &at.mint_once().await).await;
    let host = enrolled.json["host_id"].as_str().unwrap().to_owned();
    let kinds: [(&str, &[(&str, &str)]); 6] = [
        ("one-time", &[("label", "node-1.example.org"), ("dns", "on")]),
        ("cluster", &[("cluster", "eu-1"), ("max_uses", "20")]),
        ("rollout", &[("label", "racks"), ("expected_hosts", "5")]),
        ("roles", &[("persistent", "on")]),
        ("policy", &[("label", "edges"), ("policy", &policy)]),
        ("re-enrollment", &[("host", &host)]),
    ];
    for (kind, fields) in kinds {
        let made = browser.submit(&format!("/add-host?kind={kind}"), "/add-host", fields).await;
        assert_eq!(made.status, 201, "{kind}: {}", made.text);
        let id = made.text.split("data-live=\"/tokens/").nth(1).unwrap().split('"').next().unwrap();
        let shown = at.admin().get(&format!("/api/v1/enrollment-tokens/{id}")).await.json;
        assert_eq!(shown["kind"], kind, "{shown}");
        let page = browser.get(&format!("/tokens/{id}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_field_keeps_the_others() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let fields = [("label", INJECTED), ("ttl", "2 weeks"), ("role.proxy", "on")];
    let refused = browser.submit("/add-host", "/add-host", &fields).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("Valid for:"), "{}", refused.text);
    assert!(refused.text.contains("value=\"2 weeks\""), "{}", refused.text);
    assert!(!refused.text.contains(INJECTED), "{}", refused.text);
    assert!(unescaped(&refused.text).contains(INJECTED), "{}", refused.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_revoked_with_its_hosts() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let minted = at.mint(json!({ "label": INJECTED, "max_uses": 2 })).await;
    let id = minted["token_id"].as_str().unwrap();
    let enrolled = Host::new().redeem(&at, minted["token"].as_str().unwrap()).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);

    let list = browser.get("/tokens?search=&state=pending,active&kind=").await;
    assert_eq!(list.status, 200, "{}", list.text);
    assert!(list.text.contains(id) && !list.text.contains(INJECTED), "{}", list.text);
    let form = format!("/tokens/{id}/revoke");
    let asked = browser.get(&form).await.text;
    assert!(asked.contains("Its 1 live host"), "{asked}");
    let revoked = browser.submit(&form, &form, &[("hosts", "revoke")]).await;
    assert_eq!(location(&revoked), format!("/tokens/{id}"));
    assert!(browser.get(&format!("/tokens/{id}")).await.text.contains(">revoked</mark>"));
    let host = enrolled.json["host_id"].as_str().unwrap();
    let host = at.admin().get(&format!("/api/v1/hosts/{host}")).await.json;
    assert_eq!(host["state"], "revoked", "{host}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_shows_the_successor_once() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let minted = at.mint(json!({ "label": "racks", "persistent": true })).await;
    let id = minted["token_id"].as_str().unwrap();
    let form = format!("/tokens/{id}/rotate");
    let rotated = browser.submit(&form, &form, &[("overlap", "none")]).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    assert!(token(&rotated).starts_with("eyJ"));
    let again = browser.post(&form, &[("overlap", "none")]).await;
    assert_eq!(location(&again), format!("/tokens/{id}"));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_emergency_token_needs_its_own_confirmation() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let tokens = at.admin().get("/api/v1/enrollment-tokens?kind=emergency").await.json;
    let id = tokens["items"][0]["id"].as_str().unwrap();
    let form = format!("/tokens/{id}/revoke");
    let refused = browser.submit(&form, &form, &[]).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    let revoked = browser.submit(&form, &form, &[("confirm", "emergency")]).await;
    assert_eq!(location(&revoked), format!("/tokens/{id}"));
    at.stop().await;
}
