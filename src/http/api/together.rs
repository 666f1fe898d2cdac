//! `POST /api/v1/enrollment-tokens/revoke` and `POST /api/v1/hosts/revoke`: revoke many, after a dry run.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tokens::revoke::TheirHosts;
use crate::access::Permission;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::object::object_or_null;
use crate::http::request::{HostWords, TokenWords};
use crate::id::{HostId, TokenId};
use crate::service::FieldError;
use crate::service::selection::Selection;
use crate::service::together::{HostsOrder, SelectionCount, TokensOrder, Which};
use crate::store::TokenKind;

/// Maximum number of ids in a request; more do not fit the body.
const MOST_IDS: usize = 1000;

/// The selection of either request.
struct Request<Words> {
    ids: Option<Vec<String>>,
    filter: Option<Words>,
    all: bool,
    expected: bool,
    dry_run: bool,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = HostsRevocation, example = json!({ "filter": { "state": "expired" }, "dry_run": true }))]
struct HostsRequest {
    /// Ids, at most 1000; not together with `filter`.
    #[schema(max_items = 1000)]
    ids: Option<Vec<String>>,
    /// The filter of the list.
    #[serde(deserialize_with = "object_or_null")]
    filter: Option<HostWords>,
    /// Selects all.
    all: bool,
    /// The `selection` of a dry run; required without `ids`.
    #[schema(value_type = Option<String>, example = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")]
    expect: Option<Selection>,
    /// Counts only.
    dry_run: bool,
}

/// A revocation of tokens, maybe with their hosts.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = TokensRevocation, example = json!({ "filter": { "unused_for": "30d" }, "dry_run": true }))]
struct TokensRequest {
    /// Ids, at most 1000; not together with `filter`.
    #[schema(max_items = 1000)]
    ids: Option<Vec<String>>,
    /// The filter of the list.
    #[serde(deserialize_with = "object_or_null")]
    filter: Option<TokenWords>,
    /// Selects all.
    all: bool,
    /// The `selection` of a dry run; required without `ids`.
    #[schema(value_type = Option<String>, example = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")]
    expect: Option<Selection>,
    /// Counts only.
    dry_run: bool,
    /// `revoke`: revokes the hosts enrolled with the tokens too.
    hosts: Option<TheirHosts>,
}

/// The answer of a revocation or a dry run.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = RevokedTogether)]
enum Outcome {
    Counted(Counted),
    Done(Done),
}

/// The answer of a dry run.
#[derive(Serialize, ToSchema)]
#[schema(as = Counted)]
struct Counted {
    #[schema(example = true)]
    dry_run: bool,
    #[schema(example = 3)]
    count: u64,
    /// Name of the counted set, for `expect`.
    #[schema(value_type = String, example = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")]
    selection: Selection,
    /// Number of hosts enrolled with the tokens, if they are revoked too.
    #[schema(nullable = false, example = 5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    hosts: Option<u64>,
}

/// The answer of a revocation.
#[derive(Serialize, ToSchema)]
#[schema(as = RevokedCount)]
struct Done {
    #[schema(example = false)]
    dry_run: bool,
    #[schema(example = 3)]
    revoked: u64,
    #[schema(nullable = false, example = 5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    hosts_revoked: Option<u64>,
    /// Number of unknown ids.
    #[schema(nullable = false, example = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<u64>,
}

/// Revoke many tokens
///
/// Selected by ids, by a filter, or all. Without ids, `tokens:read` and the `selection` of a dry run are required too.
#[utoipa::path(
    post,
    path = "/api/v1/enrollment-tokens/revoke",
    operation_id = "revoke_tokens",
    tag = tags::TOKENS,
    request_body = TokensRequest,
    responses(
        (status = 200, description = "The number of revocations, or of a dry run.", body = Outcome),
        code::CountChanged,
        code::EmergencyToken,
    ),
)]
pub(super) async fn tokens(call: Call) -> Result<Reply, Problem> {
    let TokensRequest { ids, filter, all, expect, dry_run, hosts } = decode::strict(&call.body)?;
    let hosts = hosts == Some(TheirHosts::Revoke);
    if hosts {
        call.demand(Permission::WriteHosts)?;
    }
    let which = Request { ids, filter, all, expected: expect.is_some(), dry_run }
        .which(TokenWords::is_empty, TokenId::parse)?;
    if matches!(which, Which::Matching(_)) {
        call.demand(Permission::ReadTokens)?;
    }
    let authority = &call.authority;
    let (now, retention) = (authority.time.now(), authority.settings.spans.load().retention);
    let which = which.judged(|words| words.judge(TokenKind::Enrollment, now, retention))?;
    let order = TokensOrder { which, hosts, expect };
    if dry_run {
        return Ok(counted(authority.tokens.count_tokens(&order).await?, hosts));
    }
    let ids = matches!(order.which, Which::Ids(_));
    let done = authority.tokens.revoke_tokens(&call.caller, &order).await?;
    Ok(Reply::ok(&Outcome::Done(Done {
        dry_run,
        revoked: done.tokens,
        hosts_revoked: hosts.then_some(done.hosts),
        unknown: ids.then_some(done.unknown),
    })))
}

/// Revoke many hosts
///
/// Selected by ids, by a filter, or all. Without ids, `hosts:read` and the `selection` of a dry run are required too.
#[utoipa::path(
    post,
    path = "/api/v1/hosts/revoke",
    operation_id = "revoke_hosts",
    tag = tags::HOSTS,
    request_body = HostsRequest,
    responses(
        (status = 200, description = "The number of revocations, or of a dry run.", body = Outcome),
        code::CountChanged,
    ),
)]
pub(super) async fn hosts(call: Call) -> Result<Reply, Problem> {
    let HostsRequest { ids, filter, all, expect, dry_run } = decode::strict(&call.body)?;
    let which = Request { ids, filter, all, expected: expect.is_some(), dry_run }
        .which(HostWords::is_empty, HostId::parse)?;
    if matches!(which, Which::Matching(_)) {
        call.demand(Permission::ReadHosts)?;
    }
    let which = which.judged(|words| words.judge(call.authority.time.now()))?;
    let order = HostsOrder { which, expect };
    if dry_run {
        return Ok(counted(call.authority.hosts.count_hosts(&order).await?, false));
    }
    let done = call.authority.hosts.revoke_hosts(&call.caller, &order).await?;
    let unknown = matches!(order.which, Which::Ids(_)).then_some(done.unknown);
    Ok(Reply::ok(&Outcome::Done(Done { dry_run, revoked: done.hosts, hosts_revoked: None, unknown })))
}

/// The answer of a dry run. `along`: with the number of hosts.
fn counted(counted: SelectionCount, along: bool) -> Reply {
    let SelectionCount { count, hosts, selection } = counted;
    Reply::ok(&Outcome::Counted(Counted { dry_run: true, count, selection, hosts: along.then_some(hosts) }))
}

impl<Words: Default> Request<Words> {
    /// The selection: ids, a filter, or all. Without ids it needs `expect` or `dry_run`.
    fn which<Id>(
        self,
        is_empty: impl Fn(&Words) -> bool,
        parse: impl Fn(&str) -> Option<Id>,
    ) -> Result<Which<Words, Id>, Problem> {
        let wrong =
            |field: &str, what: &str| Err(Problem::invalid_fields(vec![FieldError::new(field, what)]));
        let Self { ids, filter, all, expected, dry_run } = self;
        let filter = filter.filter(|filter| !is_empty(filter));
        match (ids, filter) {
            (Some(_), Some(_)) => wrong("ids", "give either ids or a filter, not both"),
            (Some(_), None) if all => wrong("all", "not together with ids"),
            (None, Some(_)) if all => wrong("all", "not together with a filter"),
            (None, None) if !all => wrong("filter", "it is empty: give ids, a filter, or \"all\": true"),
            (Some(ids), None) if ids.len() > MOST_IDS => {
                wrong("ids", "more than 1000: send them in several calls")
            }
            (Some(ids), None) => match ids.iter().map(|id| parse(id)).collect() {
                Some(ids) => Ok(Which::Ids(ids)),
                None => wrong("ids", "one of them is not an id"),
            },
            (None, _) if !expected && !dry_run => {
                wrong("expect", "send \"dry_run\": true first, then give the `selection` that it returns")
            }
            (None, filter) => Ok(Which::Matching(filter.unwrap_or_default())),
        }
    }
}
