//! Hosts.

use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, ToSchema};

use super::paging::{FormParams, ListForm, Listed, Ordered, PageParams, Paging};
use super::shapes::{HostItem, Revoked};
use crate::cells::HOSTS;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::{HostOrderWords, HostWords};
use crate::http::revision::{self, IfMatch};
use crate::id::{HostId, PolicyId};
use crate::name::{Label, Role};
use crate::service::FieldError;
use crate::service::membership::Target;
use crate::store::HostRecord;
use crate::token::present;

/// List hosts
///
/// A page of hosts. The newest is first, unless `sort` is given. As CSV it has the cells of
/// `gatepass host list -o csv`, and the header `Link` has the address of the next page.
#[utoipa::path(
    get,
    path = "/api/v1/hosts",
    params(PageParams, FormParams, HostOrderWords, HostWords),
    responses(
        (
            status = 200,
            description = "A page of hosts.",
            content((Listed<HostItem> = "application/json"), (String = "text/csv")),
            headers(("Link" = Option<String>, description = "With CSV: the address of the next page, with `rel=\"next\"`.")),
        ),
    ),
)]
pub(super) async fn list_hosts(call: Call) -> Result<Reply, Problem> {
    let (paging, form, Ordered { filters, order }) =
        Paging::read_formed::<HostWords, HostOrderWords>(&call, "hosts")?;
    let (page, now) = (paging.query()?, call.authority.time.now());
    let hosts = call.authority.hosts.list_hosts(order.judge(filters.judge(now))?, page).await?;
    let item = |host| HostItem::new(host, now);
    Ok(match form {
        ListForm::Json => paging.rendered(hosts, item),
        ListForm::Csv => paging.as_csv(&call, hosts, &HOSTS, item),
    })
}

/// Show a host
#[utoipa::path(
    get,
    path = "/api/v1/hosts/{id}",
    params(("id" = HostId, Path, description = "Id of the host.")),
    responses(ShownHost),
)]
pub(super) async fn show_host(call: Call) -> Result<Reply, Problem> {
    let host = call.authority.hosts.show_host(call.id("id", "host", HostId::parse)?).await?;
    ShownHost::reply(&call, host).await
}

/// The host, with its revision as entity tag.
#[derive(Serialize, IntoResponses)]
#[response(status = 200, headers(("ETag" = String, description = "Revision of the host, for `If-Match`.")))]
pub(super) struct ShownHost(HostItem);

impl ShownHost {
    /// The answer with one host, and its entity tag.
    pub(super) async fn reply(call: &Call, host: HostRecord) -> Result<Reply, Problem> {
        let (revision, now) = (host.revision, call.authority.time.now());
        let outputs = call.authority.output_keys.states_of_host(host.id).await?;
        let shown = Self(HostItem::new(host, now).with_outputs(outputs));
        Ok(revision::tagged(Reply::ok(&shown), revision))
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ChangeHostRequest, example = json!({ "roles": ["proxy"] }))]
struct HostChange {
    /// All roles of the host.
    #[schema(value_type = Option<Vec<Role>>, max_items = 32)]
    roles: Option<Vec<String>>,
    /// True: revoke certificates with a removed role immediately.
    #[serde(default)]
    now: bool,
    /// Policy of the host; `null`: none. It is effective with the next certificate.
    #[schema(value_type = Option<PolicyId>)]
    #[serde(default, deserialize_with = "present")]
    policy: Option<Option<String>>,
    /// True: roles that the policy does not have are taken from the host.
    #[serde(default)]
    drop_roles: bool,
    /// Label of the host for administrators. An empty one removes it: then the label that the host reported counts.
    #[schema(value_type = Option<Label>)]
    label: Option<String>,
}

/// Change a host's roles, policy or label
///
/// Roles are effective with the next certificate. With `now`, certificates with a removed role are revoked immediately.
/// Former and new roles must be within the caller's limits. For a move to another policy, so must both policies, and the
/// host's roles, name and cluster. A caller with limits labels the hosts that it may revoke.
#[utoipa::path(
    patch,
    path = "/api/v1/hosts/{id}",
    params(
        ("id" = HostId, Path, description = "Id of the host."),
        IfMatch,
    ),
    request_body = HostChange,
    responses(
        ShownHost,
        code::BeyondLimits,
        code::HostRevoked,
        code::RolesNotInPolicy,
        code::Stale,
    ),
)]
pub(super) async fn change_host(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "host", HostId::parse)?;
    let HostChange { roles, now, policy, drop_roles, label } = decode::strict(&call.body)?;
    let to = policy.map(|policy| target(policy.as_deref(), drop_roles)).transpose()?;
    match (&roles, to) {
        (Some(_), Some(_)) => return Err(Problem::invalid_field("policy", "not together with roles")),
        (_, None) if drop_roles => {
            return Err(Problem::invalid_field("drop_roles", "only together with policy"));
        }
        _ => {}
    }
    let label = label.map(|label| Label::parse(&label).map_err(|error| FieldError::of("label", &error)));
    let label = label.transpose().map_err(|fault| Problem::invalid_fields(vec![fault]))?;
    let (hosts, IfMatch(mut revision)) = (&call.authority.hosts, IfMatch::of(&call.head));
    if label.is_some() {
        // Before the roles change: a refusal changes nothing.
        hosts.may_revoke(&call.caller, id).await?;
    }
    let mut changed = match roles {
        Some(roles) => Some(hosts.set_roles(&call.caller, id, (&roles, now), revision).await?),
        None if now => return Err(Problem::invalid_field("now", "only together with roles")),
        None => None,
    };
    if let Some(to) = to {
        changed = Some(hosts.move_host(&call.caller, id, to, revision).await?);
    }
    if let Some(label) = label {
        revision = revision.and(changed.as_ref().map(|host| host.revision)).or(revision);
        changed = Some(hosts.set_label(&call.caller, id, label, revision).await?);
    }
    let nothing = || Problem::invalid_field("body", "nothing to change: give `roles`, `policy` or `label`");
    ShownHost::reply(&call, changed.ok_or_else(nothing)?).await
}

/// The policy that hosts get.
pub(super) fn target(policy: Option<&str>, drop_roles: bool) -> Result<Target, Problem> {
    let parse =
        |id| PolicyId::parse(id).ok_or_else(|| Problem::invalid_field("policy", "not the id of a policy"));
    Ok(Target { policy: policy.map(parse).transpose()?, drop_roles })
}

#[derive(Serialize, ToSchema)]
struct RevokedHost {
    id: HostId,
    #[serde(flatten)]
    revoked: Revoked,
}

/// Revoke a host
///
/// Its certificates and keys are refused immediately. A caller with limits revokes hosts that its tokens admitted, and
/// hosts within its limits.
#[utoipa::path(
    delete,
    path = "/api/v1/hosts/{id}",
    params(
        ("id" = HostId, Path, description = "Id of the host."),
        IfMatch,
    ),
    responses((status = 200, description = "Revoked.", body = RevokedHost), code::BeyondLimits, code::Stale),
)]
pub(super) async fn revoke_host(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "host", HostId::parse)?;
    let IfMatch(revision) = IfMatch::of(&call.head);
    let changed = call.authority.hosts.revoke_host(&call.caller, id, revision).await?;
    Ok(Reply::ok(&RevokedHost { id, revoked: Revoked { state: "revoked", changed } }))
}
