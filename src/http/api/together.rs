//! `POST /api/v1/enrollment-tokens/revoke` and `POST /api/v1/hosts/revoke`: take many back, after a count.

use serde::{Deserialize, Serialize};

use super::tokens::revoke::TheirHosts;
use crate::access::Permission;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::{HostId, TokenId};
use crate::service::FieldError;
use crate::service::listing::{HostWords, TokenWords};
use crate::service::together::{HostsOrder, Tally, TokensOrder, Which};

/// How many ids one call may bring: as many as fit its body.
const MOST_IDS: usize = 1000;

#[derive(Deserialize)]
#[serde(default)]
struct Request<Words> {
    ids: Option<Vec<String>>,
    filter: Option<Words>,
    all: bool,
    expect: Option<u64>,
    dry_run: bool,
}

impl<Words> Default for Request<Words> {
    fn default() -> Self {
        Self { ids: None, filter: None, all: false, expect: None, dry_run: false }
    }
}

/// The same, with what becomes of the hosts.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TokensRequest {
    ids: Option<Vec<String>>,
    filter: Option<TokenWords>,
    all: bool,
    expect: Option<u64>,
    dry_run: bool,
    hosts: Option<TheirHosts>,
}

/// What would be taken back.
#[derive(Serialize)]
struct Counted {
    dry_run: bool,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hosts: Option<u64>,
}

/// What was.
#[derive(Serialize)]
struct Done {
    dry_run: bool,
    revoked: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hosts_revoked: Option<u64>,
}

/// `POST /api/v1/enrollment-tokens/revoke`.
pub(super) async fn tokens(call: Call) -> Result<Reply, Problem> {
    let TokensRequest { ids, filter, all, expect, dry_run, hosts } = decode::strict(&call.body)?;
    let hosts = hosts == Some(TheirHosts::Revoke);
    if hosts {
        call.demand(Permission::WriteHosts)?;
    }
    let which = Request { ids, filter, all, expect, dry_run }.which(TokenWords::is_empty, TokenId::parse)?;
    let order = TokensOrder { which, hosts, expect };
    let authority = &call.authority;
    if dry_run {
        let Tally { tokens, hosts: admitted } = authority.count_tokens(&order).await?;
        return Ok(Reply::ok(&Counted { dry_run, count: tokens, hosts: hosts.then_some(admitted) }));
    }
    let done = authority.revoke_tokens(&call.caller(), &order).await?;
    Ok(Reply::ok(&Done { dry_run, revoked: done.tokens, hosts_revoked: hosts.then_some(done.hosts) }))
}

/// `POST /api/v1/hosts/revoke`.
pub(super) async fn hosts(call: Call) -> Result<Reply, Problem> {
    let request = decode::strict::<Request<HostWords>>(&call.body)?;
    let (expect, dry_run) = (request.expect, request.dry_run);
    let order = HostsOrder { which: request.which(HostWords::is_empty, HostId::parse)?, expect };
    if dry_run {
        let count = call.authority.count_hosts(&order).await?.hosts;
        return Ok(Reply::ok(&Counted { dry_run, count, hosts: None }));
    }
    let done = call.authority.revoke_hosts(&call.caller(), &order).await?;
    Ok(Reply::ok(&Done { dry_run, revoked: done.hosts, hosts_revoked: None }))
}

impl<Words: Default> Request<Words> {
    /// Which things are meant: some ids, or a filter, or all; and whoever names no ids says how many they are.
    fn which<Id>(
        self,
        is_empty: impl Fn(&Words) -> bool,
        parse: impl Fn(&str) -> Option<Id>,
    ) -> Result<Which<Words, Id>, Problem> {
        let wrong =
            |field: &str, what: &str| Err(Problem::invalid_fields(vec![FieldError::new(field, what)]));
        let Self { ids, filter, all, expect, dry_run } = self;
        let filter = filter.filter(|filter| !is_empty(filter));
        match (ids, filter) {
            (Some(_), Some(_)) => wrong("ids", "give either ids or a filter, not both"),
            (Some(_), None) if all => wrong("all", "not together with ids"),
            (None, Some(_)) if all => wrong("all", "not together with a filter"),
            (None, None) if !all => {
                wrong("filter", "it says nothing: give ids or a filter, or \"all\": true for all there are")
            }
            (Some(ids), None) if ids.len() > MOST_IDS => {
                wrong("ids", "more than 1000: send them in several calls")
            }
            (Some(ids), None) => match ids.iter().map(|id| parse(id)).collect() {
                Some(ids) => Ok(Which::Ids(ids)),
                None => wrong("ids", "one of them is no id"),
            },
            (None, _) if expect.is_none() && !dry_run => {
                wrong("expect", "say how many: ask with \"dry_run\": true, and bring the count it answers")
            }
            (None, filter) => Ok(Which::Matching(filter.unwrap_or_default())),
        }
    }
}
