//! The ledger.

pub(super) mod export;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::paging::{Listed, PageParams, Paging};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::request::EntryWords;
use crate::id::{ChainId, RequestId};
use crate::ledger::{Origin, parse};
use crate::name::Label;
use crate::service::labels::ActorLabels;
use crate::store::EntryRecord;

#[derive(Serialize, ToSchema)]
#[schema(as = LedgerEntry)]
struct EntryItem {
    /// Number of the entry. A restore begins a chain, whose numbers go on.
    #[schema(pattern = "^[0-9]+$", example = "1042")]
    id: String,
    chain: ChainId,
    at: Timestamp,
    #[schema(example = "user:admin")]
    actor: String,
    /// Label of the API key that acted; `null` for another actor, or if the key is gone.
    #[schema(required)]
    actor_label: Option<Label>,
    #[schema(required, example = "192.0.2.7")]
    address: Option<String>,
    #[schema(required, value_type = Option<RequestId>)]
    request_id: Option<String>,
    #[schema(example = "token_created")]
    action: String,
    /// Ids of the subjects.
    #[schema(value_type = Object, example = json!({ "token_id": "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081" }))]
    subjects: Value,
    #[schema(example = "done")]
    outcome: String,
    /// Reason of a refusal; empty for a success.
    #[schema(example = "")]
    reason: String,
    #[schema(value_type = Object, example = json!({}))]
    detail: Value,
}

impl EntryItem {
    fn new(entry: EntryRecord, labels: &ActorLabels) -> Self {
        // The answer is the hashed text; the columns are an index over it.
        let body = parse(&entry.bytes)
            .and_then(|hashed| serde_json::from_slice(hashed.body).ok())
            .unwrap_or(Value::Null);
        let part =
            |name: &str| body.get(name).cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        let Origin { at, actor, address, request } = entry.origin;
        Self {
            id: entry.seq.to_string(),
            chain: entry.chain,
            at,
            actor_label: labels.get(&actor),
            actor,
            address: address.map(|address| address.to_string()),
            request_id: request.map(|request| request.to_string()),
            action: entry.action,
            subjects: part("subjects"),
            outcome: entry.outcome,
            reason: entry.reason,
            detail: part("detail"),
        }
    }
}

/// List ledger entries
///
/// A page of entries, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/ledger",
    params(PageParams, EntryWords),
    responses((status = 200, description = "A page of entries.", body = Listed<EntryItem>)),
)]
pub(super) async fn list_ledger(call: Call) -> Result<Reply, Problem> {
    let (paging, words) = Paging::read::<EntryWords>(&call, "ledger")?;
    let (page, filter) = (paging.query()?, words.judge(call.authority.time.now())?);
    let (entries, labels) = call.authority.ledger.list(filter, page).await?;
    Ok(paging.rendered(entries, |entry| EntryItem::new(entry, &labels)))
}

#[derive(Serialize, ToSchema)]
#[schema(as = LedgerVerification)]
struct VerdictItem {
    /// The current chain.
    chain: ChainId,
    #[schema(example = 1042)]
    entries: u64,
    #[schema(example = true)]
    intact: bool,
    /// The first fault.
    #[schema(required)]
    fault: Option<FaultItem>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LedgerFault)]
struct FaultItem {
    #[schema(example = 17)]
    seq: u64,
    #[schema(example = "the hash of entry 17 differs from the one in the next entry")]
    what: String,
}

/// Verify the ledger
///
/// Reads every entry of every chain. Concurrent requests share one run.
#[utoipa::path(
    get,
    path = "/api/v1/ledger/verification",
    responses((status = 200, description = "The result, with the first fault.", body = VerdictItem)),
)]
pub(super) async fn verify_ledger(call: Call) -> Result<Reply, Problem> {
    let verdict = call.authority.ledger.verify().await?;
    let fault = verdict.fault.as_ref().map(|fault| FaultItem { seq: fault.seq(), what: fault.to_string() });
    Ok(Reply::ok(&VerdictItem {
        chain: verdict.chain,
        entries: verdict.entries,
        intact: fault.is_none(),
        fault,
    }))
}
