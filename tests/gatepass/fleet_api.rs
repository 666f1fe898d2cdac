//! Elastic Fleet's API of enrollment tokens: each promise of its document, and the contract its clients rely on.

mod bulk;
mod clients;
mod contract;
mod document;
mod enrolling;
mod errors;
mod keys;
mod policies;
mod promises;
mod readers;
mod redeeming;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, Method};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::{Host, Running, Said};

const KEYS: &str = "/api/fleet/enrollment_api_keys";
const POLICIES: &str = "/api/fleet/agent_policies";

/// A client as Kibana's own: its changes carry the header that Kibana demands.
fn kibana(client: Client) -> Client {
    client.header(HeaderName::from_static("kbn-xsrf"), "true")
}

/// Creates a policy with these roles; its id.
async fn policy(at: &Running, name: &str, roles: &[&str]) -> String {
    let said = at.admin().post("/api/v1/policies", &json!({ "name": name, "roles": roles })).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json["id"].as_str().unwrap().to_owned()
}

/// Creates a token; the item in the answer.
async fn created(at: &Running, request: Value) -> Value {
    let said = kibana(at.admin()).post(KEYS, &request).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(said.json["action"], "created");
    said.json["item"].clone()
}

/// The page of a list.
async fn listed(client: &Client, query: &str) -> Value {
    let said = client.get(&format!("{KEYS}{query}")).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

/// The names of the tokens in a page.
fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(given_name).collect()
}

/// The name of a token as it was given, without the id.
fn given_name(item: &Value) -> &str {
    item["name"].as_str().unwrap().split(" (").next().unwrap()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}

/// Deletes a token.
async fn delete(at: &Running, id: &str, query: &str) -> Said {
    kibana(at.admin()).delete(&format!("{KEYS}/{id}{query}")).await
}

/// Redeems by an `api_key`.
async fn redeem(at: &Running, host: &Host, api_key: &str) -> Said {
    let client = at.stranger().header(AUTHORIZATION, &format!("ApiKey {api_key}"));
    client.post("/api/v1/bootstrap", &json!({ "csr": host.csr() })).await
}

/// The id and the secret of an `api_key`.
fn pair(api_key: &str) -> (String, String) {
    let pair = String::from_utf8(STANDARD.decode(api_key).unwrap()).unwrap();
    let (id, secret) = pair.split_once(':').unwrap();
    (id.to_owned(), secret.to_owned())
}

/// Sends a body as it stands, as curl does.
async fn send(client: &Client, method: Method, path: &str, body: &str) -> Said {
    client.send(method, path, Some(body.to_owned())).await
}
