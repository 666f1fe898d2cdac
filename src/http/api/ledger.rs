//! The ledger.

use serde::Serialize;
use serde_json::Value;

use super::paging::{NoFilters, asked};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::ChainId;
use crate::ledger::parse;
use crate::store::EntryRecord;

#[derive(Serialize)]
struct EntryItem {
    id: String,
    chain: ChainId,
    at: Timestamp,
    actor: String,
    address: Option<String>,
    request_id: Option<String>,
    action: String,
    subjects: Value,
    outcome: String,
    reason: String,
    detail: Value,
}

impl From<EntryRecord> for EntryItem {
    fn from(entry: EntryRecord) -> Self {
        // What was hashed is what is told; the columns are an index over it.
        let body = parse(&entry.bytes)
            .and_then(|hashed| serde_json::from_slice(hashed.body).ok())
            .unwrap_or(Value::Null);
        let part =
            |name: &str| body.get(name).cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        Self {
            id: entry.seq.to_string(),
            chain: entry.chain,
            at: entry.at,
            actor: entry.actor,
            address: entry.address.map(|address| address.to_string()),
            request_id: entry.request.map(|request| request.to_string()),
            action: entry.action,
            subjects: part("subjects"),
            outcome: entry.outcome,
            reason: entry.reason,
            detail: part("detail"),
        }
    }
}

/// `GET /api/v1/ledger`: a page of entries, newest first.
pub(super) async fn list(call: Call) -> Result<Reply, Problem> {
    let (paging, NoFilters {}) = asked(&call, "ledger")?;
    let entries = call.authority.list_entries(paging.after()?, paging.limit()).await?;
    Ok(paging.rendered(entries, EntryItem::from))
}

#[derive(Serialize)]
struct VerdictItem {
    chain: ChainId,
    entries: u64,
    intact: bool,
    fault: Option<FaultItem>,
}

#[derive(Serialize)]
struct FaultItem {
    seq: u64,
    what: String,
}

/// `GET /api/v1/ledger/verification`: reads the whole chain.
pub(super) async fn verify(call: Call) -> Result<Reply, Problem> {
    let verdict = call.authority.verify_ledger().await?;
    let fault = verdict.fault.map(|fault| FaultItem { seq: fault.seq(), what: fault.to_string() });
    Ok(Reply::ok(&VerdictItem {
        chain: verdict.chain,
        entries: verdict.entries,
        intact: fault.is_none(),
        fault,
    }))
}
