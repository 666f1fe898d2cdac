//! Errors with a sentence of their own on some routes, for the OpenAPI document.
#![expect(dead_code, reason = "a field names the schema of the body")]

use super::dialect::FleetError;

/// 404 of a token.
#[derive(utoipa::IntoResponses)]
#[response(
    status = 404,
    description = "`EnrollmentAPIKey … not found`: no listed token has this id.",
    content_type = "application/json",
    examples(
        ("fleet_no_token" = (value = json!({ "statusCode": 404, "error": "Not Found", "message": "EnrollmentAPIKey 0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081 not found" })))
    )
)]
pub(in crate::http::compat) struct NoSuchToken(FleetError<'static>);

/// 404 of a policy.
#[derive(utoipa::IntoResponses)]
#[response(
    status = 404,
    description = "`Agent policy … not found`: no policy has this id.",
    content_type = "application/json",
    examples(
        ("fleet_no_policy" = (value = json!({ "statusCode": 404, "error": "Not Found", "message": "Agent policy \"0198c0de-e2e3-7f50-8162-738495a6b7c8\" not found" })))
    )
)]
pub(in crate::http::compat) struct NoSuchPolicy(FleetError<'static>);

/// 409 of a token.
#[derive(utoipa::IntoResponses)]
#[response(
    status = 409,
    description = "The policy has a token of this name, maybe a deleted one that is still listed. Or the caller's rights changed while the request ran.",
    content_type = "application/json",
    examples(
        ("fleet_name_taken" = (value = json!({ "statusCode": 409, "error": "Conflict", "message": "An enrollment key named edge already exists for agent policy 0198c0de-e2e3-7f50-8162-738495a6b7c8" })))
    )
)]
pub(in crate::http::compat) struct NameTaken(FleetError<'static>);
