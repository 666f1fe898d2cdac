//! The requests and expected answers of clients, to the letter.

use serde_json::json;

use super::{PLAIN, REGIONAL, is_listed, listed, made, members, post};
use crate::support::wire::Wire;
use crate::support::{Host, Running};

#[tokio::test(flavor = "multi_thread")]
async fn both_prefixes_mint_list_and_delete() {
    let at = Running::start().await;
    let admin = at.admin();
    for (base, other) in [(PLAIN, REGIONAL), (REGIONAL, PLAIN)] {
        let made = post(&admin, base, r#"{"persistent":true,"roles":["allocator"]}"#).await;
        assert_eq!((made.status, members(&made.json)), (200, vec!["token", "token_id"]), "{}", made.text);
        assert_eq!(made.headers["content-type"], "application/json");
        assert_eq!(made.headers["cache-control"], "no-store");
        let id = made.json["token_id"].as_str().unwrap();
        let list = admin.get(other).await;
        assert_eq!((list.status, &list.headers["content-type"]), (200, &"application/json".parse().unwrap()));
        assert!(list.text.contains(id));
        let deleted = admin.delete(&format!("{other}/{id}")).await;
        assert_eq!((deleted.status, deleted.text.as_str()), (200, "{}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_token_is_never_listed() {
    let at = Running::start().await;
    let before = listed(&at).await;
    let made = made(&at, r#"{"persistent":false,"roles":["allocator"],"validity_in_seconds":3600}"#).await;
    assert_eq!(members(&made), ["token"]);
    assert_eq!(listed(&at).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_can_be_null_or_absent() {
    let at = Running::start().await;
    for body in
        [r#"{"persistent":true,"roles":null}"#, r#"{"persistent":true}"#, r#"{"persistent":true,"roles":[]}"#]
    {
        let made = made(&at, body).await;
        assert!(listed(&at).await.contains(&json!({ "token_id": made["token_id"], "roles": [] })), "{body}");
    }
    assert!(listed(&at).await.iter().all(|token| members(token) == ["roles", "token_id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn validity_is_from_1_to_86400_seconds() {
    let at = Running::start().await;
    for (seconds, lives) in [(1, 1), (86_400, 86_400)] {
        let body = json!({ "persistent": false, "roles": [], "validity_in_seconds": seconds }).to_string();
        let token = made(&at, &body).await["token"].as_str().unwrap().to_owned();
        let claims = crate::support::forge::Forgery::of(&token).claims;
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), lives);
    }
    for seconds in ["0", "-1", "86401", "9223372036854775807", "1e3", "\"60\"", "1.5"] {
        let body = format!(r#"{{"persistent":false,"validity_in_seconds":{seconds}}}"#);
        let refused = post(&at.admin(), PLAIN, &body).await;
        assert_eq!(refused.status, 400, "{body}");
        let error = &refused.json["errors"][0];
        assert_eq!(error["code"], "enrollment_tokens.invalid_token_request");
        assert_eq!(error["fields"], json!(["validity_in_seconds"]), "{}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_token_in_the_path_deletes_it() {
    let at = Running::start().await;
    let made = made(&at, r#"{"persistent":true,"roles":["proxy"]}"#).await;
    let path = format!("{REGIONAL}/{}", made["token"].as_str().unwrap());
    let deleted = at.admin().delete(&path).await;
    assert_eq!((deleted.status, deleted.json), (200, json!({})));
    assert!(!is_listed(&at, &made["token_id"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_members_and_newlines_are_accepted() {
    let at = Running::start().await;
    made(&at, "{\"persistent\":false,\"roles\":[\"allocator\"]}\n").await;
    made(&at, "{\"persistent\":false,\"roles\":[],\"storage_path\":\"/x\",\"a\":{\"b\":[1]}}\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_curl_lines_work() {
    let at = Running::start().await;
    let body = r#"{ "persistent": false, "roles": [ "allocator"] }"#;
    for media_type in ["application/json", "application/x-www-form-urlencoded"] {
        let client = at.admin().header(http::header::CONTENT_TYPE, media_type);
        let said = post(&client, PLAIN, body).await;
        assert_eq!(said.status, 200, "{media_type}: {}", said.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gzip_clients_get_a_readable_answer() {
    let at = Running::start().await;
    let client = at.admin().header(http::header::ACCEPT_ENCODING, "gzip, deflate");
    let said = client.get(PLAIN).await;
    assert_eq!((said.status, said.headers.get("content-encoding")), (200, None));
    assert!(said.json["tokens"].is_array());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_body_is_400_and_keeps_the_connection() {
    let at = Running::start().await;
    let mut wire = Wire::open(&at).await;
    let sign_in = format!("authorization: Basic {}", basic());
    for body in [
        "persistent=true&roles=proxy",
        "",
        "[]",
        "null",
        "[true,[\"director\"]]",
        "{",
        "{}",
        "\u{0}",
        "{\"persistent\":false} x",
    ] {
        let refused = wire.ask("POST", PLAIN, &[&sign_in], body).await;
        assert_eq!(refused.status, 400, "{body:?}: {}", refused.body);
        assert_eq!(refused.header("content-type"), Some("application/json"));
        assert_eq!(refused.json()["errors"][0]["code"], "enrollment_tokens.invalid_token_request");
    }
    let made = wire.ask("POST", PLAIN, &[&sign_in], r#"{"persistent":false}"#).await;
    assert_eq!(made.status, 200, "on the same connection: {}", made.body);
}

fn basic() -> String {
    use base64::Engine as _;
    let pair = format!("admin:{}", crate::support::authority::PASSWORD);
    base64::engine::general_purpose::STANDARD.encode(pair)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_token_serves_many_hosts() {
    let at = Running::start().await;
    let made = made(&at, r#"{"persistent":false,"roles":["allocator"]}"#).await;
    let token = made["token"].as_str().unwrap();
    let mut hosts = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let enrolled = Host::new().redeem(&at, token).await;
        hosts.insert(enrolled.json["host_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(hosts.len(), 20);
}
