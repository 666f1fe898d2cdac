//! Who leaves before their password is judged: it is judged nevertheless, as what it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::support::wire::Wire;

/// Where this machine's clients come from.
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Asks with this name and password, and leaves while it is held back.
async fn ask_and_leave(at: &Running, name: &str, password: &str) {
    let held = async || {
        let told = at.stranger().get("/metrics").await.text;
        let count = |line: &str| line.strip_prefix("gatepass_sign_ins_held_back_total ")?.parse::<u32>().ok();
        told.lines().find_map(count).unwrap_or(0)
    };
    let before = held().await;
    let credential = STANDARD.encode(format!("{name}:{password}"));
    let mut wire = Wire::open(at).await;
    let lines = format!("host: a\r\nauthorization: Basic {credential}\r\n");
    wire.write(&format!("GET /api/v1/roles HTTP/1.1\r\n{lines}\r\n")).await;
    eventually("it is held back", async || (held().await > before).then_some(())).await;
    drop(wire);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_before_the_hold_ends_gets_in_with_the_next_try_and_was_never_refused() {
    let at = Running::start_with(&[("limits.refused_address", "1/h")]).await;
    assert!(sign_in(&at.authority, 1, "admin", PASSWORD).await.is_ok());
    guess(&at.authority, "admin").await;
    // The proof of the first sign-in is forgotten.
    at.clock.advance(Duration::from_secs(61));
    ask_and_leave(&at, "admin", PASSWORD).await;
    assert_eq!(at.admin().get("/api/v1/roles").await.status, 200);
    assert!(!at.authority.throttles.refuses(HERE));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_in_the_ledger_although_who_showed_it_left() {
    let at = Running::start_with(&[("limits.refused_address", "1/h")]).await;
    at.user("alex", PASSWORD, "operator").await;
    assert_eq!(at.stranger().bearer("gps_wrong").get("/api/v1/roles").await.status, 401);
    ask_and_leave(&at, "alex", WRONG).await;
    let told = eventually("it is told", async || {
        at.authority.ledger.write_refusals().await.unwrap();
        let entries = at.ledger().await;
        entries.into_iter().find(|entry| {
            entry["action"] == "sign_in_refused" && entry["subjects"]["user"].as_str() == Some("alex")
        })
    })
    .await;
    assert_eq!(told["reason"], "wrong_password", "{told}");
    at.stop().await;
}
