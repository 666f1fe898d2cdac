//! The list of hosts.

mod acts;
mod one;

use std::time::Duration;

use serde_json::{Value, json};

use super::Browser;
use super::browser::unescaped;
use crate::support::authority::token_of;
use crate::support::{Host, Running};

/// A text that runs a script if a page does not escape it.
const INJECTED: &str = "<img src=x onerror=alert(1)>";

/// The id of a host that redeems a token of this mint.
async fn enroll(at: &Running, mint: Value) -> String {
    let token = token_of(&at.mint(mint).await);
    let said = Host::new().redeem(at, &token).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json["host_id"].as_str().unwrap().to_owned()
}

/// Gives a host a label.
async fn label(at: &Running, id: &str, label: &str) {
    let said = at.admin().patch(&format!("/api/v1/hosts/{id}"), &json!({ "label": label })).await;
    assert_eq!(said.status, 200, "{}", said.text);
}

/// The address of the link whose text ends the tag.
fn link(page: &str, text: &str) -> String {
    let before = page.split_once(&format!(">{text}</a>")).unwrap_or_else(|| panic!("no {text:?}: {page}")).0;
    let href = before.rsplit_once("href=\"").unwrap().1;
    unescaped(href.split('"').next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_hosts_and_unused_tokens() {
    let at = Running::start().await;
    let id = enroll(&at, json!({ "roles": ["proxy"], "label": "batch 7" })).await;
    label(&at, &id, "rack 7").await;
    let unused = at.mint(json!({ "roles": ["director"], "label": "web 15" })).await;
    let said = Browser::admin(&at).await.get("/hosts").await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert!(said.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    for text in [
        "<h1>Hosts <small>1 live</small></h1>",
        "Unused one-time tokens",
        "web 15",
        "one-time",
        unused["token_id"].as_str().unwrap(),
        "<mark class=\"good\">active</mark>",
        "rack 7",
        &format!("href=\"/hosts/{id}\""),
        "<td class=\"less\">proxy</td>",
        "batch 7",
    ] {
        assert!(said.text.contains(text), "{text:?} in {}", said.text);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_names_the_next_step() {
    let at = Running::start().await;
    let page = Browser::admin(&at).await.get("/hosts").await.text;
    assert!(page.contains("No hosts. <a href=\"/add-host\">Add a host</a>"), "{page}");
    assert!(page.contains("0 live") && !page.contains("Unused one-time tokens"), "{page}");
    at.user("mia", "long enough for a viewer", "viewer").await;
    let page = Browser::sign_in(&at, "mia", "long enough for a viewer").await.get("/hosts").await.text;
    assert!(page.contains("No hosts.") && !page.contains("/add-host"), "{page}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_select_hosts() {
    let at = Running::start().await;
    let (web, db) =
        (enroll(&at, json!({ "roles": ["proxy"] })).await, enroll(&at, json!({ "roles": [] })).await);
    label(&at, &web, "web 1").await;
    label(&at, &db, "db 1").await;
    assert_eq!(at.admin().delete(&format!("/api/v1/hosts/{db}")).await.status, 200);
    let browser = Browser::admin(&at).await;
    for (query, shown) in [
        ("", [true, true]),
        ("search=&state=&role=", [true, true]),
        ("search=web", [true, false]),
        ("state=live", [true, false]),
        ("state=revoked", [false, true]),
        ("role=proxy", [true, false]),
        ("search=web&state=revoked", [false, false]),
    ] {
        let said = browser.get(&format!("/hosts?{query}")).await;
        let rows = [&web, &db].map(|id| said.text.contains(&format!("id=\"host-{id}\"")));
        assert_eq!((said.status, rows), (200, shown), "{query}: {}", said.text);
        let none = shown == [false, false];
        assert_eq!(said.text.contains("No host matches. <a href=\"/hosts\">"), none, "{query}");
    }
    let page = browser.get("/hosts?search=w%22eb&state=revoked").await.text;
    assert!(page.contains("value=\"w&#34;eb\""), "{page}");
    assert!(page.contains("<option value=\"revoked\" selected>"), "{page}");
    let page = browser.get(&format!("/hosts?token={web}&state=live")).await.text;
    assert!(page.contains(&format!("name=\"token\" value=\"{web}\"")), "another filter stays: {page}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_filter_is_explained_above_the_table() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    for (query, text) in [
        ("state=sleeping", "State: one or more of active, expiring"),
        ("colour=red", "Colour: no such field."),
        ("state=live&role=a&role=b", "Role: is repeated: send it once."),
        ("cursor=abc", "Cursor: not a cursor of this list"),
        ("search=%zz", "A percent escape of the request is malformed"),
    ] {
        let said = browser.get(&format!("/hosts?{query}")).await;
        assert_eq!(said.status, 400, "{query}");
        assert!(said.text.contains(text), "{text:?} in {}", said.text);
        assert!(!said.text.contains("No host matches") && !said.text.contains("No hosts."), "{query}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_hosts_are_on_the_next_page() {
    let at = Running::start().await;
    let older = enroll(&at, json!({ "roles": ["proxy"] })).await;
    at.clock.advance(Duration::from_secs(1));
    let newer = enroll(&at, json!({ "roles": ["proxy"] })).await;
    let browser = Browser::admin(&at).await;
    let first = browser.get("/hosts?role=proxy&limit=1").await.text;
    assert!(first.contains(&format!("host-{newer}")) && !first.contains(&format!("host-{older}")), "{first}");
    let next = link(&first, "More hosts");
    assert!(next.starts_with("/hosts?role=proxy&limit=1&cursor="), "{next}");
    let sorted = browser.get(&link(&first, "Last seen")).await;
    assert_eq!(sorted.status, 200, "{}", sorted.text);
    assert!(sorted.text.contains(&format!("host-{older}")), "the least recent first: {}", sorted.text);
    assert!(sorted.text.contains("aria-sort=\"ascending\""), "{}", sorted.text);
    let second = browser.get(&next).await.text;
    assert!(
        second.contains(&format!("host-{older}")) && !second.contains(&format!("host-{newer}")),
        "{second}"
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_csv_has_the_same_filters() {
    let at = Running::start().await;
    let (web, db) = (enroll(&at, json!({ "roles": [] })).await, enroll(&at, json!({ "roles": [] })).await);
    label(&at, &web, "web 1").await;
    let browser = Browser::admin(&at).await;
    let page = browser.get("/hosts?search=web&state=live").await.text;
    let csv = browser.get(&link(&page, "Download as CSV")).await;
    assert_eq!((csv.status, csv.headers["content-type"].to_str().unwrap()), (200, "text/csv; charset=utf-8"));
    assert!(csv.text.contains(&web) && !csv.text.contains(&db), "{}", csv.text);
    at.stop().await;
}
