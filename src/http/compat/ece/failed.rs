//! Errors with a code of their own on some routes, for the OpenAPI document.
#![expect(dead_code, reason = "a field names the schema of the body")]

use super::dialect::BasicFailedReply;

/// 400 of a sign-in.
#[derive(utoipa::IntoResponses)]
#[response(
    status = 400,
    description = "`root.bad_request`: the body is not JSON, or a field has the wrong type.",
    content_type = "application/json",
    examples(
        ("root.bad_request" = (value = json!({ "errors": [{ "code": "root.bad_request", "message": "password: is missing" }] })))
    )
)]
pub(in crate::http::compat) struct BadRequest(BasicFailedReply<'static>);

/// 403 of a mint.
#[derive(utoipa::IntoResponses)]
#[response(
    status = 403,
    description = "`root.unauthorized`: the caller may not do this; `enrollment_tokens.signing_key_not_found`: no key can sign.",
    content_type = "application/json",
    examples(
        ("root.unauthorized" = (value = json!({ "errors": [{ "code": "root.unauthorized", "message": "the role viewer lacks tokens:write" }] }))),
        ("enrollment_tokens.signing_key_not_found" = (value = json!({ "errors": [{ "code": "enrollment_tokens.signing_key_not_found", "message": "the keys directory cannot be read" }] })))
    )
)]
pub(in crate::http::compat) struct SigningKeyNotFound(BasicFailedReply<'static>);

/// 404 of a token.
#[derive(utoipa::IntoResponses)]
#[response(
    status = 404,
    description = "`enrollment_tokens.invalid_token_id`: no live persistent token has this id.",
    content_type = "application/json",
    examples(
        ("enrollment_tokens.invalid_token_id" = (value = json!({ "errors": [{ "code": "enrollment_tokens.invalid_token_id", "message": "no persistent token has this id" }] })))
    )
)]
pub(in crate::http::compat) struct InvalidTokenId(BasicFailedReply<'static>);
