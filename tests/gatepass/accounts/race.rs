//! I5 under concurrency: a hundred API keys mint at, below and beyond their limits, while some are deleted.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{KEYS, TOKENS};
use crate::support::Running;
use crate::support::database::{one, reader};

const KEYS_AT_ONCE: usize = 100;

/// The requests of a key limited to 3 uses and 20 minutes, each with its expected result.
fn asked() -> [(Value, bool); 6] {
    [
        (json!({ "roles": ["proxy"], "ttl": "20m", "max_uses": 3 }), true),
        (json!({ "roles": ["proxy"], "ttl": "20m", "max_uses": 4 }), false),
        (json!({ "roles": [], "ttl": "1m", "max_uses": 1 }), true),
        (json!({ "roles": ["allocator"], "ttl": "1m" }), false),
        (json!({ "roles": ["proxy"], "ttl": "1201s" }), false),
        (json!({ "roles": ["proxy"], "persistent": true, "ttl": "1m", "max_uses": 1 }), false),
    ]
}

/// Every mint of one key: how many were made, until it was gone.
async fn mint(client: crate::support::client::Client, start: Arc<Barrier>, is_deleted: bool) -> usize {
    let mut made = 0;
    start.wait().await;
    for (request, may) in asked() {
        let said = client.post(TOKENS, &request).await;
        match said.status {
            201 if may => made += 1,
            403 if !may => assert_eq!(said.code(), "beyond_limits"),
            401 if is_deleted => {}
            _ => panic!("{request}: {} {}", said.status, said.text),
        }
    }
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_hundred_keys_race_within_their_limits() {
    let at = Running::start().await;
    let limits = json!({ "roles": ["proxy"], "max_ttl": "20m", "max_uses": 3 });
    let start = Arc::new(Barrier::new(KEYS_AT_ONCE + 1));
    let (mut minting, mut ids) = (JoinSet::new(), Vec::new());
    for number in 0..KEYS_AT_ONCE {
        let key = at.api_key(&at.admin(), json!({ "scopes": ["tokens:write"], "limits": limits })).await;
        ids.push(key["id"].as_str().unwrap().to_owned());
        let client = at.stranger().bearer(key["api_key"].as_str().unwrap());
        minting.spawn(mint(client, Arc::clone(&start), number % 4 == 0));
    }
    start.wait().await;
    let (admin, mut revoked) = (at.admin(), 0);
    for id in ids.iter().step_by(4) {
        let said = admin.delete(&format!("{KEYS}/{id}?tokens=revoke")).await;
        assert_eq!(said.status, 200, "{}", said.text);
        revoked += said.json["tokens_revoked"].as_i64().unwrap();
    }
    let made: usize = minting.join_all().await.into_iter().sum();
    let database = reader(at.data_dir());
    let by_keys = "FROM mints WHERE minter LIKE 'api_key:%'";
    assert_eq!(one(&database, &format!("SELECT count(*) {by_keys}")), i64::try_from(made).unwrap());
    let live_of = |keys: &str| {
        let gone = "SELECT 1 FROM api_keys WHERE 'api_key:' || lower(hex(id)) = replace(minter, '-', '')";
        one(
            &database,
            &format!("SELECT count(*) {by_keys} AND revoked_at IS NULL AND {keys} EXISTS ({gone})"),
        )
    };
    assert_eq!(live_of("NOT"), 0, "no live token of a deleted key");
    assert_eq!(live_of(""), 150, "two of each key that stayed");
    assert_eq!(i64::try_from(made).unwrap(), 150 + revoked);
    assert_eq!(one(&database, &format!("SELECT count(*) {by_keys} AND max_uses > 3")), 0);
    at.stop().await;
}
