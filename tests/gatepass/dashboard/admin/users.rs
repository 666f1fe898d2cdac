//! Users on their pages.

use serde_json::{Value, json};

use super::{Browser, INJECTED, PASSWORD, Running, unescaped};

const NEW: &str = "/admin/new-user";
/// The password of a new user.
const FIRST: &str = "a fence around the yard";

async fn user(at: &Running, name: &str) -> Value {
    at.admin().get(&format!("/api/v1/users/{name}")).await.json
}

/// The fields of a new user without limits.
fn fields<'a>(name: &'a str, role: &'a str) -> Vec<(&'a str, &'a str)> {
    let any = ["any_role", "any_name", "any_cluster", "any_policy", "persistent"].map(|any| (any, "on"));
    let mut fields = vec![("name", name), ("role", role), ("password", FIRST), ("again", FIRST)];
    fields.extend([("max_ttl", "any"), ("max_uses", "any")]);
    fields.extend(any);
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_created_and_signs_in() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let said = browser.submit(NEW, NEW, &fields("olaf", "operator")).await;
    assert_eq!((said.status, &said.headers["location"]), (303, &"/admin/users/olaf".parse().unwrap()));
    let made = user(&at, "olaf").await;
    assert_eq!((&made["role"], &made["limits"]["clusters"]), (&json!("operator"), &json!("any")), "{made}");
    let page = browser.get("/admin/users/olaf").await.text;
    assert!(page.contains("<dt>Limits</dt><dd>none</dd>"), "{page}");
    assert!(browser.get("/admin/users").await.text.contains("href=\"/admin/users/olaf\""));
    assert_eq!(Browser::sign_in(&at, "olaf", FIRST).await.get("/tokens").await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_twice_makes_one_user() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let hidden = browser.hidden(NEW, NEW).await;
    let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>();
    let sent = [hidden.clone(), fields("olaf", "operator")].concat();
    for _ in 0..2 {
        let said = browser.post_bare(NEW, &sent).await;
        assert_eq!((said.status, &said.headers["location"]), (303, &"/admin/users/olaf".parse().unwrap()));
    }
    let other = [hidden, fields("olaf", "viewer")].concat();
    let said = browser.post_bare(NEW, &other).await;
    assert_eq!(said.status, 409, "{}", said.text);
    assert!(said.text.contains("A user of this name exists already"), "{}", said.text);
    assert_eq!(at.entries("user_created").await, 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_user_keeps_its_form() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let said = browser.submit(NEW, NEW, &fields(INJECTED, "operator")).await;
    assert_eq!(said.status, 400, "{}", said.text);
    assert!(!said.text.contains(INJECTED) && unescaped(&said.text).contains(INJECTED), "{}", said.text);
    assert!(said.text.contains("User name: ") && !said.text.contains(FIRST), "{}", said.text);
    let mut differ = fields("olaf", "operator");
    differ[3] = ("again", "another fence around it");
    let said = browser.submit(NEW, NEW, &differ).await;
    assert_eq!(said.status, 400, "{}", said.text);
    assert!(said.text.contains("The new passwords differ"), "{}", said.text);
    assert!(said.text.contains("value=\"operator\" selected"), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_needs_the_current_password() {
    let at = Running::start_with(&[("limits.sign_in_site", "3/h")]).await;
    let browser = Browser::admin(&at).await;
    let with = |password| [fields("boss", "admin"), vec![("current_password", password)]].concat();
    assert_eq!(browser.submit(NEW, NEW, &fields("boss", "admin")).await.status, 403);
    let made = browser.submit(NEW, NEW, &with(PASSWORD)).await;
    assert_eq!(made.status, 303, "{}", made.text);
    at.user("olaf", PASSWORD, "operator").await;
    let (change, password) = ("/admin/users/olaf/change", "/admin/users/olaf/password");
    let acts = [(change, "role", "admin"), (password, "password", FIRST), (change, "role", "admin")];
    for (guess, (form, field, value)) in acts.into_iter().enumerate() {
        let guess = format!("a wrong password {guess}");
        let sent = [(field, value), ("again", FIRST), ("current_password", &*guess)];
        let wrong = browser.submit(form, form, &sent).await;
        assert_eq!(wrong.status, 400, "{form}: {}", wrong.text);
        assert!(wrong.text.contains("this is not your password"), "{form}: {}", wrong.text);
        assert!(!wrong.text.contains("a wrong password") && !wrong.text.contains(FIRST), "{form}");
    }
    let sent = [("password", FIRST), ("again", FIRST), ("current_password", "a fourth wrong password")];
    assert_eq!(browser.submit(password, password, &sent).await.status, 429);
    assert_eq!(user(&at, "olaf").await["role"], "operator");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_keeps_the_limits_it_shows() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let limits = json!({ "roles": ["proxy"], "max_ttl": "36h", "max_uses": 3, "persistent": true,
        "dns_names": ["*.eu.example.org"], "clusters": ["any", "eu-1"], "policies": [] });
    let order = json!({ "username": "olaf", "password": PASSWORD, "role": "operator", "limits": limits });
    assert_eq!(at.admin().post("/api/v1/users", &order).await.status, 201);
    let form = "/admin/users/olaf/change";
    let shown = browser.get(form).await.text;
    for part in ["value=\"36h\"", "*.eu.example.org</textarea>", "name=\"role.proxy\" value=\"on\" checked"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let fields = [("role", "analyst"), ("role.proxy", "on"), ("max_ttl", "36h"), ("max_uses", "3")];
    let more = [("persistent", "on"), ("dns_names", "*.eu.example.org"), ("clusters", "any\r\neu-1")];
    let said = browser.submit(form, form, &[&fields[..], &more[..]].concat()).await;
    assert_eq!(said.status, 303, "{}", said.text);
    let changed = user(&at, "olaf").await;
    assert_eq!((&changed["role"], &changed["limits"]), (&json!("analyst"), &limits), "{changed}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_change_of_a_user_is_refused() {
    let at = Running::start().await;
    at.user("olaf", PASSWORD, "operator").await;
    let browser = Browser::admin(&at).await;
    for step in ["change", "disable", "delete"] {
        let form = format!("/admin/users/olaf/{step}");
        let hidden = browser.hidden(&form, &form).await;
        let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let sent = hidden.chain([("role", "viewer")]).collect::<Vec<_>>();
        let limits = json!({ "limits": { "max_ttl": if step == "disable" { "2h" } else { "3h" } } });
        assert_eq!(at.admin().patch("/api/v1/users/olaf", &limits).await.status, 200);
        let stale = browser.post_bare(&form, &sent).await;
        assert_eq!(stale.status, 412, "{step}: {}", stale.text);
        assert!(stale.text.contains("Somebody changed this"), "{step}: {}", stale.text);
        assert_eq!(browser.post(&form, &[("role", "viewer")]).await.status, 412, "{step} without a version");
    }
    let kept = user(&at, "olaf").await;
    assert_eq!((&kept["role"], &kept["disabled"]), (&json!("operator"), &json!(false)), "{kept}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_disabled_and_enabled() {
    let at = Running::start().await;
    at.user("olaf", PASSWORD, "operator").await;
    let (browser, theirs) = (Browser::admin(&at).await, Browser::sign_in(&at, "olaf", PASSWORD).await);
    let (disable, enable) = ("/admin/users/olaf/disable", "/admin/users/olaf/enable");
    assert_eq!(browser.submit(disable, disable, &[]).await.status, 303);
    assert_eq!(theirs.get("/tokens").await.status, 303, "signed out");
    let page = browser.get("/admin/users/olaf").await.text;
    assert!(page.contains(">disabled</mark>") && page.contains(enable) && !page.contains(disable), "{page}");
    assert_eq!(browser.submit(enable, enable, &[]).await.status, 303);
    assert_eq!(user(&at, "olaf").await["disabled"], false);
    let last = "/admin/users/admin/disable";
    let said = browser.submit(last, last, &[("current_password", PASSWORD)]).await;
    assert_eq!(said.status, 409, "{}", said.text);
    assert!(said.text.contains("the last enabled admin"), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_signed_out_and_deleted() {
    let at = Running::start().await;
    at.user("olaf", PASSWORD, "operator").await;
    at.api_key(&at.stranger().basic("olaf", PASSWORD), json!({ "scopes": ["tokens:write"] })).await;
    let (browser, theirs) = (Browser::admin(&at).await, Browser::sign_in(&at, "olaf", PASSWORD).await);
    let form = "/admin/users/olaf/sign-out";
    assert_eq!(browser.submit(form, form, &[]).await.status, 303);
    assert_eq!(theirs.get("/tokens").await.status, 303, "signed out");
    let form = "/admin/users/olaf/delete";
    assert!(browser.get(form).await.text.contains("with every session and 1 API key."));
    let said = browser.submit(form, form, &[]).await;
    assert_eq!((said.status, &said.headers["location"]), (303, &"/admin/users".parse().unwrap()));
    assert_eq!(browser.get("/admin/users/olaf").await.status, 404);
    let admin = browser.get("/admin/users/admin").await.text;
    assert!(!admin.contains("/admin/users/admin/delete"), "{admin}");
    let refused = browser.get("/admin/users/admin/delete").await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert!(refused.text.contains("take the role away first"), "{}", refused.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_set_for_a_user() {
    let at = Running::start().await;
    at.user("olaf", PASSWORD, "operator").await;
    let browser = Browser::admin(&at).await;
    let form = "/admin/users/olaf/password";
    let sent = [("password", FIRST), ("again", FIRST), ("current_password", PASSWORD)];
    let said = browser.submit(form, form, &sent).await;
    assert_eq!(said.status, 303, "{}", said.text);
    assert_eq!(Browser::sign_in(&at, "olaf", FIRST).await.get("/tokens").await.status, 200);
    at.stop().await;
}
