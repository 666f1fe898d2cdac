//! The administration: users, API keys and the settings of the authority.

mod backup;
mod keys;
mod settings;
mod trust;
mod users;

use super::Browser;
use super::browser::unescaped;
use crate::support::Running;
use crate::support::authority::PASSWORD;

const INJECTED: &str = "<img src=x onerror=alert(1)>";

#[tokio::test(flavor = "multi_thread")]
async fn a_user_sees_only_its_own_administration() {
    let at = Running::start().await;
    at.user("vera", PASSWORD, "viewer").await;
    at.user("olaf", PASSWORD, "operator").await;
    let admin = Browser::admin(&at).await.get("/admin").await.text;
    assert!(admin.contains("href=\"/admin/users\"") && admin.contains("href=\"/admin/keys\""), "{admin}");
    for name in ["vera", "olaf"] {
        let browser = Browser::sign_in(&at, name, PASSWORD).await;
        let shown = browser.get("/admin").await.text;
        assert!(!shown.contains("/admin/users") && shown.contains("/admin/keys"), "{shown}");
        let made = [("name", "eve"), ("role", "admin"), ("password", PASSWORD), ("again", PASSWORD)];
        assert_eq!(browser.post("/admin/new-user", &made).await.status, 403, "{name}");
        assert_eq!(browser.post("/admin/users/admin/disable", &[]).await.status, 403, "{name}");
    }
    at.stop().await;
}
