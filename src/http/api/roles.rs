//! `GET /api/v1/roles`: the catalogue.

use serde::Serialize;
use utoipa::ToSchema;

use super::paging::{Listed, whole};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::name::Role;

#[derive(Serialize, ToSchema)]
#[schema(as = CatalogueRole)]
struct RoleItem<'a> {
    #[schema(value_type = Role)]
    id: &'a str,
    #[schema(example = "runs workloads")]
    description: &'a str,
}

/// List the roles
///
/// The catalogue of the configuration.
#[utoipa::path(
    get,
    path = "/api/v1/roles",
    responses((status = 200, description = "All roles.", body = Listed<RoleItem<'static>>)),
)]
pub(super) async fn list_roles(call: Call) -> Result<Reply, Problem> {
    let roles = call.authority.roles.iter();
    Ok(whole(roles.map(|(role, description)| RoleItem { id: role.as_str(), description }).collect()))
}
