//! The forms of outputs. Their secrets are write-only.

use serde_json::{Value, json};

use super::{INJECTED, send};
use crate::dashboard::Browser;
use crate::dashboard::browser::unescaped;
use crate::support::{Running, Said};

/// Secrets that no answer may repeat.
const SECRETS: [&str; 3] = ["first-password-4711", "second-password-0815", " third password "];

/// Fails if the page has one of the secrets.
fn has_no_secret(said: &Said) {
    for secret in SECRETS {
        assert!(!unescaped(&said.text).contains(secret.trim()), "{secret}: {}", said.text);
    }
}

async fn stored(at: &Running, id: &str) -> Value {
    at.admin().get(&format!("/api/v1/outputs/{id}")).await.json
}

/// Creates a Kafka output with the form; its id.
async fn create(browser: &Browser, name: &str) -> String {
    let fields = [
        ("name", name),
        ("hosts", "kafka-1.example.org:9092\r\nkafka-2.example.org:9092"),
        ("auth", "user_pass"),
        ("username", "agent"),
        ("password", SECRETS[0]),
    ];
    let said = browser.submit("/outputs/new?type=kafka", "/outputs/new", &fields).await;
    assert_eq!(said.status, 303, "{}", said.text);
    said.headers["location"].to_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_repeats_a_secret() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let refused =
        [("name", "events"), ("hosts", "localhost:1"), ("auth", "user_pass"), ("password", SECRETS[0])];
    let refused = browser.submit("/outputs/new?type=kafka", "/outputs/new", &refused).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(
        refused.text.contains("value=\"events\"") && refused.text.contains("User name:"),
        "{}",
        refused.text
    );
    has_no_secret(&refused);
    let id = create(&browser, INJECTED).await;
    for path in [format!("/outputs/{id}"), format!("/outputs/{id}/edit"), "/policies".to_owned()] {
        let said = browser.get(&path).await;
        assert_eq!(said.status, 200, "{path}: {}", said.text);
        has_no_secret(&said);
        assert!(!said.text.contains(INJECTED) && unescaped(&said.text).contains(INJECTED), "{path}");
    }
    let form = format!("/outputs/{id}/edit");
    let refused = send(&browser, &form, &[("hosts", "nowhere"), ("password", SECRETS[1])]).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    has_no_secret(&refused);
    let key = "-----BEGIN PRIVATE KEY-----\r\nMC4CAQAwBQYDK2Vw\r\n-----END PRIVATE KEY-----";
    let refused = send(&browser, &form, &[("ca", key)]).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(!refused.text.contains("MC4CAQAwBQYDK2Vw"), "{}", refused.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blank_secret_stays() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let id = create(&browser, "events").await;
    let form = format!("/outputs/{id}/edit");
    let said = send(&browser, &form, &[("name", "audit")]).await;
    assert_eq!(said.status, 303, "{}", said.text);
    let after = stored(&at, &id).await;
    assert_eq!((&after["name"], &after["password"]), (&json!("audit"), &json!({ "set": true })), "{after}");
    assert_eq!(after["sasl_mechanism"], "SCRAM-SHA-512", "{after}");
    let moved = send(&browser, &form, &[("hosts", "kafka-9.example.org:9092")]).await;
    assert_eq!(moved.status, 400, "{}", moved.text);
    assert!(moved.text.contains("Password: give it again"), "{}", moved.text);
    let password = [("hosts", "kafka-9.example.org:9092"), ("password", SECRETS[2])];
    assert_eq!(send(&browser, &form, &password).await.status, 303);
    assert_eq!(stored(&at, &id).await["hosts"], json!(["kafka-9.example.org:9092"]));
    let open = send(&browser, &form, &[("auth", "none")]).await;
    assert_eq!(open.status, 303, "{}", open.text);
    let after = stored(&at, &id).await;
    assert!(after.get("password").is_none() && after.get("username").is_none(), "{after}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_of_a_policy_is_not_deleted() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let id = create(&browser, "events").await;
    assert_eq!(create(&browser, "events").await, id, "the second form leads to the output of the first");
    let other = [("name", "events"), ("hosts", "kafka-1.example.org:9092\nkafka-2.example.org:9092")];
    let other =
        [&other[..], &[("auth", "user_pass"), ("username", "agent"), ("password", SECRETS[1])]].concat();
    let other = browser.submit("/outputs/new?type=kafka", "/outputs/new", &other).await;
    assert_eq!(other.status, 409, "another secret: {}", other.text);
    let again = [("name", "events"), ("hosts", "kafka-1.example.org:9092"), ("auth", "none")];
    let again = browser.submit("/outputs/new?type=kafka", "/outputs/new", &again).await;
    assert_eq!(again.status, 409, "{}", again.text);
    let field = format!("output.{id}");
    let made = browser.submit("/policies/new", "/policies/new", &[("name", "edge"), (&field, "on")]).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let policy = made.headers["location"].to_str().unwrap();
    let shows = browser.get(policy).await.text;
    assert!(shows.contains(&format!("href=\"/outputs/{id}\"")), "{shows}");
    let page = format!("/outputs/{id}/delete");
    assert!(browser.get(&page).await.text.contains("A policy has the output"));
    assert_eq!(browser.post(&page, &[("revision", "1")]).await.status, 409);
    let edit = format!("{policy}/edit");
    assert_eq!(send(&browser, &edit, &[(&field, "")]).await.status, 303);
    for fields in [&[][..], &[("revision", "9")]] {
        assert_eq!(browser.post(&page, fields).await.status, 412);
        assert_eq!(browser.post(&format!("/outputs/{id}/edit"), fields).await.status, 412);
    }
    assert_eq!(browser.submit(&page, &page, &[]).await.status, 303);
    assert_eq!(browser.get(&format!("/outputs/{id}")).await.status, 404);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_output_form_shows_the_present_values() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let id = create(&browser, "events").await;
    let path = format!("/api/v1/outputs/{id}");
    assert_eq!(at.admin().patch(&path, &json!({ "name": "renamed" })).await.status, 200);
    let typed = [("name", "typed"), ("auth", "user_pass"), ("password", SECRETS[1]), ("revision", "1")];
    let stale = browser.post(&format!("/outputs/{id}/edit"), &typed).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    assert!(stale.text.contains("Enter your changes again."), "{}", stale.text);
    assert!(stale.text.contains("value=\"renamed\"") && stale.text.contains("name=\"revision\" value=\"2\""));
    assert!(!stale.text.contains("value=\"typed\""), "{}", stale.text);
    has_no_secret(&stale);
    assert_eq!(stored(&at, &id).await["name"], "renamed");
    at.stop().await;
}

/// Sends the form of [`create`] for the output `events` with this password.
async fn repeat(browser: &Browser, password: &str) -> Said {
    let fields = [
        ("name", "events"),
        ("hosts", "kafka-1.example.org:9092\r\nkafka-2.example.org:9092"),
        ("auth", "user_pass"),
        ("username", "agent"),
        ("password", password),
    ];
    browser.submit("/outputs/new?type=kafka", "/outputs/new", &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_or_old_output_confirms_no_secret() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let id = create(&browser, "events").await;
    assert_eq!(repeat(&browser, SECRETS[0]).await.status, 303);
    at.clock.advance(std::time::Duration::from_secs(3601));
    let browser = Browser::admin(&at).await;
    let late = repeat(&browser, SECRETS[0]).await;
    assert_eq!(late.status, 409, "{}", late.text);
    let path = format!("/api/v1/outputs/{id}");
    assert_eq!(at.admin().delete(&path).await.status, 200);
    let path = format!("/api/v1/outputs/{}", create(&browser, "events").await);
    assert_eq!(at.admin().patch(&path, &json!({ "password": SECRETS[1] })).await.status, 200);
    for secret in [SECRETS[0], SECRETS[1]] {
        let guess = repeat(&browser, secret).await;
        assert_eq!(guess.status, 409, "{}", guess.text);
        has_no_secret(&guess);
    }
    at.stop().await;
}
