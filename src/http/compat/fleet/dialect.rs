//! The errors of Kibana.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::Problem;
use crate::http::problem::dialect::{Dialect, ErrorSchema, json_text};

/// `{"statusCode","error","message"}`. Request bodies are JSON of any media type.
pub(in crate::http) static FLEET: Dialect = Dialect {
    name: "fleet",
    covers,
    accepts: |_| Ok(()),
    oauth_clients: false,
    cookies: false,
    page: None,
    media_type: "application/json",
    body,
    schema: ErrorSchema { name: "FleetError", code: "/error", prefix: "fleet_" },
};

/// The body of an error. Its members stand in Kibana's order.
#[derive(Serialize, ToSchema)]
pub(in crate::http::compat) struct FleetError<'a> {
    /// The HTTP status.
    #[serde(rename = "statusCode")]
    #[schema(example = 404)]
    status_code: u16,
    /// The reason phrase of the status.
    #[schema(example = "Not Found")]
    error: &'a str,
    /// The cause, for people.
    #[schema(example = "EnrollmentAPIKey 0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081 not found")]
    message: &'a str,
}

fn covers(path: &str) -> bool {
    let in_space = path.strip_prefix("/s/").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    let path = in_space.unwrap_or(path);
    path.starts_with("/api/fleet/") || path == "/api/status"
}

fn body(problem: &Problem) -> String {
    let status = problem.status();
    let error = status.canonical_reason().unwrap_or_default();
    json_text(&FleetError { status_code: status.as_u16(), error, message: &problem.detail })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::Code;

    #[test]
    fn an_error_has_the_members_of_kibana_in_order() {
        let text = body(&Problem::of(Code::NotFound, "EnrollmentAPIKey x not found"));
        assert_eq!(
            text,
            r#"{"statusCode":404,"error":"Not Found","message":"EnrollmentAPIKey x not found"}"#
        );
    }

    #[test]
    fn the_dialect_covers_every_space() {
        for path in ["/api/fleet/x", "/s/default/api/fleet/agents", "/api/status", "/s/a/api/status"] {
            assert!(covers(path), "{path}");
        }
        for path in ["/api/v1/hosts", "/s/api/fleet", "/s/", "/status", "/api/fleet"] {
            assert!(!covers(path), "{path}");
        }
    }
}
