//! `/ledger`: the entries of the ledger.

use strum::VariantArray as _;

use super::form::Choice;
use super::frame::{self, Frame};
use super::grant;
use super::list::{self, Listing, Rows};
use super::parts::{Icon, Moment, grouped};
use crate::http::call::Call;
use crate::http::problem::{Code, Problem};
use crate::http::reply::Reply;
use crate::http::request::EntryWords;
use crate::ledger::{Action, Outcome, parse};
use crate::service::labels::ActorLabels;
use crate::store::{EntryFilter, EntryRecord, PageQuery};
use crate::text::hex;

/// Number of entries on the page of one token or host.
pub(super) const NEWEST: u32 = 20;

#[derive(askama::Template)]
#[template(path = "ledger.html")]
struct LedgerPage<'a> {
    frame: Frame<'a>,
    words: Listing,
    actions: Vec<Choice>,
    outcomes: Vec<Choice>,
    rows: Vec<EntryRow>,
    next: Option<String>,
    /// The address of the export with the same filters.
    export: String,
    fault: Option<String>,
    verdict: Option<(bool, String)>,
}

/// An entry of the ledger, on every page that shows some.
pub(super) struct EntryRow {
    pub(super) seq: u64,
    pub(super) action: String,
    /// The reason of a refusal.
    pub(super) refused: Option<String>,
    /// The address and the name of the page about the host or the token.
    pub(super) subject: Option<(String, String)>,
    pub(super) actor: String,
    pub(super) from: String,
    pub(super) at: Moment,
}

impl EntryRow {
    fn new(call: &Call, entry: &EntryRecord, labels: &ActorLabels) -> Self {
        let subject = |section: &str, noun: &str, id: String| {
            (format!("/{section}/{id}"), format!("{noun} {}", grant::short(&id)))
        };
        let token = entry.token.map(|id| subject("tokens", "token", id.to_string()));
        let host = entry.host.map(|id| subject("hosts", "host", id.to_string()));
        let is_refused = entry.outcome == Outcome::Refused.as_str();
        Self {
            seq: entry.seq,
            action: entry.action.replace('_', " "),
            refused: is_refused.then(|| entry.reason.replace('_', " ")),
            subject: host.or(token),
            actor: grant::actor(&entry.origin.actor, labels),
            from: entry.origin.address.map(|address| address.to_string()).unwrap_or_default(),
            at: Moment::new(entry.origin.at, call.authority.time.now()),
        }
    }
}

/// The newest entries that meet this filter.
pub(super) async fn newest(call: &Call, filter: EntryFilter, most: u32) -> Result<Vec<EntryRow>, Problem> {
    let (page, labels) = call.authority.ledger.list(filter, PageQuery::new(None, most)).await?;
    Ok(page.items.iter().map(|entry| EntryRow::new(call, entry, &labels)).collect())
}

/// Shows the list.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    list(&call, None).await
}

/// Verifies the whole ledger now.
pub(super) async fn verify(call: Call) -> Result<Reply, Problem> {
    let verdict = call.authority.ledger.verify().await?;
    let text = match &verdict.fault {
        None => {
            format!("All {} entries are intact: nothing was changed or removed.", grouped(verdict.entries))
        }
        Some(fault) => {
            format!("The ledger is damaged: {fault}. Restore it from a backup, and find out who had access.")
        }
    };
    list(&call, Some((verdict.fault.is_none(), text))).await
}

async fn list(call: &Call, verdict: Option<(bool, String)>) -> Result<Reply, Problem> {
    let words = Listing::of(call)?;
    let frame = Frame::of(call, "Ledger", "/ledger").await?;
    let Rows { rows, next, fault, status } = rows(call).await.into();
    let actions = Action::VARIANTS.iter().map(|action| action.as_str());
    let actions = actions.map(|action| (action, action.replace('_', " "))).collect::<Vec<_>>();
    let actions = actions.iter().map(|(value, name)| (*value, name.as_str()));
    let page = LedgerPage {
        actions: words.choices("action", [("", "Any action")].into_iter().chain(actions)),
        outcomes: words
            .choices("outcome", [("", "Done or refused"), ("done", "Done"), ("refused", "Refused")]),
        next: next.map(|cursor| words.after(&cursor)),
        export: words.at("/api/v1/ledger/export", &[]),
        fault,
        frame,
        words,
        rows,
        verdict,
    };
    frame::page(status, &page)
}

async fn rows(call: &Call) -> Result<(Vec<EntryRow>, Option<String>), Problem> {
    let (paging, words) = list::paging::<EntryWords>(call, "ledger")?;
    let filter = words.judge(call.authority.time.now())?;
    let (page, labels) = call.authority.ledger.list(filter, paging.query()?).await?;
    let rows = page.items.iter().map(|entry| EntryRow::new(call, entry, &labels)).collect();
    Ok((rows, paging.cursor_at(page.next)))
}

#[derive(askama::Template)]
#[template(path = "ledger_entry.html")]
struct EntryPage<'a> {
    frame: Frame<'a>,
    row: EntryRow,
    chain: String,
    hash: String,
    /// The hashed content, as indented JSON.
    content: String,
    before: Option<EntryRow>,
    after: Option<EntryRow>,
}

/// Shows one entry with its hash and its neighbours.
pub(super) async fn show_one(call: Call) -> Result<Reply, Problem> {
    let missing = || Problem::of(Code::NotFound, "ledger entry not found");
    let seq = call.head.param("id").parse::<u64>().map_err(|_| missing())?;
    let (entries, labels) = call.authority.ledger.around(seq).await?;
    let row = |wanted: u64| {
        let entry = entries.iter().find(|entry| entry.seq == wanted);
        entry.map(|entry| EntryRow::new(&call, entry, &labels))
    };
    let entry = entries.iter().find(|entry| entry.seq == seq).ok_or_else(missing)?;
    let page = EntryPage {
        row: EntryRow::new(&call, entry, &labels),
        chain: entry.chain.to_string(),
        hash: hex(&entry.hash),
        content: content(entry),
        before: seq.checked_sub(1).and_then(row),
        after: seq.checked_add(1).and_then(row),
        frame: Frame::of(&call, format!("Entry {seq}"), "/ledger").await?,
    };
    frame::ok(&page)
}

/// The hashed content of an entry as indented JSON.
fn content(entry: &EntryRecord) -> String {
    let body =
        parse(&entry.bytes).and_then(|hashed| serde_json::from_slice::<serde_json::Value>(hashed.body).ok());
    body.and_then(|body| serde_json::to_string_pretty(&body).ok()).unwrap_or_default()
}
