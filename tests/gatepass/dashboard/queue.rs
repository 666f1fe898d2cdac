//! Approvals, rules and the ledger.

use serde_json::json;

use super::Browser;
use super::browser::unescaped;
use crate::support::{Host, Running};

const INJECTED: &str = "<img src=x onerror=alert(1)>";

/// A host that waits for approval: the host, its enrollment id and its code.
async fn waiting(at: &Running) -> (Host, String, String) {
    let minted = at.mint(json!({ "label": INJECTED, "approval": "require", "roles": ["proxy"] })).await;
    let host = Host::new();
    let said = host.redeem(at, minted["token"].as_str().unwrap()).await;
    assert_eq!(said.status, 202, "{}", said.text);
    let text = |field: &str| said.json[field].as_str().unwrap().to_owned();
    (host, text("enrollment_id"), text("code"))
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_hosts_are_approved_and_denied() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let rule = json!({ "cluster_id": "eu-1", "label": "eu", "allowed_roles": ["proxy"] });
    assert_eq!(at.admin().post("/api/v1/auto-approve-rules", &rule).await.status, 201);
    let (_, first, code) = waiting(&at).await;
    let (_, second, _) = waiting(&at).await;
    let queue = browser.get("/approvals").await.text;
    assert!(queue.contains("2 waiting") && queue.contains(&code), "{queue}");
    let badge =
        |number| format!("value=\"{number}\">{number}<span class=\"visually-hidden\"> waiting</span>");
    assert!(browser.get("/account").await.text.contains(&badge(2)), "beside the link of every page");
    assert!(!queue.contains(INJECTED) && unescaped(&queue).contains(INJECTED), "{queue}");
    let one = browser.get(&format!("/approvals/{first}")).await.text;
    assert!(one.contains("the rule is for cluster eu-1"), "{one}");

    let chosen = format!("id.{first}");
    let said = browser.submit("/approvals", "/approvals", &[(&chosen, "on"), ("decision", "approve")]).await;
    assert_eq!(said.status, 303, "{}", said.text);
    let page = format!("/approvals/{second}");
    let denial = [("decision", "deny"), ("reason", "not ours")];
    let said = browser.submit(&page, "/approvals", &denial).await;
    assert_eq!(said.status, 303, "{}", said.text);
    let approved = browser.get(&format!("/approvals/{first}")).await.text;
    assert!(!approved.contains("<span class=\"visually-hidden\"> waiting</span>"), "{approved}");
    assert!(approved.contains(">approved</mark>") && approved.contains("/hosts/"), "{approved}");
    assert!(browser.get(&page).await.text.contains("not ours"));
    // Decided otherwise in the meantime: the page says so.
    let said = browser.post("/approvals", &[(&chosen, "on"), ("decision", "deny")]).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert!(said.text.contains("role=\"alert\""), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_decided_without_a_choice() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    waiting(&at).await;
    let said = browser.submit("/approvals", "/approvals", &[("decision", "approve")]).await;
    assert!(said.text.contains("Select at least one host."), "{}", said.text);
    let said = browser.post("/approvals", &[("id.x", "on")]).await;
    assert_eq!(said.status, 400, "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_made_changed_tried_and_deleted() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let fields = [("label", INJECTED), ("cluster", "*"), ("addresses", "10.1.0.0/16"), ("max_nodes", "50")];
    let fields = fields.into_iter().chain([("any_role", "on")]).collect::<Vec<_>>();
    let said = browser.submit("/rules/new", "/rules/new", &fields).await;
    assert_eq!(said.status, 303, "{}", said.text);
    let rules = at.admin().get("/api/v1/auto-approve-rules").await.json;
    let id = rules["items"][0]["id"].as_str().unwrap();
    let list = browser.get("/rules?try=on&address=192.0.2.7").await.text;
    assert!(list.contains("0 / 50") && list.contains("any cluster"), "{list}");
    assert!(!list.contains(INJECTED), "{list}");
    assert!(list.contains("and the rule is for 10.1.0.0/16"), "{list}");
    let admits = browser.get("/rules?try=on&address=10.1.2.3").await.text;
    assert!(admits.contains("admits the host"), "{admits}");

    let form = format!("/rules/{id}");
    let changed =
        browser.submit(&form, &form, &[("label", "lab"), ("cluster", "*"), ("role.proxy", "on")]).await;
    assert_eq!(changed.status, 303, "{}", changed.text);
    let rule = at.admin().get(&format!("/api/v1/auto-approve-rules/{id}")).await.json;
    assert_eq!((&rule["label"], &rule["max_nodes"]), (&json!("lab"), &json!(null)), "{rule}");
    let stale =
        browser.post(&form, &[("label", "x"), ("cluster", "*"), ("any_role", "on"), ("revision", "1")]).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    let fields = [("label", "lab"), ("cluster", "*"), ("any_role", "on"), ("addresses", "ten")];
    let wrong = browser.submit(&form, &form, &fields).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    assert!(wrong.text.contains("Addresses:"), "{}", wrong.text);
    let form = format!("/rules/{id}/delete");
    assert_eq!(browser.submit(&form, &form, &[]).await.status, 303);
    assert!(browser.get("/rules").await.text.contains("No rules."));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_filtered_and_verified() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let minted = at.mint(json!({ "label": "racks" })).await;
    let id = minted["token_id"].as_str().unwrap();
    let list = browser.get(&format!("/ledger?action=token_created&token={id}&outcome=&since=")).await;
    assert_eq!(list.status, 200, "{}", list.text);
    assert_eq!(list.text.matches("<td>token created").count(), 1, "{}", list.text);
    let entry = list.text.split("href=\"/ledger/").nth(1).unwrap().split('"').next().unwrap();
    let one = browser.get(&format!("/ledger/{entry}")).await.text;
    assert!(one.contains(id) && one.contains("Neighbours"), "{one}");
    let verified = browser.submit("/ledger", "/ledger/verify", &[]).await;
    assert!(verified.text.contains("entries are intact"), "{}", verified.text);
    let wrong = browser.get("/ledger?since=yesterday").await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    assert_eq!(browser.get("/ledger/0").await.status, 404);
    assert_eq!(browser.get("/ledger/18446744073709551615").await.status, 404);
    assert_eq!(browser.get("/ledger/x").await.status, 404);
    at.stop().await;
}

/// "Counts by state are kept in memory, at most a second old."
#[tokio::test(flavor = "multi_thread")]
async fn a_page_keeps_its_counts_for_a_second() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let live = async || {
        let page = browser.get("/tokens").await.text;
        let heading = page.split_once("<h1>Tokens <small>").unwrap().1;
        heading.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let before = live().await;
    at.mint(json!({})).await;
    at.clock.advance(std::time::Duration::from_millis(999));
    assert_eq!(live().await, before, "the count is kept");
    at.clock.advance(std::time::Duration::from_millis(1));
    assert_eq!(live().await, before + 1);
    at.stop().await;
}
