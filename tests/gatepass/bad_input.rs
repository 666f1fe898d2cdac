//! What bad input gets: a module per kind of it, a test or several per row of the table.

mod clock;
mod csr;
mod enrolling;
mod forged;
mod names;
mod refused_starts;
mod repeats;
mod requests;
mod sizes;
mod store;

use serde_json::{Value, json};

use crate::support::Running;

/// What an authority has stored, as far as its API tells: to see that a refusal wrote nothing.
async fn stored(at: &Running) -> Value {
    let admin = at.admin();
    let tokens = admin.get("/api/v1/enrollment-tokens?limit=1000").await.json;
    let hosts = admin.get("/api/v1/hosts?limit=1000").await.json;
    at.authority.ledger.write_refusals().await.unwrap();
    json!({ "tokens": tokens["items"], "hosts": hosts["items"], "ledger": at.ledger().await })
}

/// How many uses a token has had.
async fn used(at: &Running, minted: &Value) -> Value {
    at.token(minted["token_id"].as_str().unwrap()).await["used"].clone()
}
