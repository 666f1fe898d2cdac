//! `/admin/keys/new`: a new API key, which the answer shows once.

use http::StatusCode;

use super::{ADMIN, KEYS, Section, sections};
use crate::access::{Limits, Permissions, Scope};
use crate::clock::Timestamp;
use crate::dashboard::admin::act::TURN;
use crate::dashboard::admin::limits::{self, LimitFields};
use crate::dashboard::admin::secrets;
use crate::dashboard::form::{Choice, Values};
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::parts::Icon;
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::request::ApiKeyRequest;
use crate::id::ApiKeyId;
use crate::secret::Secret;
use crate::store::{ApiKeyTerms, PageQuery};

/// The prefix of the boxes that choose scopes.
const SCOPE: &str = "scope.";
/// Number of newest keys among which an earlier one is looked for.
const NEWEST: u32 = 100;

#[derive(askama::Template)]
#[template(path = "admin_new_key.html")]
struct NewKeyPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    since: String,
    label: String,
    ttl: String,
    scopes: Vec<ScopeChoice>,
    audiences: Vec<Choice>,
    limits: LimitFields,
    asks_for_password: bool,
    faults: Vec<String>,
}

/// A box that chooses a scope.
struct ScopeChoice {
    scope: Scope,
    hint: &'static str,
    chosen: bool,
}

/// Shows the form of a new key.
pub(in crate::dashboard::admin) async fn ask_for_one(call: Call) -> Result<Reply, Problem> {
    let mut pairs = limits::pairs(&Limits::LEAST);
    pairs.push(("ttl".to_owned(), "90d".to_owned()));
    editor(&call, &Values::of(pairs), None).await
}

/// Creates a key and shows it once. The form has the time at which it was shown: sent again, it leads to the key that it created.
pub(in crate::dashboard::admin) async fn create(call: Call) -> Result<Reply, Problem> {
    let (values, passwords) = secrets::form(&call)?;
    match created(&call, &values, passwords.current.as_ref()).await {
        Ok(reply) => Ok(reply),
        Err(problem) => {
            let refused = Refusal::of_form(problem, &values)?;
            editor(&call, &values.repeatable(), Some(refused)).await
        }
    }
}

async fn created(call: &Call, values: &Values, current: Option<&Secret<String>>) -> Result<Reply, Problem> {
    let missing = || Problem::bad_request("open the form again: its time is missing");
    let since = values.get("since").and_then(Timestamp::parse_rfc3339).ok_or_else(missing)?;
    let terms = terms(call, values)?;
    let turn = TURN.lock().await;
    if let Some(before) = created_since(call, &terms, since).await? {
        return Ok(Reply::see_other(&format!("{KEYS}/{before}")));
    }
    let (key, text) = call.authority.accounts.create_api_key(&call.caller, terms, current).await?;
    drop(turn);
    let page = ShownOncePage {
        frame: Frame::of(call, "New API key", ADMIN).await?,
        sections: sections(call, KEYS),
        id: key.id,
        label: super::label(&key),
        key: &text,
    };
    frame::page(StatusCode::CREATED, &page)
}

fn terms(call: &Call, values: &Values) -> Result<ApiKeyTerms, Problem> {
    let scopes = values.pairs().filter_map(|(name, _)| name.strip_prefix(SCOPE));
    let request = ApiKeyRequest {
        label: values.text("label"),
        scopes: scopes.map(str::to_owned).collect(),
        ttl: values.owned("ttl"),
        expires_at: None,
        audience: values.owned("audience"),
        limits: Some(limits::read(values)?),
        current_password: None,
    };
    let authority = &call.authority;
    let audiences = authority.trust.load().known_audiences();
    Ok(request.judge((&authority.roles, &audiences), authority.time.now(), Vec::new())?)
}

/// The key with these terms that the user has created since then, if there is one. The expiry counts from the moment of the request.
async fn created_since(
    call: &Call,
    terms: &ApiKeyTerms,
    since: Timestamp,
) -> Result<Option<ApiKeyId>, Problem> {
    let creator = call.caller.actor.to_string();
    let newest =
        call.authority.accounts.list_api_keys(&call.caller, PageQuery::new(None, NEWEST)).await?.items;
    let is_same = |other: &ApiKeyTerms| {
        (&other.label, &other.scopes, &other.limits) == (&terms.label, &terms.scopes, &terms.limits)
            && other.audience == terms.audience
            && other.expires_at.is_some() == terms.expires_at.is_some()
    };
    let made = newest
        .into_iter()
        .find(|key| key.creator == creator && key.created_at >= since && is_same(&key.terms));
    Ok(made.map(|key| key.id))
}

#[derive(askama::Template)]
#[template(path = "admin_key_once.html")]
struct ShownOncePage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    id: ApiKeyId,
    label: String,
    key: &'a Secret<String>,
}

async fn editor(call: &Call, values: &Values, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let (status, faults) = refusal::parts(refused);
    let since = values.owned("since").unwrap_or_else(|| call.authority.time.now().to_rfc3339());
    let scopes = scopes(call, values);
    let page = NewKeyPage {
        frame: Frame::of(call, "New API key", ADMIN).await?,
        sections: sections(call, KEYS),
        since,
        label: values.text("label"),
        ttl: values.text("ttl"),
        asks_for_password: scopes.iter().any(|choice| choice.scope == Scope::Admin),
        scopes,
        audiences: audiences(call, values),
        limits: LimitFields::of(call, values),
        faults,
    };
    frame::page(status, &page)
}

/// The scopes that the user has.
fn scopes(call: &Call, values: &Values) -> Vec<ScopeChoice> {
    let own: Permissions = call.caller.rights.permissions;
    let offered = Scope::ALL.into_iter().filter(|scope| scope.permissions().beyond(own).next().is_none());
    let choice = |scope: Scope| ScopeChoice {
        chosen: values.is_on(&format!("{SCOPE}{scope}")),
        hint: hint(scope),
        scope,
    };
    offered.map(choice).collect()
}

const fn hint(scope: Scope) -> &'static str {
    match scope {
        Scope::TokensRead => "List and show tokens, and verify them",
        Scope::TokensWrite => "Mint and revoke tokens, within the limits",
        Scope::HostsRead => "List and show hosts",
        Scope::HostsWrite => "Change and revoke hosts, approve and deny those that wait",
        Scope::PoliciesRead => "List and show policies and rules",
        Scope::PoliciesWrite => "Change policies and rules",
        Scope::LedgerRead => "Read and verify the ledger",
        Scope::Admin => "Everything",
    }
}

/// The audiences that a key can be for.
fn audiences(call: &Call, values: &Values) -> Vec<Choice> {
    let chosen = values.text("audience");
    let known = call.authority.trust.load().known_audiences();
    let choice = |(value, name): (String, String)| Choice { selected: value == chosen, value, name };
    let any = (String::new(), "Any service".to_owned());
    let known = known.into_iter().map(|audience| (audience.clone(), audience));
    [any].into_iter().chain(known).map(choice).collect()
}
