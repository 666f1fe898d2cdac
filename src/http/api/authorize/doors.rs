//! The handlers of forward authentication, one per row. They verify host certificates.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{Header, RefOr, Response, ResponseBuilder};

use super::by_certificate;
use super::demand::DemandSource;
use crate::http::call::Call;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::name::Role;

const AUDIENCE: &str =
    "The audience of the guarded service, one of `tokens.audiences`; optional if only one is configured.";
const DEMAND: &str = "The demand, in the form of a query, with `/` written as `%2F`.";
const DEMAND_EXAMPLE: &str = "role=director&audience=https:%2F%2Fjobs.example.org";

/// Authorize a guarded request
///
/// For nginx, Traefik and other proxies that accept any 2xx. Any method is accepted, without the body. A service token
/// decides, or without a token a host certificate.
#[utoipa::path(
    get,
    path = "/api/v1/authorize",
    params(
        ("role" = Option<Vec<Role>>, Query, description = "Required roles, all of them.",
            example = json!(["director"])),
        ("audience" = Option<String>, Query, description = AUDIENCE, example = "https://jobs.example.org"),
    ),
    responses(NoContent, code::Guarded),
)]
pub(in crate::http::api) async fn authorize(call: Call) -> Result<Reply, Problem> {
    by_certificate(&call, DemandSource::Query).await
}

/// Authorize a guarded request by a demand in the path
///
/// For Envoy, which appends path and query of the guarded request, and accepts 200 only.
#[utoipa::path(
    get,
    path = "/api/v1/authorize-with/{demand}",
    params(("demand" = String, Path, description = DEMAND, example = json!(DEMAND_EXAMPLE))),
    responses(Passed, code::Guarded),
)]
pub(in crate::http::api) async fn authorize_with(call: Call) -> Result<Reply, Problem> {
    by_certificate(&call, DemandSource::Segment).await
}

/// Authorize a request for the root of a guarded service
///
/// As `authorize_with`, with the path `/` appended.
#[utoipa::path(
    get,
    path = "/api/v1/authorize-with/{demand}/",
    params(("demand" = String, Path, description = DEMAND, example = json!(DEMAND_EXAMPLE))),
    responses(Passed, code::Guarded),
)]
pub(in crate::http::api) async fn authorize_root_with(call: Call) -> Result<Reply, Problem> {
    by_certificate(&call, DemandSource::Segment).await
}

/// Authorize a request for a guarded path
///
/// As `authorize_with`, with any path appended, also of several segments.
#[utoipa::path(
    get,
    path = "/api/v1/authorize-with/{demand}/{*rest}",
    params(
        ("demand" = String, Path, description = DEMAND, example = json!(DEMAND_EXAMPLE)),
        ("rest" = String, Path, description = "Path of the guarded request; ignored.", example = "jobs/7"),
    ),
    responses(Passed, code::Guarded),
)]
pub(in crate::http::api) async fn authorize_path_with(call: Call) -> Result<Reply, Problem> {
    by_certificate(&call, DemandSource::Segment).await
}

/// Allowed, for proxies that accept any 2xx.
struct NoContent;

/// Allowed, for Envoy.
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
        .description("Allowed.")
        .header("X-Gatepass-Subject", header("Id of the token or host."))
        .header("X-Gatepass-Roles", header("Roles, separated by commas."))
        .header("X-Gatepass-Host", header("Id of the host, for a host."));
    BTreeMap::from([(status.to_owned(), response.build().into())])
}
