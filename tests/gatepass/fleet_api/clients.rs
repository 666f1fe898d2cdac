//! The requests of public clients, as these programs send them.

use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use serde_json::json;

use super::*;
use crate::support::authority::PASSWORD;

/// elastic-package signs in by Basic or by an API key, and sends `kbn-xsrf` with every request.
fn elastic_package(at: &Running) -> Client {
    let client = at.stranger().basic("admin", PASSWORD);
    let client = client.header(CONTENT_TYPE, "application/json");
    client.header(HeaderName::from_static("kbn-xsrf"), "elastic-package")
}

#[tokio::test(flavor = "multi_thread")]
async fn elastic_package_finds_or_makes_a_token() {
    let at = Running::start().await;
    let client = elastic_package(&at);
    let status = client.get("/api/status").await.json;
    assert_eq!(
        (&status["version"]["number"], &status["status"]["overall"]["level"]),
        (&json!("9.2.0"), &json!("available"))
    );
    let body = r#"{"name":"ep-test-policy","description":"test","namespace":"ep","monitoring_enabled":["logs","metrics"]}"#;
    let made = send(&client, Method::POST, POLICIES, body).await;
    let policy = text(&made.json["item"], "id").to_owned();
    for name in 0..21 {
        created(&at, json!({ "policy_id": policy, "name": format!("token {name}") })).await;
    }
    let (mut found, mut page) = (Vec::new(), 1);
    loop {
        let kuery = format!("active:true%20and%20policy_id:{policy}");
        let said = client.get(&format!("{KEYS}?page={page}&kuery={kuery}")).await;
        let items = said.json["list"].as_array().unwrap().clone();
        found.extend(items.iter().map(|item| text(item, "api_key").to_owned()));
        let seen = page * said.json["perPage"].as_u64().unwrap();
        if seen >= said.json["total"].as_u64().unwrap() {
            break;
        }
        page += 1;
    }
    assert_eq!((found.len(), page), (22, 2));
    let made = send(&client, Method::POST, KEYS, &json!({ "policy_id": policy }).to_string()).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let api_key = text(&made.json["item"], "api_key");
    assert_eq!(redeem(&at, &Host::new(), api_key).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terraform_data_source_reads_one_page() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &["proxy"]).await;
    let request = json!({ "label": "terraform", "scopes": ["tokens:read", "tokens:write"], "limits": "any" });
    let key = at.api_key(&at.admin(), request).await;
    let credential = STANDARD.encode(format!("{}:{}", text(&key, "id"), text(&key, "api_key")));
    let client = at.stranger().header(AUTHORIZATION, &format!("ApiKey {credential}"));
    let client = client
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, "elasticstack-terraform-provider/0.11.17");
    let client = client.header(HeaderName::from_static("kbn-xsrf"), "true");
    for (query, space) in [("", ""), (&*format!("?kuery=policy_id:{policy}"), ""), ("", "/s/default")] {
        let said = client.get(&format!("{space}{KEYS}{query}")).await;
        assert_eq!(said.status, 200, "{}", said.text);
        let item = &said.json["items"][0];
        assert_eq!((&item["policy_id"], &item["active"]), (&json!(policy), &json!(true)));
        let members = ["api_key", "api_key_id", "created_at", "id", "name"];
        assert!(
            members.iter().all(|member| item[*member].as_str().is_some_and(|text| !text.is_empty())),
            "{item}"
        );
    }
}
