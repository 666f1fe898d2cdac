//! The bodies of errors, as they stand on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use crate::service::FieldError;

/// What went wrong (RFC 9457). Match `code`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(in crate::http) struct NativeBody<'a> {
    /// `urn:gatepass:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "urn:gatepass:problem:not_found")]
    pub(super) kind: String,
    /// The code in words.
    #[schema(example = "Not found")]
    pub(super) title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 404)]
    pub(super) status: u16,
    /// What happened and what to do, for people. It never holds a secret.
    #[schema(example = "there is no such token")]
    pub(super) detail: &'a str,
    /// What scripts match.
    #[schema(pattern = "^[a-z_]+$", example = "not_found")]
    pub(super) code: &'a str,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    pub(super) fields: &'a [FieldError],
}

/// What went wrong, in OAuth's words (RFC 6749 section 5.2).
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthError)]
pub(in crate::http) struct OAuthBody<'a> {
    /// What scripts match.
    #[schema(pattern = "^[a-z_]+$", example = "invalid_request")]
    pub(super) error: &'a str,
    /// What happened and what to do, for people.
    #[schema(example = "the parameter token is missing")]
    pub(super) error_description: &'a str,
}
