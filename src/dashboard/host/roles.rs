//! `/hosts/{id}/roles`: the roles of a host.

use super::of_path;
use crate::dashboard::form::{self, RoleChoice, Values};
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
    faults: Vec<String>,
}

/// Shows the form.
pub(in crate::dashboard) async fn show(call: Call) -> Result<Reply, Problem> {
    page(&call, None).await
}

/// Gives the host the chosen roles.
pub(in crate::dashboard) async fn change(call: Call) -> Result<Reply, Problem> {
    let (host, asked) = (of_path(&call).await?, Values::of(Form::parse(&call.body)?.into_pairs()));
    let (roles, now) = (asked.roles(), is_now(&asked));
    let changed =
        call.authority.hosts.set_roles(&call.caller, host.id, (&roles, now), Some(asked.revision())).await;
    match changed.map_err(Problem::from) {
        Ok(_) => Ok(Reply::see_other(&format!("/hosts/{}", host.id))),
        Err(problem) => page(&call, Some((Refusal::of(problem)?, asked))).await,
    }
}

/// True if a removed role ends immediately.
fn is_now(asked: &Values) -> bool {
    asked.get("when") == Some("now")
}

async fn page(call: &Call, refused: Option<(Refusal, Values)>) -> Result<Reply, Problem> {
    let host = of_path(call).await?;
    let (refused, asked) = refused.unzip();
    let chosen = |role: &Role| match &asked {
        Some(asked) => asked.has_role(role),
        None => host.facts.roles.contains(role),
    };
    // A role that the host has stays on the page, also if the caller may not give it.
    let allowed = &call.caller.rights.limits.roles;
    let offered = |role: &Role| allowed.allows(role) || host.facts.roles.contains(role);
    let name = grant::host_name(&host);
    let frame = Frame::of(call, format!("Roles of {name}"), "/hosts").await?;
    let (status, faults) = refusal::parts(refused);
    let shown = RolesPage {
        frame,
        id: host.id.to_string(),
        name,
        revision: host.revision,
        roles: form::choices(call, offered, chosen),
        former: former(call, &host),
        now: asked.as_ref().is_some_and(is_now),
        faults,
    };
    frame::page(status, &shown)
}

/// The roles of the host that have left the catalogue.
fn former(call: &Call, host: &HostRecord) -> String {
    let catalogue = &call.authority.roles;
    let known = |role: &Role| catalogue.iter().any(|(known, _)| known == role);
    let former = host.facts.roles.iter().filter(|role| !known(role)).map(Role::as_str);
    former.collect::<Vec<_>>().join(", ")
}
