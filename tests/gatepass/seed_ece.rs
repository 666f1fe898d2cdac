//! Elastic Cloud Enterprise's roles tokens: each promise of its document, and the contract its clients rely on.

mod contract;
mod errors;
mod promises;

use serde_json::Value;

use crate::support::client::Client;
use crate::support::{Running, Said};

/// The path that curl and Ansible use.
const PLAIN: &str = "/api/v1/platform/configuration/security/enrollment-tokens";
/// The path that ecctl uses, with any region.
const REGIONAL: &str = "/api/v1/regions/ece-region/platform/configuration/security/enrollment-tokens";

/// Posts `body` as it stands, as curl does.
async fn post(client: &Client, base: &str, body: &str) -> Said {
    client.send(http::Method::POST, base, Some(body.to_owned())).await
}

/// Makes a token; the answer.
async fn made(at: &Running, body: &str) -> Value {
    let said = post(&at.admin(), PLAIN, body).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

/// The names of an object's members, sorted.
fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The list of tokens in the answer.
async fn listed(at: &Running) -> Vec<Value> {
    let said = at.admin().get(PLAIN).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(members(&said.json), ["tokens"]);
    said.json["tokens"].as_array().unwrap().clone()
}

/// Returns whether the list has this id.
async fn is_listed(at: &Running, id: &Value) -> bool {
    listed(at).await.iter().any(|token| token["token_id"] == *id)
}
