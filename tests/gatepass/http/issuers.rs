//! External URLs: tokens that name a former one stay good until it is retired.

use serde_json::json;

use crate::support::{Host, Running};

#[tokio::test(flavor = "multi_thread")]
async fn old_tokens_work_until_their_url_is_retired() {
    let at = Running::start().await;
    let (old, token) = (at.url.clone(), at.mint_once().await);
    let persistent = at.mint(json!({ "persistent": true })).await;
    let port = at.local;
    let (data_dir, clock, _own) = at.stop().await;
    // Another port is another URL.
    let _taken = std::net::TcpListener::bind(port).unwrap();
    let at = Running::open(&data_dir, clock, &[]).await.unwrap();
    assert_ne!(at.url, old);
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    let issuers = at.admin().get("/api/v1/issuers").await.json;
    let shown =
        issuers["items"].as_array().unwrap().iter().map(|item| (item["id"].clone(), item["current"].clone()));
    let shown = shown.collect::<Vec<_>>();
    assert!(
        shown.contains(&(json!(old), json!(false))) && shown.contains(&(json!(at.url), json!(true))),
        "{shown:?}"
    );
    let asked = at.admin().post("/api/v1/issuers/retire", &json!({ "issuer": old })).await;
    assert_eq!((asked.status, asked.code()), (409, "issuer_needed"), "{}", asked.text);
    let confirmed = json!({ "issuer": old, "confirm": true });
    let retired = at.admin().post("/api/v1/issuers/retire", &confirmed).await;
    assert_eq!(retired.status, 200, "{}", retired.text);
    let refused = Host::new().redeem(&at, persistent["token"].as_str().unwrap()).await;
    assert_eq!((refused.status, refused.code()), (401, "invalid_token"));
    assert_eq!(Host::new().redeem(&at, &at.mint_once().await).await.status, 200);
    assert_eq!(at.entries("issuer_retired").await, 1);
    let again = at.admin().post("/api/v1/issuers/retire", &json!({ "issuer": old })).await;
    assert_eq!((again.status, again.code()), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_url_cannot_be_retired() {
    let at = Running::start().await;
    let refused = at.admin().post("/api/v1/issuers/retire", &json!({ "issuer": at.url })).await;
    assert_eq!((refused.status, refused.code()), (409, "issuer_in_use"));
    assert_eq!(Host::new().redeem(&at, &at.mint_once().await).await.status, 200);
}
