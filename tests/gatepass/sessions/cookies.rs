//! Sessions of pages: a cookie alone changes nothing.

use std::time::Duration;

use http::HeaderName;
use http::header::COOKIE;
use serde_json::{Value, json};

use super::{SESSION, begin, works};
use crate::support::authority::PASSWORD;
use crate::support::client::Client;
use crate::support::{Running, Said};

const TOKENS: &str = "/api/v1/enrollment-tokens";

/// The cookie of a `Set-Cookie`, as a browser sends it back.
fn cookie_of(said: &Said) -> String {
    said.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

fn with(client: Client, headers: &[(&'static str, &str)]) -> Client {
    headers.iter().fold(client, |client, (name, value)| client.header(HeaderName::from_static(name), value))
}

fn browser(at: &Running, cookie: &str) -> Client {
    at.stranger().header(COOKIE, cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_only_in_the_cookie() {
    let at = Running::start().await;
    let said = begin(&at, "cookie").await;
    let cookie = said.headers["set-cookie"].to_str().unwrap();
    let secret = cookie.strip_prefix("__Host-gatepass=").unwrap().split(';').next().unwrap();
    let attributes = &cookie["__Host-gatepass=".len() + secret.len()..];
    assert_eq!(attributes, "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200");
    assert!(secret.starts_with("gps_") && !said.text.contains(secret), "{}", said.text);
    let shown = browser(&at, &cookie_of(&said)).get(SESSION).await;
    assert_eq!(shown.json["csrf_token"], said.json["csrf_token"]);
    assert!(!said.json["csrf_token"].as_str().unwrap().is_empty());
    assert!(!shown.text.contains(secret));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_acts_only_for_our_pages() {
    let at = Running::start().await;
    let said = begin(&at, "cookie").await;
    let (cookie, csrf) = (cookie_of(&said), said.json["csrf_token"].as_str().unwrap().to_owned());
    let own = at.url.clone();
    let table: [(&[(&'static str, &str)], bool); 10] = [
        (&[], false),
        (&[("x-csrf-token", "")], false),
        (&[("x-csrf-token", "wrong")], false),
        (&[("origin", &own), ("sec-fetch-site", "same-origin")], false),
        (&[("x-csrf-token", &csrf)], true),
        (&[("x-csrf-token", &csrf), ("origin", &own), ("sec-fetch-site", "same-origin")], true),
        (&[("x-csrf-token", &csrf), ("origin", "https://evil.example")], false),
        (&[("x-csrf-token", &csrf), ("origin", "null")], false),
        (&[("x-csrf-token", &csrf), ("sec-fetch-site", "cross-site")], false),
        (&[("x-csrf-token", &csrf), ("sec-fetch-site", "same-site")], false),
    ];
    for (headers, passes) in table {
        let client = with(browser(&at, &cookie), headers);
        assert_eq!(client.get("/api/v1/roles").await.status, 200, "{headers:?}");
        let said = client.post(TOKENS, &json!({ "roles": ["proxy"] })).await;
        let expected = if passes { (201, "") } else { (403, "csrf") };
        assert_eq!((said.status, said.code()), expected, "{headers:?}");
    }
    let refused = browser(&at, &cookie).delete(SESSION).await;
    assert_eq!((refused.status, refused.code()), (403, "csrf"), "not even signing out");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_keeps_no_session_alive() {
    let at = Running::start().await;
    let cookie = cookie_of(&begin(&at, "cookie").await);
    for _ in 0..2 {
        at.clock.advance(Duration::from_secs(20 * 60));
        let evil = with(browser(&at, &cookie), &[("origin", "https://evil.example")]);
        let refused = evil.post(TOKENS, &json!({})).await;
        assert!(matches!(refused.status, 401 | 403), "{}", refused.text);
    }
    assert!(!works(&browser(&at, &cookie)).await, "it was not used for 40 minutes");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_takes_the_cookie_back() {
    let at = Running::start().await;
    let said = begin(&at, "cookie").await;
    let (cookie, csrf) = (cookie_of(&said), said.json["csrf_token"].as_str().unwrap());
    let client = with(browser(&at, &cookie), &[("x-csrf-token", csrf)]);
    let ended = client.delete(SESSION).await;
    assert_eq!(ended.status, 200, "{}", ended.text);
    let cleared = ended.headers["set-cookie"].to_str().unwrap();
    assert_eq!(cleared, "__Host-gatepass=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    assert!(!works(&browser(&at, &cookie)).await);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_works_only_as_its_kind() {
    let at = Running::start().await;
    let cookie = cookie_of(&begin(&at, "cookie").await);
    let secret = cookie.strip_prefix("__Host-gatepass=").unwrap();
    assert!(works(&browser(&at, &cookie)).await);
    assert!(!works(&at.stranger().bearer(secret)).await);
    let bearer = super::bearer(&at).await;
    assert!(!works(&browser(&at, &format!("__Host-gatepass={bearer}"))).await);
    assert!(!works(&browser(&at, &format!("{cookie}; {cookie}"))).await, "two cookies of that name");
    let basic = browser(&at, &cookie).basic("admin", "wrong horse battery staple");
    assert!(!works(&basic).await, "a wrong password is not made good by a cookie");
    let token = at.mint_once().await;
    let redeeming = browser(&at, &cookie);
    let said = redeeming.post("/api/v1/bootstrap", &json!({ "csr": "none", "token": token })).await;
    assert_eq!(said.status, 422, "a cookie has no say where tokens are redeemed");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_password_serves_no_other_site() {
    let at = Running::start().await;
    let own = at.url.clone();
    let mint = json!({ "roles": ["proxy"] });
    for headers in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        let client = with(at.admin(), &[headers]);
        let said = client.post(TOKENS, &mint).await;
        assert_eq!((said.status, said.code()), (403, "csrf"), "{headers:?}");
        let said = client.send(http::Method::POST, "/api/v1/users/admin/sign-out", None).await;
        assert_eq!((said.status, said.code()), (403, "csrf"), "{headers:?}");
        assert_eq!(
            client.get(TOKENS).await.status,
            200,
            "what only reads is kept from pages by their browser"
        );
    }
    let ours = with(at.admin(), &[("origin", &own), ("sec-fetch-site", "same-origin")]);
    assert_eq!(ours.post(TOKENS, &mint).await.status, 201);
    let key = at.api_key(&at.admin(), json!({ "scopes": ["tokens:write"] })).await;
    let [id, text] = ["id", "api_key"].map(|field| key[field].as_str().unwrap().to_owned());
    let evil = [("origin", "https://evil.example")];
    let kept = with(at.stranger().basic(&id, &text), &evil);
    assert_eq!(kept.post(TOKENS, &json!({})).await.code(), "csrf", "nor as the password of an API key");
    let shown = with(at.stranger().bearer(&text), &evil);
    assert_eq!(shown.post(TOKENS, &json!({})).await.status, 201, "no browser adds this automatically");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_opens_no_password_dialog() {
    let at = Running::start().await;
    let challenge = |said: Said| said.headers["www-authenticate"].to_str().unwrap().to_owned();
    let over = browser(&at, "__Host-gatepass=gps_over").get(TOKENS).await;
    assert_eq!((over.status, challenge(over)), (401, "Bearer realm=\"gatepass\"".to_owned()));
    let wrong = browser(&at, "__Host-gatepass=gps_over").basic("admin", "wrong").get(TOKENS).await;
    assert_eq!((wrong.status, challenge(wrong)), (401, "Bearer realm=\"gatepass\"".to_owned()));
    assert!(challenge(at.stranger().get(TOKENS).await).starts_with("Basic "));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_signs_nobody_in() {
    let at = Running::start().await;
    let body: Value = json!({ "username": "admin", "password": PASSWORD, "kind": "cookie" });
    for headers in [[("origin", "https://evil.example")], [("sec-fetch-site", "cross-site")]] {
        let said = with(at.stranger(), &headers).post(SESSION, &body).await;
        assert_eq!((said.status, said.code()), (403, "csrf"));
        assert!(!said.headers.contains_key("set-cookie"));
    }
    let own = at.url.clone();
    let said = with(at.stranger(), &[("origin", &own), ("sec-fetch-site", "same-origin")])
        .post(SESSION, &body)
        .await;
    assert_eq!(said.status, 201, "{}", said.text);
    at.stop().await;
}
