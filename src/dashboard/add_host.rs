//! `/add-host`: the wizard that makes a token.

mod request;

use http::StatusCode;

use self::request::{Asked, Kind};
use super::form::{self, Choice, RoleChoice};
use super::frame::{self, Frame};
use super::parts::{Icon, grouped};
use super::refusal::{self, Refusal};
use super::shown_once;
use crate::access::Permission;
use crate::access::limits::Limits;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::metrics;
use crate::http::problem::{Code, Problem};
use crate::http::query;
use crate::http::reply::Reply;
use crate::id::{BodyHash, HostId, IdempotencyKey, random};
use crate::name::Label;
use crate::service::tokens::bulk::Idempotency;
use crate::store::TokenKind;
use crate::text::hex;
use crate::token::MintedToken;

#[derive(askama::Template)]
#[template(path = "add_host.html")]
struct AddHostPage<'a> {
    frame: Frame<'a>,
    kind: Kind,
    name: &'static str,
    offers: Vec<Offer>,
    key: String,
    faults: Vec<String>,
    fields: Vec<Field>,
    policies: Vec<Choice>,
    roles: Vec<RoleChoice>,
    dns: bool,
    persistent: bool,
    sentence: &'static str,
    capacity: Option<String>,
}

/// A kind of token that the user may make.
struct Offer {
    kind: Kind,
    name: &'static str,
    hint: &'static str,
}

/// A text field of the form.
struct Field {
    name: &'static str,
    field: &'static str,
    hint: &'static str,
    value: String,
    required: bool,
    numeric: bool,
}

/// Shows the form. The query fills its fields in.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let asked = Asked::of(query::decode_query(call.head.raw_query())?);
    frame::ok(&page(&call, &asked, Vec::new()).await?)
}

/// Makes the token and shows it once. A form that is sent again leads to the page of its token.
pub(super) async fn make(call: Call) -> Result<Reply, Problem> {
    let asked = Asked::of(Form::parse(&call.body)?.into_pairs());
    match made(&call, &asked).await {
        // An unknown host is a wrong field here.
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => {
            frame::page(problem.status(), &page(&call, &asked, refusal::faults(&problem)).await?)
        }
        Err(problem) => {
            let Refusal { status, faults } = Refusal::of(problem)?;
            frame::page(status, &page(&call, &asked, faults).await?)
        }
        made => made,
    }
}

async fn made(call: &Call, asked: &Asked) -> Result<Reply, Problem> {
    let key = asked
        .values()
        .get("key")
        .ok_or_else(|| Problem::bad_request("open the form again: its key is missing"))?;
    let once = Idempotency { key: IdempotencyKey::of(key.as_bytes()), body: BodyHash::of(&call.body) };
    if let Some(before) = minted_before(call, once).await? {
        return Ok(before);
    }
    let kind = asked.known_kind().ok_or_else(|| Problem::bad_request("select a kind of token"))?;
    let minted = match kind {
        Kind::ReEnrollment => reenroll(call, asked, once).await,
        _ => mint(call, asked, once).await,
    };
    match minted {
        Ok((minted, label, kind)) => {
            let again = (kind != TokenKind::ReEnrollment).then(|| asked.address());
            shown_once::page(call, &minted, &label, kind, again).await
        }
        // The same form, sent at the same time, may have been faster.
        Err(problem) if problem.code == Code::Contended => minted_before(call, once).await?.ok_or(problem),
        Err(problem) => Err(problem),
    }
}

/// The answer to a form that has made its token before: the page of the token.
async fn minted_before(call: &Call, once: Idempotency) -> Result<Option<Reply>, Problem> {
    let before = call.authority.minting.earlier_batch(&call.caller, once).await?;
    Ok(before.map(|before| {
        let page = before.tokens.first().map_or_else(|| "/tokens".to_owned(), |id| format!("/tokens/{id}"));
        Reply::see_other(&page)
    }))
}

type Minted = (MintedToken, Label, TokenKind);

async fn mint(call: &Call, asked: &Asked, once: Idempotency) -> Result<Minted, Problem> {
    let (authority, caller) = (&call.authority, &call.caller);
    let spans = caller.defaults(authority.settings.spans.load());
    let known = (&*authority.roles, &*authority.policies.policies);
    let order = asked.request()?.judge(known, &spans, authority.time.now(), Vec::new())?;
    let (label, kind) = (order.label.clone(), order.kind);
    let minted = authority.minting.mint_once(caller, order, once).await;
    metrics::count("gatepass_mints_total", &minted);
    Ok((minted?.0, label, kind))
}

async fn reenroll(call: &Call, asked: &Asked, once: Idempotency) -> Result<Minted, Problem> {
    call.demand(Permission::WriteHosts)?;
    let (authority, caller) = (&call.authority, &call.caller);
    let unknown =
        || Problem::invalid_field("host", "not the id of a host: copy it from the page of the host");
    let host = asked.values().get("host").and_then(HostId::parse).ok_or_else(unknown)?;
    let spans = caller.defaults(authority.settings.spans.load());
    let order = asked.reenrollment().judge(&spans, authority.time.now(), Vec::new())?;
    let minted = authority.tokens.mint_reenrollment(caller, host, order, Some(once)).await;
    metrics::count("gatepass_mints_total", &minted);
    let (minted, label) = minted?;
    Ok((minted, label, TokenKind::ReEnrollment))
}

async fn page<'a>(call: &'a Call, asked: &Asked, faults: Vec<String>) -> Result<AddHostPage<'a>, Problem> {
    let frame = Frame::of(call, "Add host", "/tokens").await?;
    let limits = &call.caller.rights.limits;
    let offers = offers(limits, frame.may.write_hosts);
    let (values, kind) = (&asked.values().repeatable(), asked.kind());
    let kind = if offers.iter().any(|offer| offer.kind == kind) { kind } else { Kind::OneTime };
    let has_roles = !matches!(kind, Kind::Policy | Kind::ReEnrollment);
    let capacity = call.authority.capacity.show().await?;
    Ok(AddHostPage {
        kind,
        name: kind.name(),
        key: hex(&random::<16>()),
        faults,
        fields: kind.fields().iter().map(|field| field.filled(values)).collect(),
        policies: if kind == Kind::Policy { policies(call, values) } else { Vec::new() },
        roles: if has_roles { form::roles(call, values) } else { Vec::new() },
        dns: values.is_on("dns"),
        persistent: values.is_on("persistent"),
        sentence: kind.sentence(),
        capacity: capacity.node_limit.map(|limit| {
            format!("{} of {} hosts are enrolled.", grouped(capacity.enrolled), grouped(limit.into()))
        }),
        offers,
        frame,
    })
}

/// The kinds that the limits allow.
fn offers(limits: &Limits, writes_hosts: bool) -> Vec<Offer> {
    let may = |kind: &Kind| match kind {
        Kind::OneTime | Kind::Roles => true,
        Kind::Cluster | Kind::Rollout | Kind::Policy => limits.persistent,
        Kind::ReEnrollment => writes_hosts,
    };
    let kinds = Kind::ALL.into_iter().filter(may);
    kinds.map(|kind| Offer { kind, name: kind.name(), hint: kind.hint() }).collect()
}

/// The policies that the user may give.
fn policies(call: &Call, values: &form::Values) -> Vec<Choice> {
    let allowed = &call.caller.rights.limits.policies;
    let all = call.authority.policies.policies.load();
    let mut choices = all
        .values()
        .filter(|policy| allowed.allows(&policy.id))
        .map(|policy| {
            let value = policy.id.to_string();
            let selected = values.get("policy") == Some(value.as_str());
            Choice { value, name: policy.terms.name.to_string(), selected }
        })
        .collect::<Vec<_>>();
    choices.sort_by(|one, other| one.name.cmp(&other.name));
    choices
}
