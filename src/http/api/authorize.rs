//! `/api/v1/authorize`: forward authentication for proxies (nginx `auth_request`, Envoy's HTTP ext_authz,
//! Traefik's forward-auth). 204, or 200 for Envoy, allows the request and names the caller; 401 and 403 refuse it.
//!
//! A service token (RFC 6750 section 2.1) is verified in the connection's task, in memory; a host certificate, in its own task.
//! If a request has a token, only the token counts: a certificate does not replace an invalid token.

mod demand;
pub(super) mod doors;
mod verdict;

use http::StatusCode;

use self::demand::{Demand, Place};
use self::verdict::{Subject, refused, verdict};
use crate::http::api::described::described;
use crate::http::call::Call;
use crate::http::credential;
use crate::http::direct_request::DirectRequest;
use crate::http::forwarded::Shown;
use crate::http::problem::{Code, Problem};
use crate::http::reply::Reply;
use crate::http::route::{Answer, Route};
use crate::service::Authority;

/// The rows. Envoy appends path and query of the guarded request to its own path. The sender of that request must not
/// influence the demand. Only the query of the exact path counts, or else a segment of the path before the appended part.
/// No route is below `/api/v1/authorize/`: an extra slash must not lose the demand.
pub(super) fn routes() -> Vec<Route> {
    let by_query = |asked: &DirectRequest<'_>| quick(asked, Place::Query);
    let by_segment = |asked: &DirectRequest<'_>| quick(asked, Place::Segment);
    vec![
        described!(doors::by_query).any_method(by_query, doors::by_query),
        described!(doors::by_segment).any_method(by_segment, doors::by_segment),
        // A rest is never empty: the root of the guarded service is a row of its own.
        described!(doors::of_root).any_method(by_segment, doors::of_root),
        described!(doors::of_rest).any_method(by_segment, doors::of_rest),
    ]
}

/// Decides without I/O. A certificate needs I/O, because its host is looked up.
fn quick(asked: &DirectRequest<'_>, place: Place) -> Option<Result<Answer, Problem>> {
    let demand = match Demand::read(place, asked.query, asked.param("demand")) {
        Ok(demand) => demand,
        Err(problem) => return Some(Err(problem)),
    };
    let (authority, peer) = (asked.authority, asked.peer);
    match credential::bearer(asked.headers) {
        Ok(Some(token)) => Some(by_token(authority, token, &demand, place.yes())),
        Ok(None) => {
            let proxies = &authority.authenticator.proxies;
            let shown = Shown::by(proxies, peer.address.ip(), asked.headers, peer.certificate.as_ref());
            (shown == Shown::Nothing).then(|| Ok(refused(&nothing(), false).into()))
        }
        Err(problem) => Some(Ok(refused(&problem, true).into())),
    }
}

fn by_token(authority: &Authority, token: &str, demand: &Demand, yes: StatusCode) -> Result<Answer, Problem> {
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

async fn by_certificate(call: &Call, place: Place) -> Result<Reply, Problem> {
    let demand = Demand::read(place, call.raw_query(), call.param("demand"))?;
    let authority = &call.authority;
    let proxies = &authority.authenticator.proxies;
    let shown = Shown::by(proxies, call.peer.address.ip(), call.headers(), call.peer.certificate.as_ref());
    let Some(certificate) = shown.is_of(&authority.cas.load(), authority.time.now()) else {
        return Ok(refused(&bad_certificate(), true));
    };
    match authority.authenticator.identify(&call.caller, certificate).await.map_err(Problem::from) {
        Ok(host) => {
            let subject = Subject { id: host.id.to_string(), host: true, roles: &host.roles };
            Ok(verdict(&subject, &demand, place.yes()))
        }
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(refused(&bad_certificate(), true)),
        Err(problem) => Err(problem),
    }
}

fn nothing() -> Problem {
    let detail = "show a service token as `Authorization: Bearer`, or a host certificate";
    Problem::of(Code::InvalidToken, detail)
}

fn bad_certificate() -> Problem {
    let detail =
        "the certificate is not a host certificate of this authority, or has expired: present a current one";
    Problem::of(Code::InvalidToken, detail)
}
