//! The pages that release tokens and API keys.

use serde_json::json;

use super::suspend;
use crate::dashboard::Browser;
use crate::support::Running;

#[tokio::test(flavor = "multi_thread")]
async fn pages_release_a_token_with_its_uses() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "persistent": true, "max_uses": 4, "label": "rack" })).await;
    suspend(at.data_dir());
    let browser = Browser::admin(&at).await;
    let page = format!("/tokens/{}", minted["token_id"].as_str().unwrap());
    let form = format!("{page}/release");
    let shown = browser.get(&page).await.text;
    assert!(shown.contains(">suspended</mark>") && shown.contains(&form), "{shown}");
    assert!(shown.contains("/revoke") && !shown.contains("/rotate"), "{shown}");
    assert!(browser.get("/tokens?state=suspended").await.text.contains(&page));
    assert!(browser.get(&form).await.text.contains("name=\"uses_left\""));
    for (wrong, status) in [("", 409), ("5", 400), ("many", 400)] {
        let said = browser.post(&form, &[("uses_left", wrong)]).await;
        assert_eq!(said.status, status, "{wrong}: {}", said.text);
    }
    let said = browser.post(&form, &[("uses_left", "3")]).await;
    assert_eq!((said.status, said.headers["location"].to_str().unwrap()), (303, page.as_str()));
    assert_eq!(at.token(minted["token_id"].as_str().unwrap()).await["uses_left"], 3);
    assert!(!browser.get(&page).await.text.contains(&form));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_release_an_api_key() {
    let at = Running::start().await;
    let made = at.api_key(&at.admin(), json!({ "label": "ci", "scopes": ["tokens:read"] })).await;
    suspend(at.data_dir());
    let browser = Browser::admin(&at).await;
    let page = format!("/admin/keys/{}", made["id"].as_str().unwrap());
    let form = format!("{page}/release");
    let shown = browser.get(&page).await.text;
    assert!(shown.contains(">suspended</mark>") && shown.contains(&form), "{shown}");
    assert!(browser.get(&form).await.text.contains("within the rights of its owner"));
    assert_eq!(browser.post(&form, &[]).await.status, 303);
    let shown = browser.get(&page).await.text;
    assert!(shown.contains(">live</mark>") && !shown.contains(&form), "{shown}");
    at.stop().await;
}
