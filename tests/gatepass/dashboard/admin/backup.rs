//! The newest backup on its page, the button that makes one, and the first step that names it.

use std::fs;

use super::{Browser, PASSWORD, Running};

const BACKUP: &str = "/admin/backup";

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_a_directory_names_the_command() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let page = browser.get(BACKUP).await.text;
    assert!(page.contains("<dd>none</dd>") && page.contains("gatepass backup FILE --with-keys"), "{page}");
    assert!(!page.contains("Back up now"), "{page}");
    assert!(browser.get("/").await.text.contains("<b>Backup</b>"), "a first step");
    let refused = browser.post(BACKUP, &[]).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_button_makes_a_backup() {
    let dir = tempfile::tempdir().unwrap();
    let at = Running::start_with(&[("backup.directory", dir.path().to_str().unwrap())]).await;
    let browser = Browser::admin(&at).await;
    assert!(browser.get(BACKUP).await.text.contains("Back up now"));
    let made = browser.post(BACKUP, &[]).await;
    assert_eq!(made.status, 303, "{}", made.text);
    assert_eq!(made.headers["location"], BACKUP);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    let page = browser.get(BACKUP).await.text;
    assert!(!page.contains("<dd>none</dd>"), "{page}");
    assert!(!browser.get("/").await.text.contains("<b>Backup</b>"), "the step is done");
    at.user("olaf", PASSWORD, "operator").await;
    let operator = Browser::sign_in(&at, "olaf", PASSWORD).await;
    assert_eq!(operator.get(BACKUP).await.status, 403);
    at.stop().await;
}
