//! The charts of the overview.

use serde_json::json;

use super::Browser;
use crate::support::authority::PASSWORD;
use crate::support::{Host, Running, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_authority_has_quiet_charts() {
    let at = Running::start().await;
    let overview = Browser::admin(&at).await.get("/").await.text;
    assert_eq!(overview.matches("No enrollments and no refusals.").count(), 2, "{overview}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_count_enrollments_and_refusals() {
    let at = Running::start().await;
    at.user("vera", PASSWORD, "viewer").await;
    let minted = at.mint(json!({ "roles": ["proxy"] })).await;
    let token = minted["token"].as_str().unwrap();
    assert_eq!(Host::new().redeem(&at, token).await.status, 200);
    assert_eq!(Host::new().redeem(&at, token).await.status, 410);
    let browser = Browser::admin(&at).await;
    let overview = eventually("the refusal is recorded", async || {
        let overview = browser.get("/").await.text;
        overview.contains("1 refused").then_some(overview)
    });
    let overview = overview.await;
    assert_eq!(overview.matches("<small>1 enrolled, 1 refused</small>").count(), 2, "{overview}");
    assert_eq!(overview.matches("role=\"img\"").count(), 2, "{overview}");
    assert!(!overview.contains("style="), "the policy forbids it: {overview}");

    let viewer = Browser::sign_in(&at, "vera", PASSWORD).await.get("/").await.text;
    assert_eq!(viewer.matches("</h2><small>1 enrolled</small>").count(), 2, "{viewer}");
    assert!(!viewer.to_lowercase().contains("refus"), "{viewer}");
    at.stop().await;
}

/// An unknown token is refused without a trace in the database, so no counter has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_moves_no_counter() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let minted = at.mint(json!({ "roles": ["proxy"] })).await;
    let token = minted["token"].as_str().unwrap();
    let unknown = format!("{}AAAA", &token[..token.len() - 4]);
    assert_eq!(Host::new().redeem(&at, &unknown).await.status, 401);
    // The refusal that is recorded comes after the one of the stranger.
    assert_eq!(Host::new().redeem(&at, token).await.status, 200);
    assert_eq!(Host::new().redeem(&at, token).await.status, 410);
    let overview = eventually("the recorded refusal is counted", async || {
        let overview = browser.get("/").await.text;
        (!overview.contains(" 0 refused</small>")).then_some(overview)
    });
    assert!(overview.await.contains("<small>1 enrolled, 1 refused</small>"));
    at.stop().await;
}
