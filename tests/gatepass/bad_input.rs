//! Answers to bad input: a module per kind, at least one test per row of the table.

mod clock;
mod csr;
mod enrolling;
mod foreign_files;
mod forged;
mod names;
mod refused_starts;
mod repeats;
mod requests;
mod sizes;
mod store;
mod targets;
mod unwritten_starts;

use serde_json::{Value, json};

use crate::support::Running;

/// The stored data that the API shows, to check that a refusal wrote nothing.
async fn stored(at: &Running) -> Value {
    let admin = at.admin();
    let tokens = admin.get("/api/v1/enrollment-tokens?limit=1000").await.json;
    let hosts = admin.get("/api/v1/hosts?limit=1000").await.json;
    at.authority.upkeep.write_refusals().await.unwrap();
    json!({ "tokens": tokens["items"], "hosts": hosts["items"], "ledger": at.ledger().await })
}

/// The number of uses taken of a token.
async fn used(at: &Running, minted: &Value) -> Value {
    at.token(minted["token_id"].as_str().unwrap()).await["used"].clone()
}
