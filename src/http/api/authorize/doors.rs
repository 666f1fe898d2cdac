//! The doors of forward authentication, one per row: what their first look left open is judged by certificate.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{Header, RefOr, Response, ResponseBuilder};

use super::by_certificate;
use super::demand::Place;
use crate::http::call::Call;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::name::Role;

const AUDIENCE: &str =
    "The service whose door it is, one of `tokens.audiences`; may be left out where there is only one.";
const DEMAND: &str = "What is needed, in the form of a query with `/` written `%2F`.";
const DEMAND_EXAMPLE: &str = "role=director&audience=https:%2F%2Fjobs.example.org";

/// Judge a request that is guarded
///
/// For nginx, Traefik and other proxies that take any 2xx for yes; by any method, without the body. A service token
/// decides, or without one a host certificate.
#[utoipa::path(
    get,
    path = "/api/v1/authorize",
    operation_id = "authorize",
    tag = tags::ASKING,
    params(
        ("role" = Option<Vec<Role>>, Query, description = "Roles that are needed, all of them.",
            example = json!(["director"])),
        ("audience" = Option<String>, Query, description = AUDIENCE, example = "https://jobs.example.org"),
    ),
    responses(NoContent, code::Guarded),
)]
pub(in crate::http::api) async fn by_query(call: Call) -> Result<Reply, Problem> {
    by_certificate(&call, Place::Query).await
}

/// Judge a request that is guarded, by a demand in the path
///
/// For Envoy, which adds the guarded request's path and query behind its own, and takes nothing but 200 for yes.
#[utoipa::path(
    get,
    path = "/api/v1/authorize-with/{demand}",
    operation_id = "authorize_with",
    tag = tags::ASKING,
    params(("demand" = String, Path, description = DEMAND, example = json!(DEMAND_EXAMPLE))),
    responses(Passed, code::Guarded),
)]
pub(in crate::http::api) async fn by_segment(call: Call) -> Result<Reply, Problem> {
    by_certificate(&call, Place::Segment).await
}

/// Judge a request for the root of what is guarded
///
/// As `authorize_with`, with the path `/` behind it.
#[utoipa::path(
    get,
    path = "/api/v1/authorize-with/{demand}/",
    operation_id = "authorize_root_with",
    tag = tags::ASKING,
    params(("demand" = String, Path, description = DEMAND, example = json!(DEMAND_EXAMPLE))),
    responses(Passed, code::Guarded),
)]
pub(in crate::http::api) async fn of_root(call: Call) -> Result<Reply, Problem> {
    by_certificate(&call, Place::Segment).await
}

/// Judge a request for a path that is guarded
///
/// As `authorize_with`, with any path behind it, of several segments too.
#[utoipa::path(
    get,
    path = "/api/v1/authorize-with/{demand}/{*rest}",
    operation_id = "authorize_path_with",
    tag = tags::ASKING,
    params(
        ("demand" = String, Path, description = DEMAND, example = json!(DEMAND_EXAMPLE)),
        ("rest" = String, Path, description = "The guarded request's path. It is not looked at.", example = "jobs/7"),
    ),
    responses(Passed, code::Guarded),
)]
pub(in crate::http::api) async fn of_rest(call: Call) -> Result<Reply, Problem> {
    by_certificate(&call, Place::Segment).await
}

/// Yes, for proxies that take any 2xx for it.
struct NoContent;

/// Yes, for Envoy.
struct Passed;

impl IntoResponses for NoContent {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        yes("204")
    }
}

impl IntoResponses for Passed {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        yes("200")
    }
}

fn yes(status: &str) -> BTreeMap<String, RefOr<Response>> {
    let header = |description: &str| {
        let mut header = Header::default();
        header.description = Some(description.to_owned());
        header
    };
    let response = ResponseBuilder::new()
        .description("Yes.")
        .header("X-Gatepass-Subject", header("The id of the token or host."))
        .header("X-Gatepass-Roles", header("Its roles, between commas."))
        .header("X-Gatepass-Host", header("The id of the host, if it is one."));
    BTreeMap::from([(status.to_owned(), response.build().into())])
}
