//! Dialects: the request media type and the error format of a group of routes. Each dialect is a static in the module of its
//! routes; nothing else asks for a particular one.

use serde::Serialize;

use super::Problem;

/// The request media type and the error format of a group of routes.
pub struct Dialect {
    /// A name, for tests.
    pub name: &'static str,
    /// Returns true if errors at this path are in the dialect when no route has it.
    pub covers: fn(&str) -> bool,
    /// Rejects request bodies of another media type.
    pub accepts: fn(&str) -> Result<(), Problem>,
    /// True if API keys also authenticate as OAuth clients do (RFC 6749 section 2.3.1).
    pub oauth_clients: bool,
    /// True if the session of a browser's cookie opens the routes.
    pub cookies: bool,
    /// Set for pages of the dashboard: no credential but the session cookie opens them.
    pub page: Option<Pages>,
    /// The media type of errors.
    pub media_type: &'static str,
    /// The body of an error, JSON. Its members stand in the order of the contract.
    pub body: fn(&Problem) -> String,
    /// The errors in the OpenAPI document.
    pub schema: ErrorSchema,
}

/// The pages of the dashboard.
pub struct Pages {
    /// The address of the sign-in page, which leads to the page of this path and query afterwards.
    pub sign_in: fn(&str) -> String,
    /// The form field that repeats the CSRF token of the session.
    pub csrf_field: &'static str,
}

/// The errors of a dialect in the OpenAPI document.
pub struct ErrorSchema {
    /// The schema's name.
    pub name: &'static str,
    /// The place of the code in a body (RFC 6901).
    pub code: &'static str,
    /// A prefix of the names of responses and examples: no two dialects share it.
    pub prefix: &'static str,
}

/// The JSON of an error's body.
pub(in crate::http) fn json_text(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_else(|_| "{}".to_owned())
}

#[cfg(test)]
mod tests;
