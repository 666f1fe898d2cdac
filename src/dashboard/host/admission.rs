//! The admission of a host: its token, the minter, and the rule or the person that let it in.

use serde_json::Value;

use crate::access::Permission;
use crate::clock::Timestamp;
use crate::dashboard::grant;
use crate::dashboard::hosts;
use crate::dashboard::parts::Moment;
use crate::http::call::Call;
use crate::http::problem::{Code, Problem};
use crate::ledger::{Action, parse};
use crate::service::labels::ActorLabels;
use crate::store::{EntryFilter, EntryRecord, HostRecord, PageQuery};

/// The token, the gate and the address that let a host in.
pub(super) struct HostAdmission {
    pub(super) token: String,
    pub(super) token_name: String,
    /// For readers of tokens, while the token is kept.
    pub(super) minter: Option<Minter>,
    /// The gate that it passed, for readers of the ledger.
    pub(super) gate: Option<Gate>,
    /// The address of the request, for readers of the ledger.
    pub(super) from: Option<String>,
    pub(super) enrolled: Moment,
}

/// The minter of a token, with the time of the minting.
pub(super) struct Minter {
    pub(super) name: String,
    pub(super) at: Moment,
}

/// The gate that a host passed.
pub(super) enum Gate {
    /// A rule admitted it.
    Rule(String),
    /// A person approved it.
    Approver(String),
}

impl HostAdmission {
    /// The admission of `host`, as far as the caller may know it.
    pub(super) async fn of(call: &Call, host: &HostRecord) -> Result<Self, Problem> {
        let now = call.authority.time.now();
        let (gate, from) = enrolled(call, host).await?;
        Ok(Self {
            token: host.token.to_string(),
            token_name: hosts::token_name(host),
            minter: minter(call, host, now).await?,
            gate,
            from,
            enrolled: Moment::new(host.enrolled_at, now),
        })
    }
}

async fn minter(call: &Call, host: &HostRecord, now: Timestamp) -> Result<Option<Minter>, Problem> {
    if !call.may(Permission::ReadTokens) {
        return Ok(None);
    }
    let tokens = &call.authority.tokens;
    let token = match tokens.show_token(host.token).await.map_err(Problem::from) {
        Ok(token) => token,
        Err(problem) if problem.code == Code::NotFound => return Ok(None),
        Err(problem) => return Err(problem),
    };
    let labels = tokens.minter_labels(std::slice::from_ref(&token)).await?;
    let name = grant::actor(&token.mint.minter, &labels);
    Ok(Some(Minter { name, at: Moment::new(token.mint.created_at, now) }))
}

/// The gate and the address, as the entry of the enrollment has them.
async fn enrolled(call: &Call, host: &HostRecord) -> Result<(Option<Gate>, Option<String>), Problem> {
    if !call.may(Permission::ReadLedger) {
        return Ok((None, None));
    }
    let (host, action) = (Some(host.id), Some(Action::HostEnrolled));
    let filter = EntryFilter { host, action, ..EntryFilter::default() };
    let (page, labels) = call.authority.ledger.list(filter, PageQuery::new(None, 1)).await?;
    let Some(entry) = page.items.into_iter().next() else { return Ok((None, None)) };
    Ok(match gate(&entry, &labels) {
        // The address of an approval is the approver's.
        Some(Gate::Approver(name)) => (Some(Gate::Approver(name)), None),
        gate => (gate, entry.origin.address.map(|address| address.to_string())),
    })
}

fn gate(entry: &EntryRecord, labels: &ActorLabels) -> Option<Gate> {
    let body: Value = serde_json::from_slice(parse(&entry.bytes)?.body).ok()?;
    let detail = |name: &str| body.pointer(&format!("/detail/{name}"))?.as_str();
    match (detail("rule"), detail("approval")) {
        (Some(rule), _) => Some(Gate::Rule(rule.to_owned())),
        (None, Some("approved")) => Some(Gate::Approver(grant::actor(&entry.origin.actor, labels))),
        _ => None,
    }
}
