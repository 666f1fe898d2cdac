//! `/admin/roles`: the catalogue of the configuration.

use super::{ADMIN, Section, sections};
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::parts::Icon;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;

#[derive(askama::Template)]
#[template(path = "admin_roles.html")]
struct RolesPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    roles: Vec<(String, String)>,
}

/// Shows the roles.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let roles = call.authority.roles.iter();
    let page = RolesPage {
        frame: Frame::of(&call, "Roles", ADMIN).await?,
        sections: sections(&call, "/admin/roles"),
        roles: roles.map(|(role, description)| (role.to_string(), description.to_owned())).collect(),
    };
    frame::ok(&page)
}
