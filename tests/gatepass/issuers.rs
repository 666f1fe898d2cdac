//! Retiring an external URL under tokens that name it.

use std::fs;

use serde_json::json;

use crate::support::authority::token_of;
use crate::support::{Host, Running};

#[tokio::test(flavor = "multi_thread")]
async fn retiring_a_needed_url_needs_confirmation() {
    let at = Running::start().await;
    let old = at.url.clone();
    let persistent = token_of(&at.mint(json!({ "persistent": true })).await);
    // At another port it has another URL.
    let at = at.restart().await;
    assert_ne!(at.url, old);
    let path = "/api/v1/issuers/retire";
    let refused = at.admin().post(path, &json!({ "issuer": old })).await;
    assert_eq!((refused.status, refused.code()), (409, "issuer_needed"));
    assert!(refused.text.contains("3 live persistent token(s)"), "{}", refused.text);
    assert_eq!(Host::new().redeem(&at, &persistent).await.status, 200, "nothing has changed");
    let current = at.admin().post(path, &json!({ "issuer": at.url, "confirm": true })).await;
    assert_eq!((current.status, current.code()), (409, "issuer_in_use"));

    let retired = at.admin().post(path, &json!({ "issuer": old, "confirm": true })).await;
    assert_eq!(retired.status, 200, "{}", retired.text);
    let told = (&retired.json["tokens_revoked"], &retired.json["emergency_token_reminted"]);
    assert_eq!(told, (&json!(3), &json!(true)));
    assert_eq!(Host::new().redeem(&at, &persistent).await.status, 401);
    let listed = at.admin().get("/api/v1/enrollment-tokens").await.json["items"].clone();
    let live = listed.as_array().unwrap().iter().filter(|token| token["state"] == "active").count();
    assert_eq!(live, 1, "none of them is shown as live: {listed}");
    let emergency = fs::read_to_string(at.data_dir().join("emergency.token")).unwrap();
    assert_eq!(Host::new().redeem(&at, emergency.trim()).await.status, 200);
    at.stop().await;
}
