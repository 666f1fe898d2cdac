//! `/tokens/{id}`: one token, and the acts on it.

pub(super) mod release;

use super::frame::{self, Frame};
use super::grant::{self, TokenRow};
use super::ledger::{self, EntryRow};
use super::parts::{Icon, Moment};
use super::refusal::{self, Refusal};
use super::shown_once;
use crate::access::Permission;
use crate::approval::Approval;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::{Code, Problem};
use crate::http::reply::Reply;
use crate::id::{PolicyId, TokenId};
use crate::service::tokens::HowToRevoke;
use crate::service::tokens::rotation::OVERLAP;
use crate::store::{EntryFilter, HostRecord, TokenRecord, TokenState};

#[derive(askama::Template)]
#[template(path = "token.html")]
struct TokenPage<'a> {
    frame: Frame<'a>,
    row: TokenRow,
    allows: String,
    facts: Vec<(&'static str, String)>,
    /// The name and the id of the policy of its hosts.
    policy: Option<(String, PolicyId)>,
    successor: Option<TokenId>,
    hosts: Option<Vec<HostLine>>,
    joined: bool,
    entries: Option<Vec<EntryRow>>,
    /// The acts that this user may do on this token now.
    revocable: bool,
    rotatable: bool,
    readable: bool,
    releasable: bool,
}

/// A host that a token admitted.
pub(super) struct HostLine {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) enrolled: Moment,
}

/// Shows the token.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let token = found(&call).await?;
    let id = token.mint.token.id;
    let (authority, now) = (&call.authority, call.authority.time.now());
    let labels = authority.tokens.minter_labels(std::slice::from_ref(&token)).await?;
    let row = TokenRow::new(&token, &labels, now);
    let hosts = match call.may(Permission::ReadHosts) {
        true => Some(
            authority.hosts.hosts_of(id).await?.into_iter().map(|host| host_line(&call, &host)).collect(),
        ),
        false => None,
    };
    let entries = match call.may(Permission::ReadLedger) {
        true => {
            let filter = EntryFilter { token: Some(id), ..EntryFilter::default() };
            Some(ledger::newest(&call, filter, ledger::NEWEST).await?)
        }
        false => None,
    };
    let frame = Frame::of(&call, row.label.clone(), "/tokens").await?;
    let writes = frame.may.write_tokens;
    let suspended = token.state(now) == TokenState::Suspended;
    frame::ok(&TokenPage {
        allows: grant::sentence(&token.mint.terms, now),
        facts: facts(&token),
        policy: token.mint.terms.policy.map(|id| (policy_name(&call, id), id)),
        successor: token.replaced_by,
        hosts,
        joined: token.used > 0,
        entries,
        revocable: writes && !row.ended,
        rotatable: writes && token.may_rotate(now).is_ok() && token.mint.terms.bindings.host.is_none(),
        readable: writes && token.mint.has_api_key() && !row.ended && !suspended,
        releasable: writes && suspended,
        row,
        frame,
    })
}

/// The token of this path.
async fn found(call: &Call) -> Result<TokenRecord, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    Ok(call.authority.tokens.show_token(id).await?)
}

/// The name of a policy. A deleted one has the end of its id.
fn policy_name(call: &Call, id: PolicyId) -> String {
    let policy = call.authority.policies.policies.get(id);
    policy.map_or_else(|| grant::short(&id.to_string()), |policy| policy.terms.name.to_string())
}

/// The conditions that a token has beyond its sentence.
fn facts(token: &TokenRecord) -> Vec<(&'static str, String)> {
    let terms = &token.mint.terms;
    let names = terms.bindings.dns_names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let facts = [
        ("Cluster", terms.bindings.cluster.as_ref().map(ToString::to_string)),
        ("Host", terms.bindings.host.map(|host| host.to_string())),
        ("DNS names", (!names.is_empty()).then_some(names)),
        ("Key", terms.host_key.map(|key| key.to_string())),
        ("Approval", (terms.approval != Approval::Off).then(|| terms.approval.to_string())),
        ("Expected hosts", token.mint.expected_hosts.map(|hosts| hosts.to_string())),
        ("Batch", token.mint.batch.map(|batch| batch.to_string())),
        ("Signing key", Some(token.mint.signing_key.to_string())),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A host in the list of a token.
fn host_line(call: &Call, host: &HostRecord) -> HostLine {
    HostLine {
        id: host.id.to_string(),
        name: grant::host_name(host),
        enrolled: Moment::new(host.enrolled_at, call.authority.time.now()),
    }
}

#[derive(askama::Template)]
#[template(path = "revoke_token.html")]
struct RevokeTokenPage<'a> {
    frame: Frame<'a>,
    id: TokenId,
    label: String,
    live_hosts: u64,
    emergency: bool,
    faults: Vec<String>,
}

/// Asks before a token is revoked.
pub(super) async fn ask_to_revoke(call: Call) -> Result<Reply, Problem> {
    let token = found(&call).await?;
    revocation(&call, &token, None).await
}

async fn revocation(call: &Call, token: &TokenRecord, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let id = token.mint.token.id;
    let label = grant::token_label(&token.mint);
    let (status, faults) = refusal::parts(refused);
    let page = RevokeTokenPage {
        frame: Frame::of(call, format!("Revoke {label}"), "/tokens").await?,
        id,
        label,
        live_hosts: call.authority.hosts.count_live(id).await?,
        emergency: token.mint.is_emergency(),
        faults,
    };
    frame::page(status, &page)
}

/// Revokes a token, with its hosts if that is chosen.
pub(super) async fn revoke(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    let token = found(&call).await?;
    let id = token.mint.token.id;
    let along = form.get("hosts") == Some("revoke");
    if along {
        call.demand(Permission::WriteHosts)?;
    }
    let even_emergency = form.get("confirm") == Some("emergency");
    let how = HowToRevoke { even_emergency, only_persistent: false, hosts: along };
    match call.authority.tokens.revoke_token(&call.caller, id, how).await.map_err(Problem::from) {
        Ok(_) => Ok(Reply::see_other(&format!("/tokens/{id}"))),
        Err(problem) => revocation(&call, &token, Some(Refusal::of(problem)?)).await,
    }
}

#[derive(askama::Template)]
#[template(path = "rotate_token.html")]
struct RotateTokenPage<'a> {
    frame: Frame<'a>,
    id: TokenId,
    label: String,
}

/// Asks before a token is rotated.
pub(super) async fn ask_to_rotate(call: Call) -> Result<Reply, Problem> {
    let token = found(&call).await?;
    let label = grant::token_label(&token.mint);
    let frame = Frame::of(&call, format!("Rotate {label}"), "/tokens").await?;
    frame::ok(&RotateTokenPage { frame, id: token.mint.token.id, label })
}

/// Mints the successor of a token and shows it once. A form that is sent again leads to the token, which has a successor.
pub(super) async fn rotate(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    let token = found(&call).await?;
    let id = token.mint.token.id;
    if token.replaced_by.is_some() {
        return Ok(Reply::see_other(&format!("/tokens/{id}")));
    }
    let overlap = (form.get("overlap") != Some("none")).then_some(OVERLAP);
    let rotated = match call.authority.tokens.rotate_token(&call.caller, id, overlap).await {
        Ok(rotated) => rotated,
        // The same form, sent at the same time, may have been faster.
        Err(_) if found(&call).await?.replaced_by.is_some() => {
            return Ok(Reply::see_other(&format!("/tokens/{id}")));
        }
        Err(error) => return Err(error.into()),
    };
    shown_once::page(&call, &rotated.minted, &rotated.order.label, rotated.order.kind, None).await
}

#[derive(askama::Template)]
#[template(path = "show_token.html")]
struct ShownAgainPage<'a> {
    frame: Frame<'a>,
    id: TokenId,
    api_key: &'a str,
}

/// Shows a policy's token again, as the `api_key` that agents send. The ledger records the reading.
pub(super) async fn show_again(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let token = call.authority.fleet.show(&call.caller, id).await?;
    let unreadable = || Problem::of(Code::NotFound, "this token cannot be shown again");
    let api_key = token.and_then(|token| token.api_key).ok_or_else(unreadable)?;
    let frame = Frame::of(&call, "Token", "/tokens").await?;
    frame::ok(&ShownAgainPage { frame, id, api_key: api_key.expose() })
}
