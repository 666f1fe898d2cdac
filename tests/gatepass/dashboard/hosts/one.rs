//! The page of one host.

use serde_json::json;

use super::{INJECTED, enroll, label};
use crate::dashboard::Browser;
use crate::support::authority::token_of;
use crate::support::{Host, Running};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_has_its_page() {
    let at = Running::start().await;
    let policy = at.admin().post("/api/v1/policies", &json!({ "name": "web", "roles": ["proxy"] })).await;
    assert_eq!(policy.status, 201, "{}", policy.text);
    let mint = json!({
        "roles": ["proxy"], "label": "batch 7", "dns_names": ["web-1.example.org"], "policy": policy.json["id"],
    });
    let (host, token) = (Host::new(), token_of(&at.mint(mint).await));
    let more = json!({ "name": "web-1.example.org", "cluster": "eu-1" });
    let enrolled = host.redeem_with(&at, &token, more).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    let id = enrolled.json["host_id"].as_str().unwrap();
    let report = json!({ "hostname": "web-1", "os": "Debian 12", "label": "rack 7" });
    let said = host.client(&at, &enrolled.json).post("/api/v1/whoami", &report).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let item = at.admin().get(&format!("/api/v1/hosts/{id}")).await.json;
    let page = Browser::admin(&at).await.get(&format!("/hosts/{id}")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    for text in [
        "<h1>web-1.example.org <mark class=\"good\">active</mark></h1>",
        &format!("<code>{id}</code>"),
        &format!("/host/{id}</code>"),
        "<dt>Roles</dt><dd>proxy</dd>",
        "<dt>Policy</dt><dd><a href=\"/policies/",
        ">web</a> <small>",
        "<dt>DNS name</dt><dd>web-1.example.org</dd>",
        "<dt>Cluster</dt><dd>eu-1</dd>",
        "web-1, Debian 12 <small>reported by the host, not verified</small>",
        "<dt>Reported label</dt><dd>rack 7 ",
        &format!("<a href=\"/tokens/{}\">batch 7</a>", item["token_id"].as_str().unwrap()),
        "<dt>Minted by</dt><dd>admin, ",
        "from 127.0.0.1",
        "<mark class=\"good\">newest</mark>",
        item["certificate"]["serial"].as_str().unwrap(),
        ">host enrolled</a> <small>by ",
        &format!("href=\"/hosts/{id}/roles\" data-dialog"),
        &format!("href=\"/add-host?kind=re-enrollment&amp;host={id}\""),
    ] {
        assert!(page.text.contains(text), "{text:?} in {}", page.text);
    }
    assert!(!page.text.contains("/release"), "it is in no quarantine");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_host_names_its_approver() {
    let at = Running::start().await;
    let mint = json!({ "roles": ["proxy"], "approval": "require" });
    let (host, token) = (Host::new(), token_of(&at.mint(mint).await));
    let waits = host.redeem(&at, &token).await;
    assert_eq!(waits.status, 202, "{}", waits.text);
    let waiting = at.admin().get("/api/v1/enrollments?state=waiting").await.json;
    let approve = format!("/api/v1/enrollments/{}/approve", waiting["items"][0]["id"].as_str().unwrap());
    let approved = at.admin().post(&approve, &json!({})).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    let hosts = at.admin().get("/api/v1/hosts").await.json;
    let id = hosts["items"][0]["id"].as_str().unwrap();
    let page = Browser::admin(&at).await.get(&format!("/hosts/{id}")).await.text;
    assert!(page.contains("<dt>Approved</dt><dd>by admin</dd>"), "{page}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_is_not_found() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    for id in ["0198c0de-9b41-7d20-9c55-6e7f80912a3b", "none"] {
        for path in ["", "/revoke", "/roles", "/release"] {
            let said = browser.get(&format!("/hosts/{id}{path}")).await;
            assert_eq!(said.status, 404, "{}", said.text);
            assert!(said.text.contains("<h1>Not found</h1>"), "{}", said.text);
        }
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_hosts_are_escaped() {
    let at = Running::start().await;
    let (host, token) =
        (Host::new(), token_of(&at.mint(json!({ "roles": ["proxy"], "label": INJECTED })).await));
    let enrolled = host.redeem(&at, &token).await.json;
    let report = json!({ "hostname": INJECTED, "os": INJECTED, "label": INJECTED });
    let said = host.client(&at, &enrolled).post("/api/v1/whoami", &report).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let labelled = enroll(&at, json!({ "roles": [], "label": INJECTED })).await;
    label(&at, &labelled, INJECTED).await;
    at.mint(json!({ "roles": [], "label": INJECTED })).await;
    let browser = Browser::admin(&at).await;
    let reported = enrolled["host_id"].as_str().unwrap();
    let mut paths = vec!["/hosts".to_owned(), "/hosts?search=%3Cimg".to_owned()];
    for id in [reported, &labelled] {
        paths.extend(["", "/revoke", "/roles"].map(|act| format!("/hosts/{id}{act}")));
    }
    for path in paths {
        let said = browser.get(&path).await;
        assert_eq!(said.status, 200, "{path}");
        assert!(said.text.contains("&#60;img src=x onerror=alert(1)&#62;"), "{path}: {}", said.text);
        assert!(!said.text.contains("<img"), "{path}: {}", said.text);
    }
    at.stop().await;
}
