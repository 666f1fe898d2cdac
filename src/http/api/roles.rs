//! `GET /api/v1/roles`: the catalogue.

use serde::Serialize;

use super::paging::whole;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;

#[derive(Serialize)]
struct RoleItem<'a> {
    id: &'a str,
    description: &'a str,
}

pub(super) async fn list(call: Call) -> Result<Reply, Problem> {
    let roles = call.authority.settings().roles.iter();
    Ok(whole(roles.map(|(role, description)| RoleItem { id: role.as_str(), description }).collect()))
}
