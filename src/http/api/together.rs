//! `POST /api/v1/enrollment-tokens/revoke` and `POST /api/v1/hosts/revoke`: revoke many, after a dry run.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shapes::Revoke;
use crate::access::Permission;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::object::object_or_null;
use crate::http::request::{HostWords, TokenWords};
use crate::id::{HostId, TokenId};
use crate::service::selection::Selection;
use crate::service::together::{HostsOrder, SelectionCount, TokensOrder, Which};
use crate::store::TokenType;

/// Maximum number of ids in a request; more do not fit the body.
const MOST_IDS: usize = 1000;

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = RevokeHostsRequest, example = json!({ "filter": { "state": ["expired"] }, "dry_run": true }))]
struct HostsRevocation {
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
#[schema(as = RevokeTokensRequest, example = json!({ "filter": { "unused_for": "30d" }, "dry_run": true }))]
struct TokensRevocation {
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
    hosts: Option<Revoke>,
}

/// The answer of a revocation or a dry run.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = BulkRevocation)]
enum RevokedTogether {
    Counted(DryRunCount),
    Done(RevokedCount),
}

/// The answer of a dry run.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkRevocationDryRun)]
pub(super) struct DryRunCount {
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
#[schema(as = BulkRevocationResult)]
struct RevokedCount {
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
/// A filter does not match tokens beyond the caller's limits.
#[utoipa::path(
    post,
    path = "/api/v1/enrollment-tokens/revoke",
    request_body = TokensRevocation,
    responses(
        (status = 200, description = "The number of revocations, or of a dry run.", body = RevokedTogether),
        code::BeyondLimits,
        code::CountChanged,
        code::EmergencyToken,
    ),
)]
pub(super) async fn revoke_tokens(call: Call) -> Result<Reply, Problem> {
    let TokensRevocation { ids, filter, all, expect, dry_run, hosts } = decode::strict(&call.body)?;
    let hosts = hosts.is_some();
    if hosts {
        call.demand(Permission::WriteHosts)?;
    }
    let which = which((ids, filter, all), dry_run || expect.is_some(), TokenId::parse)?;
    if matches!(which, Which::Matching(_)) {
        call.demand(Permission::ReadTokens)?;
    }
    let authority = &call.authority;
    let (now, retention) = (authority.time.now(), authority.settings.spans.load().retention);
    let which = which.judged(|words| words.judge(TokenType::Enrollment, now, retention))?;
    let order = TokensOrder { which, hosts, expect };
    if dry_run {
        return Ok(counted(authority.tokens.count_tokens(&call.caller, &order).await?, hosts));
    }
    let ids = matches!(order.which, Which::Ids(_));
    let done = authority.tokens.revoke_tokens(&call.caller, &order).await?;
    Ok(Reply::ok(&RevokedTogether::Done(RevokedCount {
        dry_run,
        revoked: done.tokens,
        hosts_revoked: hosts.then_some(done.hosts),
        unknown: ids.then_some(done.unknown),
    })))
}

/// Revoke many hosts
///
/// Selected by ids, by a filter, or all. Without ids, `hosts:read` and the `selection` of a dry run are required too.
/// A filter does not match hosts beyond the caller's limits.
#[utoipa::path(
    post,
    path = "/api/v1/hosts/revoke",
    request_body = HostsRevocation,
    responses(
        (status = 200, description = "The number of revocations, or of a dry run.", body = RevokedTogether),
        code::BeyondLimits,
        code::CountChanged,
    ),
)]
pub(super) async fn revoke_hosts(call: Call) -> Result<Reply, Problem> {
    let HostsRevocation { ids, filter, all, expect, dry_run } = decode::strict(&call.body)?;
    let order = hosts_order(&call, (ids, filter, all), dry_run, expect)?;
    if dry_run {
        return Ok(counted(call.authority.hosts.count_hosts(&call.caller, &order).await?, false));
    }
    let done = call.authority.hosts.revoke_hosts(&call.caller, &order).await?;
    let unknown = matches!(order.which, Which::Ids(_)).then_some(done.unknown);
    Ok(Reply::ok(&RevokedTogether::Done(RevokedCount {
        dry_run,
        revoked: done.hosts,
        hosts_revoked: None,
        unknown,
    })))
}

/// The answer of a dry run. `along`: with the number of hosts.
fn counted(counted: SelectionCount, along: bool) -> Reply {
    Reply::ok(&RevokedTogether::Counted(DryRunCount::of(counted, along)))
}

impl DryRunCount {
    /// The count of a dry run. `along`: with the number of hosts.
    pub(super) fn of(counted: SelectionCount, along: bool) -> Self {
        let SelectionCount { count, hosts, selection } = counted;
        Self { dry_run: true, count, selection, hosts: along.then_some(hosts) }
    }
}

/// The selected hosts of a request. Without ids the caller must be able to list them. Their own words select nothing.
pub(super) fn hosts_order(
    call: &Call,
    selected: (Option<Vec<String>>, Option<HostWords>, bool),
    dry_run: bool,
    expect: Option<Selection>,
) -> Result<HostsOrder, Problem> {
    let which = which(selected, dry_run || expect.is_some(), HostId::parse)?;
    if matches!(which, Which::Matching(_)) {
        call.demand(Permission::ReadHosts)?;
    }
    let judge = |words| HostWords { reported_words: Some(false), ..words }.judge(call.authority.time.now());
    Ok(HostsOrder { which: which.judged(judge)?, expect })
}

/// The selection: ids, a filter, or all. Without ids it needs `expect` or `dry_run`: then it is `known`.
pub(super) fn which<Words: Default + PartialEq, Id>(
    (ids, filter, all): (Option<Vec<String>>, Option<Words>, bool),
    known: bool,
    parse: impl Fn(&str) -> Option<Id>,
) -> Result<Which<Words, Id>, Problem> {
    let wrong = |field: &str, what: &str| Err(Problem::invalid_field(field, what));
    let filter = filter.filter(|filter| *filter != Words::default());
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
        (None, _) if !known => {
            wrong("expect", "send \"dry_run\": true first, then give the `selection` that it returns")
        }
        (None, filter) => Ok(Which::Matching(filter.unwrap_or_default())),
    }
}
