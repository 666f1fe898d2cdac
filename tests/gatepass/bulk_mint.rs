//! Bulk mints: many tokens in one request, as JSON Lines.

mod cli;
mod early_end;
mod killed;
mod limits;
mod repeats;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::{Host, Running};

const TOKENS: &str = "/api/v1/enrollment-tokens";

/// The lines of a bulk mint, and its last line.
async fn bulk(client: &Client, body: Value) -> (Vec<Value>, Value) {
    let said = client.post(TOKENS, &body).await;
    assert_eq!(said.status, 201, "{}", said.text);
    assert_eq!(said.headers["content-type"], "application/jsonl");
    assert_eq!(said.headers["cache-control"], "no-store");
    let mut lines = said.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let last = lines.pop().unwrap();
    (lines, last)
}

/// The number of tokens of a batch in the list.
async fn listed(at: &Running, batch: &Value) -> usize {
    let path = format!("{TOKENS}?batch={}&limit=1000", batch.as_str().unwrap());
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let page = at.admin().get(&format!("{path}{cursor}")).await.json;
        count += page["items"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return count,
        }
    }
}

/// FLEETS 1, Bulk: one mint reply a line, and a last line with count and batch. More than two transactions are needed.
#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_mint_answers_one_token_a_line() {
    let at = Running::start().await;
    let before = at.entries("token_created").await;
    let request = json!({ "roles": ["proxy"], "label": "rack 7", "ttl": "1h", "count": 2003 });
    let (lines, last) = bulk(&at.admin(), request).await;
    assert_eq!(last["count"], json!(2003), "{last}");
    let different =
        |member: &str| lines.iter().map(|line| line[member].as_str().unwrap()).collect::<BTreeSet<_>>();
    assert_eq!((lines.len(), different("token").len(), different("token_id").len()), (2003, 2003, 2003));
    assert_eq!(different("batch"), BTreeSet::from([last["batch"].as_str().unwrap()]));
    let short = |line: &Value| u32::from_str_radix(&line["token_id"].as_str().unwrap()[28..], 16).unwrap();
    for piece in lines.chunks(1000) {
        let mut steps =
            piece.iter().map(|line| short(line).wrapping_sub(short(&piece[0])) as i32).collect::<Vec<_>>();
        steps.sort_unstable();
        assert!(steps.windows(2).all(|pair| pair[1] - pair[0] == 1), "short ids are neighbours: {steps:?}");
    }

    let single = at.mint(json!({ "roles": ["proxy"], "label": "rack 7", "ttl": "1h" })).await;
    assert!(single.get("batch").is_none(), "{single}");
    for member in
        ["label", "roles", "persistent", "max_uses", "ca_fingerprint", "install_command", "dns_names"]
    {
        assert!(lines.iter().all(|line| line[member] == single[member]), "{member}");
    }
    for place in [0, 999, 1000, 2002] {
        let (token, id) =
            (lines[place]["token"].as_str().unwrap(), lines[place]["token_id"].as_str().unwrap());
        assert_eq!(Host::new().redeem(&at, token).await.status, 200);
        assert_eq!(Host::new().redeem(&at, token).await.code(), "token_used");
        assert_eq!(at.token(id).await["batch"], last["batch"]);
    }
    assert_eq!(listed(&at, &last["batch"]).await, 2003);
    let minted = at.admin().get("/api/v1/ledger/export?action=token_created").await.text;
    let entries = minted.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let of_batch = entries.iter().filter(|entry| entry["detail"]["batch"] == last["batch"]);
    let about = of_batch.map(|entry| entry["subjects"]["token"].as_str().unwrap()).collect::<BTreeSet<_>>();
    assert_eq!(about, different("token_id"), "one entry per token");
    assert_eq!(entries.len() - 1, before + 2003 + 1);
    assert!(!minted.contains("eyJ"), "no token in the ledger");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_revoked_by_its_id() {
    let at = Running::start().await;
    let (lines, last) = bulk(&at.admin(), json!({ "count": 3, "persistent": true })).await;
    let (others, other) = bulk(&at.admin(), json!({ "count": 1 })).await;
    let filter = json!({ "batch": last["batch"] });
    let revoke = async |body: Value| at.admin().post("/api/v1/enrollment-tokens/revoke", &body).await;
    let counted = revoke(json!({ "filter": filter, "dry_run": true })).await;
    assert_eq!(counted.json["count"], json!(3), "{}", counted.text);
    let done = revoke(json!({ "filter": filter, "expect": counted.json["selection"] })).await;
    assert_eq!((done.status, &done.json["revoked"]), (200, &json!(3)));
    for line in &lines {
        assert_eq!(Host::new().redeem(&at, line["token"].as_str().unwrap()).await.code(), "token_revoked");
    }
    assert_eq!(listed(&at, &other["batch"]).await, 1);
    assert_eq!(Host::new().redeem(&at, others[0]["token"].as_str().unwrap()).await.status, 200);
    let wrong = at.admin().get("/api/v1/enrollment-tokens?batch=x").await;
    assert_eq!((wrong.status, &wrong.json["fields"][0]["field"]), (400, &json!("batch")));
    at.stop().await;
}
