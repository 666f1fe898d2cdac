//! Signing keys and the certificate authority on their pages.

use serde_json::Value;

use super::{Browser, PASSWORD, Running};

const KEYS: &str = "/admin/signing-keys";
const CA: &str = "/admin/ca";

async fn keys(at: &Running, usage: &str) -> Vec<Value> {
    let listed = at.admin().get("/api/v1/signing-keys").await.json;
    listed["items"].as_array().unwrap().iter().filter(|key| key["use"] == usage).cloned().collect()
}

fn in_state<'a>(keys: &'a [Value], state: &str) -> &'a str {
    keys.iter().find(|key| key["state"] == state).unwrap()["id"].as_str().unwrap()
}

async fn issuing(at: &Running) -> Vec<String> {
    let ca = at.admin().get("/api/v1/ca").await.json;
    ca["issuing"].as_array().unwrap().iter().map(|ca| ca["ski"].as_str().unwrap().to_owned()).collect()
}

fn pairs(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_twice_rotates_once() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let before = keys(&at, "service").await;
    let form = format!("{KEYS}/rotate?use=service");
    let hidden = browser.hidden(&form, &format!("{KEYS}/rotate")).await;
    let path = format!("{KEYS}/rotate");
    let fields = pairs(&hidden);
    let (one, other) = tokio::join!(browser.post_bare(&path, &fields), browser.post_bare(&path, &fields));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 412], "{} {}", one.text, other.text);
    let after = keys(&at, "service").await;
    assert_eq!(in_state(&after, "current"), in_state(&before, "prepared"));
    assert_eq!(browser.post(&path, &[("use", "service")]).await.status, 412, "without the key in use");
    assert_eq!(browser.post(&path, &[("use", "nonsense")]).await.status, 404);
    let page = browser.get(KEYS).await.text;
    for usage in ["enrollment", "service", "access", "status_list", "fleet", "seal"] {
        assert!(page.contains(&format!("rotate?use={usage}\"")), "{usage}: {page}");
        assert_eq!(browser.get(&format!("{KEYS}/rotate?use={usage}")).await.status, 200, "{usage}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_use_retires_only_if_it_leaked() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let current = in_state(&keys(&at, "enrollment").await, "current").to_owned();
    let form = format!("{KEYS}/{current}/retire");
    let asked = browser.get(&form).await.text;
    assert!(asked.contains("value=\"compromised\"") && !asked.contains("value=\"confirmed\""), "{asked}");
    let hidden = browser.hidden(&form, &form).await;
    let bare = pairs(&hidden).into_iter().filter(|(name, _)| *name != "why").collect::<Vec<_>>();
    assert_eq!(browser.post_bare(&form, &bare).await.status, 400, "without a reason");
    let refused = browser.post_bare(&form, &[bare, vec![("why", "confirmed")]].concat()).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert_eq!(browser.submit(&form, &form, &[]).await.status, 303);
    assert_ne!(in_state(&keys(&at, "enrollment").await, "current"), current);
    assert_eq!(browser.get(&form).await.status, 404, "retired");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuing_ca_is_rotated_and_revoked() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let before = issuing(&at).await;
    let path = format!("{CA}/rotate");
    let hidden = browser.hidden(&path, &path).await;
    let fields = [pairs(&hidden), vec![("extent", "issuing")]].concat();
    assert_eq!(browser.post_bare(&path, &fields).await.status, 303);
    assert_eq!(browser.post_bare(&path, &fields).await.status, 412, "sent again");
    let after = issuing(&at).await;
    assert_eq!((after.len(), &after[1]), (2, &before[0]));
    let page = browser.get(CA).await.text;
    assert!(page.contains(&after[0]) && page.contains(&format!("{CA}/{}/revoke", after[1])), "{page}");
    assert!(!page.contains(&format!("{CA}/{}/revoke", after[0])), "{page}");
    let form = format!("{CA}/{}/revoke", after[1]);
    assert!(browser.get(&form).await.text.contains("0 live hosts with its certificates"));
    assert_eq!(browser.submit(&form, &form, &[]).await.status, 303);
    assert_eq!(issuing(&at).await, after[..1]);
    assert!(browser.get(CA).await.text.contains(">revoked</mark>"));
    assert_eq!(browser.get(&format!("{CA}/{}/revoke", after[0])).await.status, 409, "in use");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_rotates_and_revokes_nothing() {
    let at = Running::start().await;
    at.user("vera", PASSWORD, "viewer").await;
    let browser = Browser::sign_in(&at, "vera", PASSWORD).await;
    for path in [KEYS, CA] {
        let shown = browser.get(path).await;
        assert_eq!(shown.status, 200, "{path}");
        assert!(!shown.text.contains("/rotate") && !shown.text.contains("/retire"), "{path}: {}", shown.text);
    }
    for path in [format!("{KEYS}/rotate"), format!("{CA}/rotate")] {
        assert_eq!(browser.get(&path).await.status, 403, "{path}");
        assert_eq!(browser.post(&path, &[("use", "service")]).await.status, 403, "{path}");
    }
    at.stop().await;
}
