//! The forms that change a host.

use serde_json::{Value, json};

use super::enroll;
use crate::dashboard::Browser;
use crate::quarantine::Copied;
use crate::support::Running;

const VIEWERS: &str = "long enough for a viewer";

/// The host in the API.
async fn item(at: &Running, id: &str) -> Value {
    at.admin().get(&format!("/api/v1/hosts/{id}")).await.json
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_change_with_the_form() {
    let at = Running::start().await;
    let id = enroll(&at, json!({ "roles": ["proxy"] })).await;
    let (browser, path) = (Browser::admin(&at).await, format!("/hosts/{id}/roles"));
    let form = browser.get(&path).await.text;
    assert!(
        form.contains("name=\"role.proxy\" value=\"on\" checked")
            && form.contains("name=\"role.director\" value=\"on\">"),
        "{form}"
    );
    let said = browser.submit(&path, &path, &[("role.director", "on"), ("when", "next")]).await;
    assert_eq!((said.status, &said.headers["location"]), (303, &format!("/hosts/{id}").parse().unwrap()));
    assert_eq!(item(&at, &id).await["roles"], json!(["director"]));
    assert_eq!(at.entries("host_roles_changed").await, 1);
    let page = browser.get(&format!("/hosts/{id}")).await.text;
    assert!(page.contains("<mark class=\"good\">newest</mark>"), "the certificate stays: {page}");
    let said = browser.submit(&path, &path, &[("when", "now")]).await;
    assert_eq!((said.status, &item(&at, &id).await["roles"]), (303, &json!([])));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_form_keeps_the_choices() {
    let at = Running::start().await;
    let id = enroll(&at, json!({ "roles": ["proxy"] })).await;
    let (browser, path) = (Browser::admin(&at).await, format!("/hosts/{id}/roles"));
    let fields = [("role.director", "on"), ("role.proxy", "on"), ("when", "now"), ("revision", "7")];
    let stale = browser.post(&path, &fields).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    assert!(stale.text.contains("Somebody changed this after you opened the page."), "{}", stale.text);
    assert!(stale.text.contains("name=\"role.director\" value=\"on\" checked"), "{}", stale.text);
    assert!(stale.text.contains("value=\"now\" checked"), "{}", stale.text);
    let unknown = browser.submit(&path, &path, &[("role.sleeper", "on")]).await;
    assert_eq!(unknown.status, 400, "{}", unknown.text);
    assert!(unknown.text.contains("unknown role"), "{}", unknown.text);
    assert_eq!(item(&at, &id).await["roles"], json!(["proxy"]));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_host_stays_visible() {
    let at = Running::start().await;
    let id = enroll(&at, json!({ "roles": ["proxy"] })).await;
    let (browser, path) = (Browser::admin(&at).await, format!("/hosts/{id}/revoke"));
    let form = browser.get(&path).await.text;
    assert!(form.contains("This is final"), "{form}");
    let said = browser.submit(&path, &path, &[]).await;
    assert_eq!((said.status, &said.headers["location"]), (303, &format!("/hosts/{id}").parse().unwrap()));
    assert_eq!(item(&at, &id).await["state"], json!("revoked"));
    let page = browser.get(&format!("/hosts/{id}")).await.text;
    assert!(
        page.contains("<mark class=\"bad\">revoked</mark></h1>") && page.contains("Revoked <time"),
        "{page}"
    );
    assert!(!page.contains("data-dialog") && !page.contains("re-enrollment"), "no act is left: {page}");
    let list = browser.get("/hosts").await.text;
    assert!(list.contains(&format!("<tr id=\"host-{id}\" class=\"ended\">")), "{list}");
    let path = format!("/hosts/{id}/roles");
    let roles = browser.submit(&path, &path, &[]).await;
    assert_eq!(roles.status, 403, "{}", roles.text);
    assert!(roles.text.contains("role=\"alert\""), "{}", roles.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantined_host_is_released() {
    let at = Running::start().await;
    let copied = Copied::in_quarantine(&at).await;
    let (browser, id) = (Browser::admin(&at).await, copied.id.as_str());
    let page = browser.get(&format!("/hosts/{id}")).await.text;
    assert!(page.contains("<mark class=\"bad\">quarantined</mark></h1>"), "{page}");
    assert!(page.contains("Two machines use the identity of this host"), "{page}");
    let path = format!("/hosts/{id}/release");
    assert!(page.contains(&format!("href=\"{path}\" data-dialog")), "{page}");
    let nobody = browser.submit(&path, &path, &[]).await;
    assert_eq!(nobody.status, 400, "{}", nobody.text);
    assert!(nobody.text.contains("Select the machine that stays."), "{}", nobody.text);
    let serial = item(&at, id).await["certificate"]["serial"].as_str().unwrap().to_owned();
    let said = browser.submit(&path, &path, &[("serial", &serial)]).await;
    assert_eq!(said.status, 303, "{}", said.text);
    assert_eq!(item(&at, id).await["state"], json!("active"));
    let again = browser.get(&path).await;
    assert_eq!(again.status, 409, "{}", again.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_no_acts_and_is_refused() {
    let at = Running::start().await;
    let id = enroll(&at, json!({ "roles": ["proxy"] })).await;
    at.user("mia", VIEWERS, "viewer").await;
    let browser = Browser::sign_in(&at, "mia", VIEWERS).await;
    let page = browser.get(&format!("/hosts/{id}")).await.text;
    assert!(page.contains("You need the role operator"), "{page}");
    assert!(!page.contains("data-dialog") && !page.contains("/add-host"), "{page}");
    assert!(!page.contains("<h2>Ledger</h2>"), "{page}");
    for act in ["revoke", "roles", "release"] {
        let path = format!("/hosts/{id}/{act}");
        assert_eq!(browser.get(&path).await.status, 403, "{act}");
        let said = browser.post(&path, &[("serial", "00")]).await;
        assert_eq!(said.status, 403, "{act}");
        assert!(said.text.contains("the role operator"), "{}", said.text);
    }
    assert_eq!(item(&at, &id).await["state"], json!("active"));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_csrf_token_is_refused() {
    let at = Running::start().await;
    let id = enroll(&at, json!({ "roles": ["proxy"] })).await;
    let browser = Browser::admin(&at).await;
    for act in ["revoke", "roles", "release"] {
        let said = browser.post_bare(&format!("/hosts/{id}/{act}"), &[("csrf_token", "wrong")]).await;
        assert_eq!(said.status, 403, "{act}");
        assert!(said.text.contains("<code>csrf</code>"), "{}", said.text);
    }
    assert_eq!(
        (&item(&at, &id).await["state"], &item(&at, &id).await["roles"]),
        (&json!("active"), &json!(["proxy"]))
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_beyond_limits_is_refused_in_its_form() {
    let at = Running::start().await;
    let id = enroll(&at, json!({ "roles": ["director"] })).await;
    let user = json!({
        "username": "ben", "password": VIEWERS, "role": "operator", "limits": { "roles": ["proxy"] },
    });
    let said = at.admin().post("/api/v1/users", &user).await;
    assert_eq!(said.status, 201, "{}", said.text);
    let browser = Browser::sign_in(&at, "ben", VIEWERS).await;
    let roles = browser.get(&format!("/hosts/{id}/roles")).await.text;
    assert!(roles.contains("role.proxy") && !roles.contains("role.allocator"), "{roles}");
    for act in ["revoke", "roles"] {
        let path = format!("/hosts/{id}/{act}");
        let said = browser.submit(&path, &path, &[("role.proxy", "on")]).await;
        assert_eq!(said.status, 403, "{act}: {}", said.text);
        assert!(said.text.contains("role=\"alert\"") && said.text.contains("<form"), "{act}: {}", said.text);
    }
    assert_eq!(item(&at, &id).await["state"], json!("active"));
    at.stop().await;
}
