//! I8: every act that changes something has exactly one entry, committed with it; refusals are summed up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::Row;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::authority::{AUDIENCE, token_of};
use crate::support::database::reader;
use crate::support::{Host, Running, Said, eventually, inside};

/// Does `act` and checks that the ledger has exactly the entry `action` more.
async fn entered(at: &Running, action: &str, act: impl Future<Output = Said>) -> Said {
    let before = at.ledger().await.len();
    let said = act.await;
    assert!((200..300).contains(&said.status), "{action}: {}", said.text);
    let after = at.ledger().await;
    let new: Vec<_> = after[..after.len() - before].iter().map(|entry| &entry["action"]).collect();
    assert_eq!(new, [action], "{action}");
    said
}

/// Does `act` and checks that the ledger stays as it is.
async fn silent(at: &Running, what: &str, act: impl Future<Output = Said>) -> Said {
    let before = at.ledger().await;
    let said = act.await;
    at.authority.upkeep.write_refusals().await.unwrap();
    assert_eq!(at.ledger().await, before, "{what}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_acts_on_tokens_have_exactly_one_entry() {
    let at = Running::start().await;
    let admin = at.admin();
    let tokens = "/api/v1/enrollment-tokens";
    let ece = "/api/v1/platform/configuration/security/enrollment-tokens";
    let minted = entered(&at, "token_created", admin.post(tokens, &json!({ "max_uses": 3 }))).await;
    entered(&at, "token_created", admin.post(ece, &json!({ "persistent": true, "roles": null }))).await;
    let (host, token) = (Host::new(), token_of(&minted.json));
    let enrolled = entered(&at, "host_enrolled", host.redeem(&at, &token)).await;
    silent(&at, "a repeat", host.redeem(&at, &token)).await;
    silent(&at, "a list", admin.get(tokens)).await;
    silent(&at, "a refused mint", admin.post(tokens, &json!({ "roles": ["root"] }))).await;
    let path = format!("{tokens}/{}", minted.json["token_id"].as_str().unwrap());
    entered(&at, "token_revoked", admin.delete(&path)).await;
    silent(&at, "a second revocation", admin.delete(&path)).await;
    silent(&at, "a repeat after the revocation", host.redeem(&at, &token)).await;
    let entry = at.ledger().await.into_iter().find(|entry| entry["action"] == "host_enrolled").unwrap();
    assert_eq!(entry["subjects"]["host"], enrolled.json["host_id"]);
    assert_eq!(entry["subjects"]["token"], minted.json["token_id"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_acts_on_service_tokens_have_exactly_one_entry() {
    let at = Running::start_with(&[("tokens.audiences", AUDIENCE)]).await;
    let (admin, tokens) = (at.admin(), "/api/v1/service-tokens");
    let request = json!({ "audience": AUDIENCE, "roles": ["proxy"], "label": "nightly" });
    let minted = entered(&at, "service_token_created", admin.post(tokens, &request)).await;
    let entry = at.ledger().await.remove(0);
    assert_eq!(entry["subjects"]["token"], minted.json["token_id"]);
    assert_eq!(entry["actor"], json!("user:admin"));
    for (name, value) in
        [("audience", json!(AUDIENCE)), ("roles", json!(["proxy"])), ("label", json!("nightly"))]
    {
        assert_eq!(entry["detail"][name], value);
    }
    silent(&at, "a list", admin.get(tokens)).await;
    silent(&at, "a refused mint", admin.post(tokens, &json!({ "audience": "https://other" }))).await;
    silent(&at, "redeeming it", Host::new().redeem(&at, &token_of(&minted.json))).await;
    let path = format!("{tokens}/{}", minted.json["token_id"].as_str().unwrap());
    silent(&at, "the wrong kind", admin.delete(&path.replace("service", "enrollment"))).await;
    entered(&at, "token_revoked", admin.delete(&path)).await;
    silent(&at, "a second revocation", admin.delete(&path)).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_acts_on_hosts_have_exactly_one_entry() {
    let at = Running::start().await;
    let admin = at.admin();
    let (host, next) = (Host::new(), Host::new());
    let enrolled = host.redeem(&at, &at.mint_once().await).await;
    let path = format!("/api/v1/hosts/{}", enrolled.json["host_id"].as_str().unwrap());
    let client = host.client(&at, &enrolled.json);
    silent(&at, "whoami", client.get("/api/v1/whoami")).await;
    let renewal = json!({ "csr": next.csr() });
    let renewed = entered(&at, "host_renewed", client.post("/api/v1/renew", &renewal)).await;
    silent(&at, "a repeated renewal", client.post("/api/v1/renew", &renewal)).await;
    entered(&at, "host_roles_changed", admin.patch(&path, &json!({ "roles": ["proxy"] }))).await;
    silent(&at, "the same roles again", admin.patch(&path, &json!({ "roles": ["proxy"] }))).await;
    let client = next.client(&at, &renewed.json);
    entered(&at, "host_revoked", client.post("/api/v1/leave", &json!({}))).await;
    silent(&at, "a second revocation", admin.delete(&path)).await;
    entered(&at, "key_rotated", admin.post("/api/v1/signing-keys/rotate", &json!({}))).await;
    entered(&at, "ca_rotated", admin.post("/api/v1/ca/rotate", &json!({}))).await;
    entered(&at, "clock_accepted", admin.post("/api/v1/clock/accept", &json!({}))).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_re_enrollment_has_exactly_one_entry() {
    let at = Running::start().await;
    let enrolled = Host::new().redeem(&at, &at.mint_once().await).await.json;
    let path = format!("/api/v1/hosts/{}/reenrollment-token", enrolled["host_id"].as_str().unwrap());
    let minted = entered(&at, "token_created", at.admin().post(&path, &json!({}))).await;
    let (back, token) = (Host::new(), token_of(&minted.json));
    silent(&at, "an unknown field", at.admin().post(&path, &json!({ "cluster": "a" }))).await;
    entered(&at, "host_reenrolled", back.redeem(&at, &token)).await;
    silent(&at, "a repeated re-enrollment", back.redeem(&at, &token)).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_changed_label_has_exactly_one_entry() {
    let (at, host) = (Running::start().await, Host::new());
    let enrolled = host.redeem(&at, &at.mint_once().await).await.json;
    let report = json!({ "hostname": "web-7", "label": "rack 7" });
    silent(&at, "a report", host.client(&at, &enrolled).post("/api/v1/whoami", &report)).await;
    let (admin, label) = (at.admin(), json!({ "label": "rack 7" }));
    let path = format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap());
    entered(&at, "host_label_changed", admin.patch(&path, &label)).await;
    silent(&at, "the same label again", admin.patch(&path, &label)).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_changed_limit_has_exactly_one_entry() {
    let (at, limit) = (Running::start().await, json!({ "node_limit": 500 }));
    let admin = at.admin();
    entered(&at, "settings_changed", admin.put("/api/v1/capacity", &limit)).await;
    silent(&at, "the same limit again", admin.put("/api/v1/capacity", &limit)).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_an_act_and_its_entry_appear_together() {
    let at = Running::start().await;
    let minted = inside::mint(&at.authority, json!({ "max_uses": null })).await.unwrap();
    let (token, done) = (minted.text().expose().clone(), Arc::new(AtomicBool::new(false)));
    // The count of different numbers of hosts. The work continues until there are some, because the readers may start late.
    let seen = Arc::new(AtomicUsize::new(0));
    let mut working = JoinSet::new();
    for _ in 0..4 {
        let (authority, token, seen) = (Arc::clone(&at.authority), token.clone(), Arc::clone(&seen));
        working.spawn(async move {
            let mut done = 0;
            while done < 60 || (seen.load(Ordering::Relaxed) <= 5 && done < 5000) {
                done += 1;
                inside::redeem(&authority, &token, &Host::new().csr(), None).await.unwrap();
                inside::mint(&authority, json!({})).await.unwrap();
            }
        });
    }
    let (data_dir, stop, publish) = (at.data_dir().to_owned(), Arc::clone(&done), Arc::clone(&seen));
    let looking = tokio::task::spawn_blocking(move || {
        let (reader, mut sizes) = (reader(&data_dir), std::collections::BTreeSet::new());
        let sql = "SELECT (SELECT count(*) FROM hosts), (SELECT count(*) FROM ledger WHERE action = 'host_enrolled'), \
                   (SELECT count(*) FROM mints), (SELECT count(*) FROM ledger WHERE action = 'token_created'), \
                   (SELECT head_seq FROM meta), (SELECT count(*) FROM ledger)";
        while !stop.load(Ordering::Relaxed) {
            let counted = |row: &Row<'_>| (0..6).map(|place| row.get(place)).collect();
            let counts: rusqlite::Result<Vec<i64>> =
                reader.query_row(sql, [], |row| Ok(counted(row))).unwrap();
            let counts = counts.unwrap();
            for pair in counts.chunks(2) {
                assert_eq!(pair[0], pair[1], "{counts:?}");
            }
            sizes.insert(counts[0]);
            publish.store(sizes.len(), Ordering::Relaxed);
        }
    });
    working.join_all().await;
    done.store(true, Ordering::Relaxed);
    looking.await.unwrap();
    assert!(seen.load(Ordering::Relaxed) > 5, "it looked while hosts enrolled");
    at.stop().await;
}

/// The entries about refusals with how many each tells of, oldest first.
async fn refusals(at: &Running) -> Vec<(Value, u64)> {
    let entries = at.ledger().await.into_iter().rev().filter(|entry| entry["action"] == "token_refused");
    entries.map(|entry| (entry["reason"].clone(), entry["detail"]["count"].as_u64().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_thousand_refusals_are_an_entry_a_minute() {
    let at = Running::start().await;
    let (token, csr) = (at.mint_once().await, Host::new().csr());
    at.clock.advance(Duration::from_secs(3600));
    let client = at.stranger();
    for number in 0..1000 {
        let said = client.post("/api/v1/bootstrap", &json!({ "token": token, "csr": csr })).await;
        assert_eq!((said.status, said.code()), (410, "token_expired"));
        if number % 100 == 0 {
            // The timer, which also runs automatically, may be late.
            at.authority.upkeep.write_refusals().await.unwrap();
        }
        // The clock of the authority moves for two minutes in the meantime.
        at.clock.advance(Duration::from_millis(if number < 999 { 119 } else { 0 }));
    }
    at.clock.advance(Duration::from_secs(61));
    let told = eventually("all refusals are recorded", async || {
        let told = refusals(&at).await;
        (told.iter().map(|(_, count)| count).sum::<u64>() == 1000).then_some(told)
    })
    .await;
    assert!(told.iter().all(|(reason, _)| reason == "token_expired"));
    assert!((2..=4).contains(&told.len()), "at most one a minute: {told:?}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_stop_writes_every_refusals_entry() {
    let at = Running::start().await;
    let token = at.mint_once().await;
    let named = Host::new().redeem_with(&at, &token, json!({ "name": "node.example.org" })).await;
    assert_eq!(named.status, 403);
    Host::new().redeem(&at, &token).await;
    assert_eq!(Host::new().redeem(&at, &token).await.code(), "token_used");
    // It stops at once: the timer that tells of refusals may not have come round.
    let at = at.restart().await;
    let told = refusals(&at).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(["name_not_allowed", "token_used"].iter().all(|reason| told.contains(&(json!(reason), 1))));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_move_has_exactly_one_entry() {
    let (at, host) = (Running::start().await, Host::new());
    let enrolled = host.redeem(&at, &at.mint_once().await).await.json;
    let terms = json!({ "name": "edge", "roles": ["allocator"], "first_token": false });
    let policy = at.admin().post("/api/v1/policies", &terms).await.json["id"].clone();
    let (admin, order) = (at.admin(), json!({ "policy": policy }));
    let path = format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap());
    entered(&at, "host_moved", admin.patch(&path, &order)).await;
    silent(&at, "the same policy again", admin.patch(&path, &order)).await;
    let away = json!({ "policy": null, "ids": [enrolled["host_id"]] });
    entered(&at, "host_moved", admin.post("/api/v1/hosts/move", &away)).await;
    silent(&at, "the same move again", admin.post("/api/v1/hosts/move", &away)).await;
    at.stop().await;
}
