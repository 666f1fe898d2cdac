//! `/api/v1/authorize`: forward authentication for proxies (nginx `auth_request`, Envoy's HTTP ext_authz,
//! Traefik's forward-auth). 204, or 200 for Envoy, allows the request and names the caller; 401 and 403 refuse it.
//!
//! A service token (RFC 6750 section 2.1) is verified in the connection's task, in memory; a host certificate, in its own task.
//! If a request has a token, only the token counts: a certificate does not replace an invalid token. An access token also needs
//! the certificate that it is bound to (RFC 8705 section 3).

mod demand;
pub(super) mod doors;
mod verdict;

use http::{Method, StatusCode};

use self::demand::{Demand, DemandSource};
use self::verdict::{Subject, refused, verdict};
use crate::http::call::Call;
use crate::http::credential;
use crate::http::described::described;
use crate::http::head::Head;
use crate::http::problem::{Code, Problem};
use crate::http::reply::Reply;
use crate::http::route::{HttpResponse, Route};
use crate::service::Authority;
use crate::token::{KeyUse, UnverifiedToken};

/// The rows. Envoy appends path and query of the guarded request to its own path. The sender of that request must not
/// influence the demand. Only the query of the exact path counts, or else a segment of the path before the appended part.
/// No route is below `/api/v1/authorize/`: an extra slash must not lose the demand.
pub(super) fn routes() -> Vec<Route> {
    let by_query = |authority: &Authority, head: &Head| quick(authority, head, DemandSource::Query);
    let by_segment = |authority: &Authority, head: &Head| quick(authority, head, DemandSource::Segment);
    vec![
        Route::any_method(described!(ASKING, doors::authorize_request), by_query, doors::authorize_request),
        Route::any_method(
            described!(ASKING, doors::authorize_for_envoy),
            by_segment,
            doors::authorize_for_envoy,
        ),
        // A rest is never empty: the root of the guarded service is a row of its own. The document leaves it out, because
        // generators and linters take it for a copy of the row above.
        Route::any_method(
            (Method::GET, "/api/v1/authorize-with/{demand}/"),
            by_segment,
            doors::authorize_for_envoy,
        ),
        Route::any_method(
            described!(ASKING, doors::authorize_path_for_envoy),
            by_segment,
            doors::authorize_path_for_envoy,
        ),
    ]
}

/// Decides without I/O. A certificate needs I/O, because its host is looked up; so does an access token, which is bound to one.
fn quick(authority: &Authority, head: &Head, place: DemandSource) -> Option<Result<HttpResponse, Problem>> {
    let demand = match Demand::read(place, head.raw_query(), head.param("demand")) {
        Ok(demand) => demand,
        Err(problem) => return Some(Err(problem)),
    };
    match credential::bearer(head.headers()) {
        Ok(Some(token)) if is_access_token(token) => None,
        Ok(Some(token)) => Some(by_token(authority, token, &demand, place.yes())),
        Ok(None) => (!head.peer.certificate.is_shown()).then(|| Ok(refused(&nothing(), false).into())),
        Err(problem) => Some(Ok(refused(&problem, true).into())),
    }
}

fn by_token(
    authority: &Authority,
    token: &str,
    demand: &Demand,
    yes: StatusCode,
) -> Result<HttpResponse, Problem> {
    let trust = authority.trust.load();
    let audience = demand.audience(&trust.audiences)?;
    match authority.authenticator.check_service(token, audience) {
        Ok(grant) => {
            let subject = Subject { id: grant.token.id.to_string(), host: false, roles: &grant.roles };
            Ok(verdict(&subject, demand, yes).into())
        }
        Err(bad) => Ok(refused(&Problem::of(Code::InvalidToken, bad.to_string()), true).into()),
    }
}

/// Returns true if the text claims to be an access token.
fn is_access_token(token: &str) -> bool {
    UnverifiedToken::parse(token).is_ok_and(|token| token.usage() == KeyUse::Access)
}

async fn by_certificate(call: &Call, place: DemandSource) -> Result<Reply, Problem> {
    let demand = Demand::read(place, call.head.raw_query(), call.head.param("demand"))?;
    let authority = &call.authority;
    let token = credential::bearer(call.head.headers())?;
    let Some(certificate) = call.head.peer.certificate.is_of(&authority.cas.load(), authority.time.now())
    else {
        let problem = if token.is_some() { unbound() } else { bad_certificate() };
        return Ok(refused(&problem, true));
    };
    if let Some(token) = token {
        return by_access_token(call, token, certificate, (&demand, place.yes())).await;
    }
    match authority.authenticator.identify(&call.caller, certificate).await.map_err(Problem::from) {
        Ok(host) => {
            let subject = Subject { id: host.id.to_string(), host: true, roles: &host.roles };
            Ok(verdict(&subject, &demand, place.yes()))
        }
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(refused(&bad_certificate(), true)),
        Err(problem) => Err(problem),
    }
}

async fn by_access_token(
    call: &Call,
    token: &str,
    certificate: &[u8],
    (demand, yes): (&Demand, StatusCode),
) -> Result<Reply, Problem> {
    let trust = call.authority.trust.load();
    let audience = demand.audience(&trust.audiences)?;
    let checked =
        call.authority.authenticator.check_access(&call.caller, (token, audience), certificate).await;
    match checked.map_err(Problem::from) {
        Ok(Ok(grant)) => {
            let subject = Subject { id: grant.host.to_string(), host: true, roles: &grant.roles };
            Ok(verdict(&subject, demand, yes))
        }
        Ok(Err(bad)) => Ok(refused(&Problem::of(Code::InvalidToken, bad.to_string()), true)),
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(refused(&bad_certificate(), true)),
        Err(problem) => Err(problem),
    }
}

fn nothing() -> Problem {
    let detail = "send a service token as `Authorization: Bearer`, or present a host certificate";
    Problem::of(Code::InvalidToken, detail)
}

fn unbound() -> Problem {
    let detail = "the access token is bound to a certificate: present that certificate with it";
    Problem::of(Code::InvalidToken, detail)
}

fn bad_certificate() -> Problem {
    let detail =
        "the certificate is not a host certificate of this authority, or has expired: present a current one";
    Problem::of(Code::InvalidToken, detail)
}
