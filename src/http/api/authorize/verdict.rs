//! The answers to the proxy.

use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use super::demand::Demand;
use crate::http::problem::{Code, NATIVE, Problem};
use crate::http::reply::Reply;
use crate::name::Role;

const SUBJECT: HeaderName = HeaderName::from_static("x-gatepass-subject");
const ROLES: HeaderName = HeaderName::from_static("x-gatepass-roles");
const HOST: HeaderName = HeaderName::from_static("x-gatepass-host");

/// The authenticated sender of a guarded request.
pub(super) struct Subject<'a> {
    /// Id of the token or host.
    pub(super) id: String,
    pub(super) host: bool,
    pub(super) roles: &'a [Role],
}

/// Allows the request with status `yes` if the subject has the roles.
pub(super) fn verdict(subject: &Subject<'_>, demand: &Demand, yes: StatusCode) -> Reply {
    if demand.missing(subject.roles).is_some() {
        return forbidden(demand);
    }
    let mut response = Response::new(bytes::Bytes::new());
    *response.status_mut() = yes;
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Ids and roles are printable ASCII by their types.
    if let Ok(id) = HeaderValue::from_str(&subject.id) {
        if subject.host {
            headers.insert(HOST, id.clone());
        }
        headers.insert(SUBJECT, id);
    }
    if let Ok(roles) = HeaderValue::from_str(&joined(subject.roles, ",")) {
        headers.insert(ROLES, roles);
    }
    Reply(response)
}

/// 401 with the challenge of RFC 6750 section 3, without an error code if no credential was sent.
pub(super) fn refused(problem: &Problem, shown: bool) -> Reply {
    let challenge = match shown {
        true => "Bearer realm=\"gatepass\", error=\"invalid_token\"",
        false => "Bearer realm=\"gatepass\"",
    };
    problem.render(&NATIVE).header("www-authenticate", challenge)
}

fn forbidden(demand: &Demand) -> Reply {
    let scope = joined(&demand.roles, " ");
    let detail = format!("the token or certificate lacks a role; needed: {scope}");
    let problem = Problem::of(Code::InsufficientScope, detail);
    let challenge = format!("Bearer realm=\"gatepass\", error=\"insufficient_scope\", scope=\"{scope}\"");
    problem.render(&NATIVE).header("www-authenticate", &challenge)
}

fn joined(roles: &[Role], separator: &str) -> String {
    roles.iter().map(Role::as_str).collect::<Vec<_>>().join(separator)
}
