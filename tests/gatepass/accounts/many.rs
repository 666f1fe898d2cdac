//! A key that minted thousands goes with all of them, and nobody waits for that.

use gatepass::access::{Actor, Rights};
use gatepass::id::ApiKeyId;
use gatepass::service::Caller;
use serde_json::json;
use tokio::task::JoinSet;

use super::{KEYS, TOKENS};
use crate::support::database::{one, reader};
use crate::support::{Running, eventually, inside};

/// Fewer than the writer's queue holds.
const AT_ONCE: usize = 500;

/// Mints `count` tokens in the name of this key.
async fn mint(at: &Running, key: &str, count: usize) {
    let key = ApiKeyId::parse(key).unwrap();
    for _ in 0..count / AT_ONCE {
        let mut minting = JoinSet::new();
        for _ in 0..AT_ONCE {
            let authority = at.authority.clone();
            let caller = Caller { actor: Actor::ApiKey(key), rights: Rights::ALL, ..Caller::SYSTEM };
            minting.spawn(async move { inside::mint_as(&authority, &caller, json!({})).await.map(drop) });
        }
        assert!(minting.join_all().await.iter().all(Result::is_ok));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_key_revokes_three_thousand_tokens() {
    let at = Running::start().await;
    let key = at.api_key(&at.admin(), json!({ "scopes": ["tokens:write"], "limits": "any" })).await;
    let id = key["id"].as_str().unwrap();
    mint(&at, id, 3000).await;
    let live = || {
        one(
            &reader(at.data_dir()),
            "SELECT count(*) FROM mints WHERE minter LIKE 'api_key:%' AND revoked_at IS NULL",
        )
    };
    assert_eq!(live(), 3000);

    let admin = at.admin();
    let path = format!("{KEYS}/{id}?tokens=revoke");
    let deleting = admin.delete(&path);
    let beside = async {
        let other = at.admin();
        let mut answers = Vec::new();
        for _ in 0..20 {
            answers.push(other.post(TOKENS, &json!({})).await.status);
        }
        answers
    };
    let (deleted, beside) = tokio::join!(deleting, beside);
    assert_eq!((deleted.status, &deleted.json["tokens_revoked"]), (200, &json!(3000)), "{}", deleted.text);
    assert_eq!(beside, [201; 20]);
    // The shown state counts, even if it is not written yet.
    let shown = admin.get(&format!("{TOKENS}?minter=api_key:{id}&state=pending,active")).await;
    assert_eq!((shown.status, &shown.json["items"]), (200, &json!([])), "{}", shown.text);
    eventually("all of them are revoked", async || (live() == 0).then_some(())).await;
    assert_eq!(
        one(&reader(at.data_dir()), "SELECT count(*) FROM ledger WHERE action = 'token_revoked'"),
        3000
    );
    at.stop().await;
}
