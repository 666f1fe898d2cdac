//! I10: expired data is collected; tables and memory hold only live data.

use std::collections::BTreeMap;
use std::time::Duration;

use gatepass::service::Caller;
use gatepass::service::tokens::HowToRevoke;
use serde_json::{Value, json};

use crate::support::{Host, Running, database, inside};

const DAY: Duration = Duration::from_secs(86_400);

/// The tables that follow the number of tokens and hosts. The counters have two rows for each hour, the ledger everything, and the
/// others a handful.
fn growing(at: &Running) -> BTreeMap<String, i64> {
    let mut counts = database::counts(at.data_dir());
    let kept = ["ledger", "crl_numbers", "status_pages", "hourly_counters"];
    assert!(kept.iter().all(|table| counts.remove(*table).is_some()));
    counts
}

/// Mints, and lets `hosts` hosts in, of which the first renews and the last is revoked.
async fn use_up(at: &Running, request: Value, hosts: usize, revoke: bool) {
    let minted = inside::mint(&at.authority, request).await.unwrap();
    for number in 0..hosts {
        let (host, next) = (Host::new(), Host::new());
        let csr = host.csr();
        let enrolled = inside::redeem(&at.authority, minted.text().expose(), &csr, None).await.unwrap();
        if number == 0 {
            let shape = json!({
                "certificate": gatepass::ca::der_to_pem("CERTIFICATE", &enrolled.certificate), "chain": enrolled.chain,
            });
            let client = host.client(at, &shape);
            let renewed = client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
            assert_eq!(renewed.status, 200, "{}", renewed.text);
            assert_eq!(next.client(at, &renewed.json).get("/api/v1/whoami").await.status, 200);
        } else if number + 1 == hosts {
            at.authority.hosts.revoke_host(&Caller::SYSTEM, enrolled.host, None).await.unwrap();
            assert!(at.store.revocations().host_revoked(enrolled.host));
        }
    }
    if revoke {
        let id = minted.grant().token.id;
        at.authority.tokens.revoke_token(&Caller::SYSTEM, id, HowToRevoke::default()).await.unwrap();
    }
}

async fn fill(at: &Running) {
    for persistent in [false, true] {
        for revoke in [false, true] {
            let token = |more: Value| {
                let mut request = json!({ "persistent": persistent, "ttl": "20h" });
                request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                request
            };
            use_up(at, token(json!({ "max_uses": null })), 3, revoke).await;
            use_up(at, token(json!({ "max_uses": 2 })), 2, revoke).await;
            use_up(at, token(json!({ "max_uses": 5, "roles": ["proxy"] })), 0, revoke).await;
        }
    }
    use_up(at, json!({ "persistent": true, "max_uses": 2 }), 2, false).await;
    use_up(at, json!({ "persistent": true, "max_uses": null }), 2, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_ended_rows_leave_tables_and_memory() {
    let at = Running::start().await;
    let empty = growing(&at);
    fill(&at).await;
    let filled = growing(&at);
    for table in ["mints", "tokens", "uses", "pairs", "hosts", "certificates", "revoked_certificates"] {
        assert!(filled[table] > *empty.get(table).unwrap(), "{table}: {filled:?}");
    }
    assert!(at.store.revocations().revoked_certificates() > 0);
    // Thirty days of certificate, ninety of host, and a little more for rows that wait for the hosts.
    for _ in 0..20 {
        at.clock.advance(8 * DAY);
        at.authority.upkeep.collect().await.unwrap();
    }
    assert_eq!(growing(&at), empty);
    assert_eq!(at.store.revocations().revoked_certificates(), 0);
    assert_eq!(at.authority.ledger.verify().await.unwrap().fault, None, "the ledger keeps all of it");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_one_collection_spans_many_transactions() {
    let at = Running::start().await;
    let before = growing(&at);
    // In waves: the writer's queue is bounded, and a full queue refuses.
    for wave in [400, 400, 300] {
        let mut minting = tokio::task::JoinSet::new();
        for _ in 0..wave {
            let authority = at.authority.clone();
            minting.spawn(async move { inside::mint(&authority, json!({ "ttl": "1m" })).await.map(drop) });
        }
        assert!(minting.join_all().await.iter().all(Result::is_ok));
    }
    at.clock.advance(10 * DAY);
    let collected = at.authority.upkeep.collect().await.unwrap();
    assert_eq!((collected.tokens, growing(&at)), (1100, before));
    assert!(at.authority.upkeep.collect().await.unwrap().total() == 0, "nothing is left");
    assert!((1..=3).contains(&entries(&at)));
    at.stop().await;
}

fn entries(at: &Running) -> i64 {
    database::one(&database::reader(at.data_dir()), "SELECT count(*) FROM ledger WHERE action = 'collected'")
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_live_and_recent_rows_are_kept() {
    let at = Running::start().await;
    use_up(&at, json!({ "persistent": true, "max_uses": null }), 1, false).await;
    use_up(&at, json!({ "persistent": true, "max_uses": 1 }), 1, true).await;
    use_up(&at, json!({ "ttl": "20h", "max_uses": 1 }), 1, false).await;
    let before = growing(&at);
    at.clock.advance(DAY);
    at.authority.upkeep.collect().await.unwrap();
    assert_eq!(growing(&at), before);
    at.stop().await;
}
