//! The rights to pages: the table's permission, the session cookie, and the CSRF token of every form.

use gatepass::access::Permission;
use http::header::{ACCEPT, AUTHORIZATION, COOKIE, ORIGIN};
use http::{HeaderName, Method};

use super::Browser;
use crate::support::Running;
use crate::support::authority::PASSWORD;

/// The addresses of the pages, with an id that no token or host has.
fn addresses(method: &Method) -> Vec<(String, Permission)> {
    let rows = gatepass::dashboard::routes().into_iter().filter(|row| row.method == *method);
    let pages = rows.filter(|row| !matches!(row.permission, Permission::Anyone | Permission::SignIn));
    let address = |path: &str| {
        path.replace("{id}", "01a22e17-70d8-7f58-981b-a46dda06d27f")
            .replace("{name}", "nobody")
            .replace("{ski}", "ab")
    };
    pages.filter(|row| row.path != "/events").map(|row| (address(row.path), row.permission)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_without_a_session_signs_in_first() {
    let at = Running::start().await;
    let browser = at.stranger().header(ACCEPT, "text/html").header(ORIGIN, &at.url);
    for (path, _) in addresses(&Method::GET) {
        let said = browser.get(&path).await;
        assert_eq!(said.status, 303, "{path}: {}", said.text);
        let next = if path == "/" {
            "/sign-in".to_owned()
        } else {
            format!("/sign-in?next={}", path.replace('/', "%2F"))
        };
        assert_eq!(said.headers["location"], next.as_str());
    }
    for (path, _) in addresses(&Method::POST) {
        let said = browser.post_form(&path, String::new()).await;
        assert_eq!(said.status, 303, "{path}: {}", said.text);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_credential_opens_a_page() {
    let at = Running::start().await;
    let basic = at.admin().header(ACCEPT, "text/html");
    let bearer = at.stranger().header(ACCEPT, "text/html").header(AUTHORIZATION, "Bearer gps_x");
    for client in [basic, bearer] {
        for (path, _) in addresses(&Method::GET) {
            assert_eq!(client.get(&path).await.status, 303, "{path}");
        }
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_opens_only_the_pages_of_its_role() {
    let at = Running::start().await;
    at.user("vera", PASSWORD, "viewer").await;
    let viewer = Browser::sign_in(&at, "vera", PASSWORD).await;
    let may = |permission| {
        !matches!(
            permission,
            Permission::WriteTokens
                | Permission::WriteHosts
                | Permission::WritePolicies
                | Permission::ReadLedger
                | Permission::Administer
        )
    };
    for (path, permission) in addresses(&Method::GET) {
        let status = viewer.get(&path).await.status;
        assert_eq!(status != 403, may(permission), "{path}: {status}");
    }
    let acts = addresses(&Method::POST).into_iter().filter(|(_, permission)| !may(*permission));
    for (path, _) in acts {
        assert_eq!(viewer.post(&path, &[]).await.status, 403, "{path}");
    }
    let overview = viewer.get("/").await.text;
    assert!(!overview.contains("/add-host") && !overview.contains("Newest decisions"), "{overview}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_needs_its_token_and_its_origin() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    for (path, _) in addresses(&Method::POST) {
        let said = browser.post_bare(&path, &[]).await;
        assert_eq!(said.status, 403, "{path}: {}", said.text);
        let said = browser.post_bare(&path, &[("csrf_token", "x")]).await;
        assert_eq!(said.status, 403, "{path}: {}", said.text);
        assert!(said.text.contains("earlier session"), "{path}: {}", said.text);
    }
    let form = browser.hidden("/account", "/sign-out").await;
    let body = format!("csrf_token={}", form[0].1);
    let plain = at.stranger().header(COOKIE, browser.cookie()).header(ACCEPT, "text/html");
    assert_eq!(plain.post_form("/sign-out", body.clone()).await.status, 403, "without Origin");
    let foreign = at.stranger().header(COOKIE, browser.cookie()).header(ORIGIN, "https://evil.example");
    assert_eq!(foreign.post_form("/sign-out", body).await.status, 403, "of another site");
    let sign_in = at.stranger().post_form("/sign-in", format!("username=admin&password={PASSWORD}")).await;
    assert_eq!(sign_in.status, 403, "{}", sign_in.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_the_strict_policy() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let missing = "/tokens/01a22e17-70d8-7f58-981b-a46dda06d27f";
    for (path, status) in
        [("/", 200), ("/account", 200), (missing, 404), ("/nowhere", 404), ("/add-host", 200)]
    {
        let said = browser.get(path).await;
        assert_eq!(said.status, status, "{path}: {}", said.text);
        assert!(said.headers["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
        let policy = said.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}: {policy}");
        assert_eq!(said.headers["referrer-policy"], "same-origin");
        assert_eq!(said.headers["x-content-type-options"], "nosniff");
        assert_eq!(said.headers["cache-control"], "no-store");
    }
    let line = at.stranger().get("/").await;
    assert!(line.text.starts_with("gatepass, an enrollment authority."), "{}", line.text);
    let missing = at.stranger().get("/nowhere").await;
    assert_eq!(missing.headers["content-type"], "application/problem+json");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_does_not_prolong_the_session() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let minutes = |number: u64| std::time::Duration::from_secs(number * 60);
    let client = at.stranger().header(COOKIE, browser.cookie()).header(ACCEPT, "text/html");
    let refreshing = at.stranger().header(COOKIE, browser.cookie()).header(ACCEPT, "text/html");
    let refreshing = refreshing.header(HeaderName::from_static("x-page-refresh"), "1");
    at.clock.advance(minutes(20));
    assert_eq!(client.get("/tokens").await.status, 200, "a use");
    at.clock.advance(minutes(20));
    assert_eq!(refreshing.get("/tokens").await.status, 200, "no use");
    at.clock.advance(minutes(11));
    assert_eq!(client.get("/tokens").await.status, 303, "31 minutes after the last use");
    at.stop().await;
}
