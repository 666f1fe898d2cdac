//! API keys on their pages.

use serde_json::{Value, json};

use super::{Browser, INJECTED, PASSWORD, Running, unescaped};

const NEW: &str = "/admin/keys/new";

/// The fields of a key that mints tokens of one role.
const FIELDS: [(&str, &str); 6] = [
    ("label", INJECTED),
    ("ttl", "90d"),
    ("scope.tokens:write", "on"),
    ("role.proxy", "on"),
    ("max_ttl", "15m"),
    ("max_uses", "10"),
];

/// The secret on the page that shows it.
fn secret(page: &str) -> String {
    let text = page.split_once("<pre id=\"key\" tabindex=\"0\">").unwrap_or_else(|| panic!("{page}")).1;
    text.split('<').next().unwrap().to_owned()
}

async fn keys(at: &Running) -> Vec<Value> {
    at.admin().get("/api/v1/api-keys").await.json["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_within_its_limits() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let said = browser.submit(NEW, NEW, &FIELDS).await;
    assert_eq!(said.status, 201, "{}", said.text);
    assert_eq!(said.headers["cache-control"], "no-store");
    let key = at.stranger().bearer(&secret(&said.text));
    let mint = async |request: Value| key.post("/api/v1/enrollment-tokens", &request).await;
    assert_eq!(mint(json!({ "roles": ["proxy"], "ttl": "15m", "max_uses": 10 })).await.status, 201);
    for beyond in [json!({ "roles": ["allocator"] }), json!({ "ttl": "16m" }), json!({ "max_uses": 11 })] {
        let refused = mint(beyond).await;
        assert_eq!((refused.status, refused.code()), (403, "beyond_limits"), "{}", refused.text);
    }
    assert_eq!(key.get("/api/v1/hosts").await.status, 403, "another scope");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_later_page_has_the_secret() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let secret = secret(&browser.submit(NEW, NEW, &FIELDS).await.text);
    let id = keys(&at).await[0]["id"].as_str().unwrap().to_owned();
    let page = format!("/admin/keys/{id}");
    for path in ["/admin/keys", &page, &format!("{page}/delete"), NEW, "/ledger", "/"] {
        let shown = browser.get(path).await;
        assert_eq!(shown.status, 200, "{path}");
        assert!(!shown.text.contains(&secret) && !shown.text.contains(INJECTED), "{path}");
    }
    let list = unescaped(&browser.get("/admin/keys").await.text);
    assert!(
        list.contains(INJECTED) && list.contains("tokens:write") && list.contains("roles: proxy"),
        "{list}"
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_twice_makes_one_key() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let hidden = browser.hidden(NEW, NEW).await;
    let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields = hidden.chain(FIELDS).collect::<Vec<_>>();
    let (one, other) = tokio::join!(browser.post_bare(NEW, &fields), browser.post_bare(NEW, &fields));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 303], "{} {}", one.text, other.text);
    let again = browser.post_bare(NEW, &fields).await;
    let made = keys(&at).await;
    assert_eq!(made.len(), 1);
    let page = format!("/admin/keys/{}", made[0]["id"].as_str().unwrap());
    assert_eq!((again.status, &again.headers["location"]), (303, &page.parse().unwrap()));
    at.clock.advance(std::time::Duration::from_secs(1));
    let opened = browser.submit(NEW, NEW, &FIELDS).await;
    assert_eq!(opened.status, 201, "a form that was opened later makes another key");
    assert_eq!(browser.post(NEW, &FIELDS).await.status, 400, "a form without its time");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_form_limits_the_most() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let least = [("label", "least"), ("scope.tokens:write", "on")];
    assert_eq!(browser.submit(NEW, NEW, &least).await.status, 201);
    let by_api = at.api_key(&at.admin(), json!({ "scopes": ["tokens:write"] })).await;
    let by_page = keys(&at).await.into_iter().find(|key| key["label"] == "least").unwrap();
    assert_eq!(by_page["limits"], by_api["limits"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_keeps_its_form() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    for (fields, fault) in [
        (vec![("label", INJECTED), ("role.proxy", "on")], "Scopes: "),
        (vec![("label", INJECTED), ("scope.hosts:read", "on"), ("max_ttl", "soon")], "Maximum life: "),
        (vec![("label", INJECTED), ("scope.hosts:read", "on"), ("ttl", "soon")], "Valid for: "),
    ] {
        let said = browser.submit(NEW, NEW, &fields).await;
        assert_eq!(said.status, 400, "{}", said.text);
        assert!(said.text.contains(fault) && !said.text.contains(INJECTED), "{fault}: {}", said.text);
        assert!(unescaped(&said.text).contains(INJECTED), "{}", said.text);
    }
    assert!(keys(&at).await.is_empty());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_key_needs_the_current_password() {
    let at = Running::start_with(&[("limits.sign_in_site", "3/h")]).await;
    let browser = Browser::admin(&at).await;
    let with = |password: &'static str| [("scope.admin", "on"), ("current_password", password)];
    let missing = browser.submit(NEW, NEW, &with("")).await;
    assert_eq!(missing.status, 403, "{}", missing.text);
    for guess in ["a wrong password 1", "a wrong password 2", "a wrong password 3"] {
        let wrong = browser.submit(NEW, NEW, &with(guess)).await;
        assert_eq!(wrong.status, 400, "{}", wrong.text);
        assert!(wrong.text.contains("Your current password: this is not your password."), "{}", wrong.text);
        assert!(!wrong.text.contains("a wrong password"), "{}", wrong.text);
    }
    let limited = browser.submit(NEW, NEW, &with("a fourth wrong password")).await;
    assert_eq!(limited.status, 429, "{}", limited.text);
    assert!(keys(&at).await.is_empty());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_keeps_its_own_keys_alone() {
    let at = Running::start().await;
    at.user("vera", PASSWORD, "viewer").await;
    let admins =
        at.api_key(&at.admin(), json!({ "scopes": ["tokens:write"], "label": "of the admin" })).await;
    let browser = Browser::sign_in(&at, "vera", PASSWORD).await;
    let form = browser.get(NEW).await.text;
    assert!(form.contains("scope.tokens:read") && !form.contains("scope.tokens:write"), "{form}");
    assert!(!form.contains("current_password"), "{form}");
    let beyond = browser.submit(NEW, NEW, &[("scope.tokens:write", "on")]).await;
    assert_eq!(beyond.status, 403, "{}", beyond.text);
    assert_eq!(browser.submit(NEW, NEW, &[("label", "mine"), ("scope.tokens:read", "on")]).await.status, 201);
    let list = browser.get("/admin/keys").await.text;
    assert!(list.contains("mine") && !list.contains("of the admin"), "{list}");
    let other = format!("/admin/keys/{}", admins["id"].as_str().unwrap());
    assert_eq!(browser.get(&other).await.status, 404);
    assert_eq!(browser.post(&format!("{other}/delete"), &[]).await.status, 404);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_deleted_with_its_tokens() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let made = at.api_key(&at.admin(), json!({ "scopes": ["tokens:write"], "label": INJECTED })).await;
    let key = at.stranger().bearer(made["api_key"].as_str().unwrap());
    let minted = key.post("/api/v1/enrollment-tokens", &json!({})).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    let form = format!("/admin/keys/{}/delete", made["id"].as_str().unwrap());
    let asked = browser.get(&form).await.text;
    assert!(asked.contains("1 live enrollment token, minted by the user or key"), "{asked}");
    let said = browser.submit(&form, &form, &[("tokens", "revoke")]).await;
    assert_eq!((said.status, &said.headers["location"]), (303, &"/admin/keys".parse().unwrap()));
    assert_eq!(key.get("/api/v1/session").await.status, 401);
    assert_eq!(at.token(minted.json["token_id"].as_str().unwrap()).await["state"], "revoked");
    assert!(browser.get("/admin/keys").await.text.contains("No API keys."));
    at.stop().await;
}
