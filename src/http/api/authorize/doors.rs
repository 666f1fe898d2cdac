//! The handlers of forward authentication, one per row. They verify host certificates.

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
/// decides, or an access token with its certificate, or without a token a host certificate.
#[utoipa::path(
    get,
    path = "/api/v1/authorize",
    params(
        ("role" = Option<Vec<Role>>, Query, style = Form, explode = false, description = "Required roles, all of them.",
            example = json!(["director"])),
        ("audience" = Option<String>, Query, description = AUDIENCE, example = "https://jobs.example.org"),
    ),
    responses(NoContent, code::Guarded),
)]
pub(in crate::http::api) async fn authorize_request(call: Call) -> Result<Reply, Problem> {
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
pub(in crate::http::api) async fn authorize_for_envoy(call: Call) -> Result<Reply, Problem> {
    by_certificate(&call, DemandSource::Segment).await
}

/// Authorize a request for a guarded path
///
/// With any path appended, also of several segments.
#[utoipa::path(
    get,
    path = "/api/v1/authorize-with/{demand}/{*rest}",
    params(
        ("demand" = String, Path, description = DEMAND, example = json!(DEMAND_EXAMPLE)),
        ("rest" = String, Path, description = "Path of the guarded request; ignored.", example = "jobs/7"),
    ),
    responses(Passed, code::Guarded),
)]
pub(in crate::http::api) async fn authorize_path_for_envoy(call: Call) -> Result<Reply, Problem> {
    by_certificate(&call, DemandSource::Segment).await
}

/// Allowed, for proxies that accept any 2xx.
#[derive(utoipa::IntoResponses)]
#[response(
    status = 204,
    description = "Allowed.",
    headers(
        ("X-Gatepass-Subject" = String, description = "Id of the token or host."),
        ("X-Gatepass-Roles" = String, description = "Roles, separated by commas."),
        ("X-Gatepass-Host" = String, description = "Id of the host, for a host."),
    )
)]
struct NoContent;

/// Allowed, for Envoy.
#[derive(utoipa::IntoResponses)]
#[response(
    status = 200,
    description = "Allowed.",
    headers(
        ("X-Gatepass-Subject" = String, description = "Id of the token or host."),
        ("X-Gatepass-Roles" = String, description = "Roles, separated by commas."),
        ("X-Gatepass-Host" = String, description = "Id of the host, for a host."),
    )
)]
struct Passed;
