//! One redemption, from a minted token to a revoked host.

use serde_json::json;

use crate::support::authority::token_of;
use crate::support::{Host, Running};

#[tokio::test(flavor = "multi_thread")]
async fn one_machine_joins_and_a_second_is_refused() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["allocator", "proxy"], "label": "rack 7" })).await;
    let token = token_of(&minted);

    let host = Host::new();
    let enrolled = host.redeem(&at, &token).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    assert_eq!(enrolled.json["roles"], json!(["allocator", "proxy"]));

    let second = Host::new().redeem(&at, &token).await;
    assert_eq!((second.status, second.code()), (410, "token_used"));

    let client = host.client(&at, &enrolled.json);
    let whoami = client.get("/api/v1/whoami").await;
    assert_eq!(whoami.status, 200, "{}", whoami.text);
    assert_eq!(whoami.json["host_id"], enrolled.json["host_id"]);

    let id = enrolled.json["host_id"].as_str().unwrap();
    let revoked = at.admin().delete(&format!("/api/v1/hosts/{id}")).await;
    assert_eq!(revoked.json, json!({ "id": id, "state": "revoked", "changed": true }));
    let refused = client.get("/api/v1/whoami").await;
    assert_eq!((refused.status, refused.code()), (403, "host_revoked"));

    let verdict = at.admin().get("/api/v1/ledger/verification").await;
    assert_eq!(verdict.json["intact"], json!(true), "{}", verdict.text);
    at.stop().await;
}
