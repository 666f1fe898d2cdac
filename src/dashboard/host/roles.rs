//! `/hosts/{id}/roles`: the roles of a host.

use super::of_path;
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::grant;
use crate::dashboard::parts::Icon;
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::name::Role;
use crate::store::HostRecord;

/// The beginning of the field of each role. A form does not repeat a field.
const ROLE_FIELD: &str = "role.";

#[derive(askama::Template)]
#[template(path = "host_roles.html")]
struct RolesPage<'a> {
    frame: Frame<'a>,
    id: String,
    name: String,
    revision: u64,
    roles: Vec<RoleChoice>,
    /// Roles of the host that no host can get any longer.
    former: String,
    now: bool,
    fault: Option<String>,
}

/// A role of the catalogue.
struct RoleChoice {
    name: String,
    description: String,
    is_chosen: bool,
}

/// The fields of the form.
struct Asked {
    roles: Vec<String>,
    now: bool,
    revision: Option<u64>,
}

/// Shows the form.
pub(in crate::dashboard) async fn show(call: Call) -> Result<Reply, Problem> {
    form(&call, None).await
}

/// Gives the host the chosen roles.
pub(in crate::dashboard) async fn change(call: Call) -> Result<Reply, Problem> {
    let (host, asked) = (of_path(&call).await?, Asked::read(&call.body)?);
    let roles = (asked.roles.as_slice(), asked.now);
    let changed = call.authority.hosts.set_roles(&call.caller, host.id, roles, asked.revision).await;
    match changed.map_err(Problem::from) {
        Ok(_) => Ok(Reply::see_other(&format!("/hosts/{}", host.id))),
        Err(problem) => form(&call, Some((Refusal::of(problem)?, asked))).await,
    }
}

impl Asked {
    fn read(body: &[u8]) -> Result<Self, Problem> {
        let form = Form::parse(body)?;
        let now = form.get("when") == Some("now");
        // No host has revision 0.
        let revision = form.get("revision").map(|revision| revision.parse().unwrap_or(0));
        let fields = form.into_pairs().into_iter();
        let roles = fields.filter_map(|(name, _)| name.strip_prefix(ROLE_FIELD).map(str::to_owned)).collect();
        Ok(Self { roles, now, revision })
    }
}

async fn form(call: &Call, refused: Option<(Refusal, Asked)>) -> Result<Reply, Problem> {
    let host = of_path(call).await?;
    let (refused, asked) = refused.unzip();
    let chosen = |role: &Role| match &asked {
        Some(asked) => asked.roles.iter().any(|name| name == role.as_str()),
        None => host.facts.roles.contains(role),
    };
    let name = grant::host_name(&host);
    let frame = Frame::of(call, format!("Roles of {name}"), "/hosts").await?;
    let (status, fault) = refusal::parts(refused);
    let page = RolesPage {
        frame,
        id: host.id.to_string(),
        name,
        revision: host.revision,
        roles: choices(call, &host, chosen),
        former: former(call, &host),
        now: asked.as_ref().is_some_and(|asked| asked.now),
        fault,
    };
    frame::page(status, &page)
}

/// The roles of the catalogue that the caller may give, and those that the host has.
fn choices(call: &Call, host: &HostRecord, chosen: impl Fn(&Role) -> bool) -> Vec<RoleChoice> {
    let allowed = &call.caller.rights.limits.roles;
    let offered = |(role, _): &(&Role, &str)| allowed.allows(role) || host.facts.roles.contains(role);
    let choice = |(role, description): (&Role, &str)| RoleChoice {
        name: role.to_string(),
        description: description.to_owned(),
        is_chosen: chosen(role),
    };
    call.authority.roles.iter().filter(offered).map(choice).collect()
}

/// The roles of the host that have left the catalogue.
fn former(call: &Call, host: &HostRecord) -> String {
    let catalogue = &call.authority.roles;
    let known = |role: &Role| catalogue.iter().any(|(known, _)| known == role);
    let former = host.facts.roles.iter().filter(|role| !known(role)).map(Role::as_str);
    former.collect::<Vec<_>>().join(", ")
}
