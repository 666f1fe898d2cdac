//! The end of sessions.

use std::time::Duration;

use gatepass::access::password;
use gatepass::secret::Secret;
use gatepass::service::Caller;

use super::{SESSION, bearer, begin, works};
use crate::support::authority::PASSWORD;
use crate::support::{Running, database, eventually};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_out_session_is_refused() {
    let at = Running::start().await;
    let (secret, other) = (bearer(&at).await, bearer(&at).await);
    let client = at.stranger().bearer(&secret);
    assert!(works(&client).await);
    let said = client.delete(SESSION).await;
    assert_eq!((said.status, said.json["signed_out"].as_str()), (200, Some("here")));
    assert!(!works(&client).await);
    assert_eq!(client.delete(SESSION).await.status, 401);
    assert!(works(&at.stranger().bearer(&other)).await);
    assert!(works(&at.admin()).await);
    assert_eq!(at.entries("session_ended").await, 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_everywhere_ends_sessions_and_proofs() {
    let at = Running::start().await;
    let (secret, other) = (bearer(&at).await, bearer(&at).await);
    let said = at.stranger().bearer(&secret).delete(&format!("{SESSION}?everywhere=true")).await;
    assert_eq!((said.status, said.json["signed_out"].as_str()), (200, Some("everywhere")), "{}", said.text);
    for secret in [&secret, &other] {
        assert!(!works(&at.stranger().bearer(secret)).await);
    }
    let user = at.store.user("admin".to_owned()).await.unwrap().unwrap();
    assert_eq!(user.epoch, 1, "no proof of the password is of this epoch");
    assert!(works(&at.admin()).await);
    assert_eq!((at.entries("user_signed_out").await, at.entries("session_ended").await), (1, 0));
    assert_eq!(at.admin().delete(&format!("{SESSION}?everywhere=perhaps")).await.status, 400);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_and_disabling_end_sessions_at_once() {
    let at = Running::start().await;
    let client = at.stranger().bearer(&bearer(&at).await);
    let hash = password::hash(&Secret::new(PASSWORD.to_owned()), "admin").unwrap();
    at.authority.accounts.set_password(&Caller::SYSTEM, "admin", hash).await.unwrap();
    assert!(!works(&client).await, "even if it is the same password");
    let client = at.stranger().bearer(&bearer(&at).await);
    assert!(works(&client).await);
    database::execute(at.data_dir(), "UPDATE users SET disabled_at = 1");
    assert!(!works(&client).await);
    assert!(!works(&at.admin()).await);
    let body = serde_json::json!({ "username": "admin", "password": PASSWORD });
    assert_eq!(at.stranger().post(SESSION, &body).await.status, 401);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unused_session_ends_after_half_an_hour() {
    let at = Running::start().await;
    let (used, idle) = (bearer(&at).await, bearer(&at).await);
    let used = at.stranger().bearer(&used);
    for _ in 0..3 {
        at.clock.advance(29 * MINUTE);
        assert!(works(&used).await);
    }
    assert!(!works(&at.stranger().bearer(&idle)).await);
    at.clock.advance(30 * MINUTE);
    assert!(!works(&used).await);
    assert!(!works(&used).await, "asking does not bring it back");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_session_ends_after_twelve_hours() {
    let at = Running::start().await;
    let begun = begin(&at, "bearer").await;
    let client = at.stranger().bearer(begun.json["session"].as_str().unwrap());
    for _ in 0..35 {
        at.clock.advance(20 * MINUTE);
        assert!(works(&client).await);
    }
    let shown = client.get(SESSION).await.json;
    assert_eq!(shown["idle_after"], shown["expires_at"], "it idles no longer than it lives");
    at.clock.advance(20 * MINUTE);
    assert!(!works(&client).await);
    assert_eq!(at.authority.upkeep.collect().await.unwrap().sessions, 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_may_make_sessions_shorter() {
    let at = Running::start_with(&[("sessions.lifetime", "1h"), ("sessions.idle", "10m")]).await;
    let (one, other) = (bearer(&at).await, bearer(&at).await);
    let one = at.stranger().bearer(&one);
    at.clock.advance(9 * MINUTE);
    assert!(works(&one).await);
    at.clock.advance(9 * MINUTE);
    assert!(works(&one).await);
    assert!(!works(&at.stranger().bearer(&other)).await);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_sessions_and_when_they_were_used() {
    let at = Running::start().await;
    let (used, idle) = (bearer(&at).await, bearer(&at).await);
    at.clock.advance(20 * MINUTE);
    assert!(works(&at.stranger().bearer(&used)).await);
    let at = at.restart().await;
    at.clock.advance(20 * MINUTE);
    assert!(works(&at.stranger().bearer(&used)).await);
    assert!(!works(&at.stranger().bearer(&idle)).await);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn use_is_written_together_and_leaves_no_entry() {
    let at = Running::start().await;
    let secrets = [bearer(&at).await, bearer(&at).await];
    let entries = at.ledger().await.len();
    at.clock.advance(MINUTE);
    for secret in &secrets {
        assert!(works(&at.stranger().bearer(secret)).await);
    }
    at.authority.upkeep.write_uses().await.unwrap();
    let now = at.clock_reading().millis();
    eventually("both uses are stored", async || {
        let seen = &database::content(at.data_dir())["sessions"];
        let is_now = |row: &&Vec<rusqlite::types::Value>| row.contains(&rusqlite::types::Value::Integer(now));
        (seen.iter().filter(is_now).count() == 2).then_some(())
    })
    .await;
    assert_eq!(at.ledger().await.len(), entries);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_ones_own_password_ends_ones_other_sessions() {
    let at = Running::start().await;
    let (own, other) = (bearer(&at).await, bearer(&at).await);
    let (own, other) = (at.stranger().bearer(&own), at.stranger().bearer(&other));
    let wrong =
        serde_json::json!({ "current": "wrong horse battery", "new": "another horse, another battery" });
    assert_eq!(own.post("/api/v1/password", &wrong).await.status, 400);
    assert!(works(&other).await);
    let change = serde_json::json!({ "current": PASSWORD, "new": "another horse, another battery" });
    assert_eq!(own.post("/api/v1/password", &change).await.status, 204);
    assert!(works(&own).await, "the session that asked goes on");
    assert!(!works(&other).await);
    assert!(!works(&at.admin()).await, "the old password is refused");
    at.stop().await;
}
