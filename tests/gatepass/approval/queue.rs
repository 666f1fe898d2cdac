//! The bounds of the queue, and its costs.

use std::time::Duration;

use http::HeaderName;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{DAY, decide, listed, requiring, waiting};
use crate::support::client::Said;
use crate::support::database::{execute, one, reader};
use crate::support::{Host, Running, eventually};

const TOO_MANY: (u16, &str) = (429, "too_many_waiting");

/// A host that calls from this address.
async fn calls_from(at: &Running, token: &str, address: &str) -> Said {
    let proxy = at.stranger().bearer(token).header(HeaderName::from_static("x-forwarded-for"), address);
    proxy.post("/api/v1/bootstrap", &json!({ "csr": Host::new().csr() })).await
}

fn refused(said: &Said) -> (u16, &str) {
    (said.status, said.code())
}

/// "A stranger with a leaked cluster token cannot fill the queue": a hundred hosts of one token and one address wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_wait_at_one_address_and_token() {
    let at = Running::start_with(&[("http.trusted_proxies", "127.0.0.1")]).await;
    let (leaked, other) = (requiring(&at, Value::Null).await, requiring(&at, Value::Null).await);
    for number in 1..=100 {
        let said = calls_from(&at, &leaked, &format!("2001:db8::{number:x}")).await;
        assert_eq!(said.status, 202, "{number}: {}", said.text);
    }
    let said = calls_from(&at, &leaked, "2001:db8::ffff").await;
    assert_eq!(refused(&said), TOO_MANY, "one /64 is one address: {}", said.text);
    for (token, address) in [(&leaked, "2001:db8:0:1::1"), (&leaked, "192.0.2.7"), (&other, "2001:db8::ffff")]
    {
        assert_eq!(calls_from(&at, token, address).await.status, 202, "{address}");
    }
    at.stop().await;
}

/// The limit of a token is a thousand by default, whatever the number of addresses.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_hosts_of_a_token_wait() {
    let at = Running::start().await;
    let leaked = requiring(&at, Value::Null).await;
    let (_, first) = waiting(&at, &leaked).await;
    let token = listed(&at, "").await[0]["token_id"].as_str().unwrap().replace('-', "");
    fill(&at, &format!("x'{token}'"), 999);
    assert_eq!(refused(&Host::new().redeem(&at, &leaked).await), TOO_MANY);
    waiting(&at, &requiring(&at, Value::Null).await).await;
    assert_eq!(decide(&at, &first, "deny", json!({})).await.status, 200);
    waiting(&at, &leaked).await;
    at.stop().await;
}

/// The whole queue holds ten thousand hosts, whatever the number of tokens.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_hosts_wait() {
    let at = Running::start().await;
    let token = requiring(&at, Value::Null).await;
    fill(&at, "randomblob(16)", 9_999);
    let (host, id) = waiting(&at, &token).await;
    assert_eq!(refused(&Host::new().redeem(&at, &token).await), TOO_MANY);
    assert_eq!(host.redeem(&at, &token).await.status, 202, "those that wait go on");
    assert_eq!(decide(&at, &id, "deny", json!({})).await.status, 200);
    waiting(&at, &token).await;
    at.stop().await;
}

/// Lets hosts of other addresses wait. So many redemptions would take minutes.
fn fill(at: &Running, token: &str, hosts: u32) {
    let began = at.clock_reading();
    let (began, ends) = (began.millis(), began.plus(DAY).millis());
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {hosts}) \
         INSERT INTO enrollments (enrollment, token, key, public_key, code, roles, reached_url, site, began_at, expires_at, state) \
         SELECT randomblob(16), {token}, randomblob(32), x'00', 'AAAAAAAA', '[]', '', 'site ' || i, {began}, {ends}, 'waiting' FROM n"
    );
    execute(at.data_dir(), &sql);
}

/// The number of commits that changed the database, as far as this connection can see.
fn changes(reader: &Connection) -> i64 {
    one(reader, "PRAGMA data_version")
}

/// "Polling writes nothing." Timers of the server write now and then, so that one quiet round of polls is enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_poll_writes_nothing() {
    let at = Running::start().await;
    let token = requiring(&at, Value::Null).await;
    let reader = reader(at.data_dir());
    let before = changes(&reader);
    let (host, _) = waiting(&at, &token).await;
    assert_ne!(changes(&reader), before, "a new enrollment is a commit");
    eventually("polls leave the database as it is", async || {
        let before = changes(&reader);
        for _ in 0..10 {
            assert_eq!(host.redeem(&at, &token).await.status, 202);
        }
        (changes(&reader) == before).then_some(())
    })
    .await;
    at.stop().await;
}

/// Refused strangers cost one entry a minute, whatever their number.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_beyond_the_limit_share_an_entry() {
    let at = Running::start_with(&[("hosts.max_waiting_per_token", "1")]).await;
    let leaked = requiring(&at, Value::Null).await;
    waiting(&at, &leaked).await;
    for _ in 0..30 {
        assert_eq!(refused(&Host::new().redeem(&at, &leaked).await), TOO_MANY);
    }
    // A timer may write the entry first.
    let entered = async |enough: fn(&[u64]) -> bool| {
        eventually("the strangers are in the ledger", async || {
            at.authority.upkeep.write_refusals().await.unwrap();
            let mut entries = at.ledger().await;
            entries.retain(|entry| entry["reason"] == "too_many_waiting");
            let counts = entries.iter().map(|entry| entry["detail"]["count"].as_u64().unwrap());
            Some(counts.collect::<Vec<_>>()).filter(|counts| enough(counts))
        })
        .await
    };
    assert_eq!(entered(|counts| !counts.is_empty()).await.len(), 1);
    at.clock.advance(Duration::from_secs(60));
    assert!(entered(|counts| counts.iter().sum::<u64>() == 30).await.len() <= 2, "each is counted");
    at.stop().await;
}
