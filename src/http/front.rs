//! The front: every request passes here, is matched to its row, judged, answered and recorded.

mod record;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, EXPECT, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use self::record::{Found, Record};
use super::ResponseBody;
use super::body::{self, BodyError};
use super::call::Call;
use super::credential::Credential;
use super::problem::{Dialect, Problem};
use super::reply::Reply;
use super::route::Route;
use super::table::{Match, Table};
use super::tls::Peer;
use crate::access::{Actor, Permission};
use crate::id::RequestId;
use crate::secret::Secret;
use crate::service::{Authority, Caller, HostCaller};

/// What every request passes through.
pub struct Front {
    authority: Arc<Authority>,
    table: Table,
    local: Secret<String>,
    body_timeout: Duration,
}

/// Who calls, once their credential has been checked.
struct Judged {
    actor: Actor,
    host: Option<Arc<HostCaller>>,
    bearer: Option<Arc<Secret<String>>>,
}

impl Front {
    /// A front before these routes. `local` is the credential that the data directory holds.
    pub const fn new(
        authority: Arc<Authority>,
        table: Table,
        local: Secret<String>,
        body_timeout: Duration,
    ) -> Self {
        Self { authority, table, local, body_timeout }
    }

    /// Answers a request. A panic on the way becomes a 500; the server lives.
    pub async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<ResponseBody> {
        let id = RequestId::generate(self.authority.time().wall());
        let (parts, body) = request.into_parts();
        let (method, version) = (parts.method.clone(), parts.version);
        let record = Record::begin(&parts, id);
        // A task of its own: a client that goes away must not stop an act between its file and its commit. A body that
        // it was sending ends with it.
        let answering = tokio::spawn(self.route(parts, body, id, record.found()));
        let response = answering.await.unwrap_or_else(|panic| {
            tracing::error!(route = record.template(), request = %id, %panic, "answering a request panicked");
            metrics::counter!("gatepass_panics_total").increment(1);
            unmatched(record.dialect(), &internal_error())
        });
        record.answered(response.status());
        let response = finish(response, &method, id);
        if version < Version::HTTP_2 { announce_close(response) } else { response }
    }

    async fn route(
        self: Arc<Self>,
        parts: Parts,
        mut body: Incoming,
        id: RequestId,
        found: Found,
    ) -> Response<Bytes> {
        let started = Instant::now();
        // Who waits for `100 Continue` sends nothing before it.
        let discards = parts.version == Version::HTTP_2 && !parts.headers.contains_key(EXPECT);
        let response = self.dispatch(parts, &mut body, id, found).await;
        if discards && !body.is_end_stream() {
            body::discard(&mut body, self.body_timeout.saturating_sub(started.elapsed())).await;
        }
        response
    }

    async fn dispatch(
        &self,
        parts: Parts,
        body: &mut Incoming,
        id: RequestId,
        found: Found,
    ) -> Response<Bytes> {
        match self.table.find(&parts.method, parts.uri.path()) {
            Match::Route(route, params) => {
                found.set(route.path, route.dialect);
                let answer = self.call(route, params, parts, body, id).await;
                answer.unwrap_or_else(|problem| unmatched(route.dialect, &problem))
            }
            Match::WrongMethod(dialect, allowed) => {
                let problem = Problem::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method_not_allowed",
                    format!("this path answers {allowed} only"),
                );
                problem.render(dialect).header("allow", &allowed).0
            }
            Match::Nothing(dialect) => {
                let problem =
                    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path");
                unmatched(dialect, &problem)
            }
        }
    }

    /// Judges the caller, reads the body, calls the handler.
    async fn call(
        &self,
        route: &Route,
        params: Vec<(String, String)>,
        parts: Parts,
        body: &mut Incoming,
        id: RequestId,
    ) -> Result<Response<Bytes>, Problem> {
        let peer = parts.extensions.get::<Peer>().ok_or_else(internal_error)?;
        let address = peer.address.ip();
        let Judged { actor, host, bearer } = self.judge(route, &parts, peer, id).await?;
        if !route.permission.allows(&actor) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                "you are signed in, but may not do this",
            ));
        }
        refuse_media_type(route, &parts)?;
        let body = body::read(body, route.body_limit, self.body_timeout).await.map_err(refused_body)?;
        let query = parts.uri.query().unwrap_or("").to_owned();
        let authority = Arc::clone(&self.authority);
        let headers = parts.headers;
        let call =
            Call { authority, actor, host, bearer, address, request: id, params, query, headers, body };
        Ok(whole((route.serve)(call).await).await)
    }

    async fn judge(
        &self,
        route: &Route,
        parts: &Parts,
        peer: &Peer,
        id: RequestId,
    ) -> Result<Judged, Problem> {
        match route.permission {
            Permission::Anyone => Ok(Judged { actor: Actor::Anyone, host: None, bearer: None }),
            Permission::Redeem => bearer(&parts.headers),
            Permission::BeHost => self.host(peer, id).await,
            _ => self.user(&parts.headers).await,
        }
    }

    async fn host(&self, peer: &Peer, id: RequestId) -> Result<Judged, Problem> {
        let certificate = peer.certificate.as_ref().ok_or_else(|| {
            Problem::unauthenticated("present the host's certificate: `gatepass enroll` obtains one")
        })?;
        let caller = Caller { actor: Actor::Anyone, address: Some(peer.address.ip()), request: Some(id) };
        let host = self.authority.identify(&caller, certificate).await?;
        let actor = Actor::Host { id: host.id, serial: host.serial };
        Ok(Judged { actor, host: Some(Arc::new(host)), bearer: None })
    }

    async fn user(&self, headers: &http::HeaderMap) -> Result<Judged, Problem> {
        let actor = match Credential::of(headers)? {
            Credential::Basic { user, password } => self.authority.sign_in(&user, password).await?,
            Credential::Local(secret) if self.is_local(&secret) => Actor::Local,
            Credential::None => {
                return Err(Problem::unauthenticated("sign in with a user name and a password"));
            }
            Credential::Local(_) => {
                return Err(Problem::unauthenticated(
                    "this local credential is of an earlier start of the server",
                ));
            }
            Credential::Token(_) => {
                return Err(Problem::unauthenticated(
                    "an enrollment token opens no route but /api/v1/bootstrap",
                ));
            }
        };
        Ok(Judged { actor, host: None, bearer: None })
    }

    fn is_local(&self, presented: &Secret<String>) -> bool {
        subtle::ConstantTimeEq::ct_eq(presented.expose().as_bytes(), self.local.expose().as_bytes()).into()
    }
}

/// The token of a redemption, nothing of it believed. It may also stand in the body.
fn bearer(headers: &http::HeaderMap) -> Result<Judged, Problem> {
    let bearer = match Credential::of(headers)? {
        Credential::None => None,
        Credential::Token(secret) => Some(Arc::new(secret)),
        Credential::Basic { .. } | Credential::Local(_) => {
            return Err(Problem::unauthenticated(
                "redeeming takes an enrollment token, not a user's credential",
            ));
        }
    };
    Ok(Judged { actor: Actor::Bearer, host: None, bearer })
}

/// The native API reads JSON alone; a body without a media type is taken for it.
fn refuse_media_type(route: &Route, parts: &Parts) -> Result<(), Problem> {
    let json = |value: &HeaderValue| {
        let media_type =
            value.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        media_type == "application/json" || media_type.ends_with("+json")
    };
    match parts.headers.get(CONTENT_TYPE) {
        Some(value) if route.dialect == Dialect::Native && !json(value) => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send JSON, with the header Content-Type: application/json",
        )),
        _ => Ok(()),
    }
}

fn refused_body(error: BodyError) -> Problem {
    match error {
        BodyError::TooLarge => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", error.to_string())
        }
        BodyError::TimedOut => Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", error.to_string()),
        BodyError::Broken => Problem::bad_request(error.to_string()),
    }
}

fn internal_error() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal_error",
        "this is a fault of gatepass: see its log",
    )
}

fn unmatched(dialect: Dialect, problem: &Problem) -> Response<Bytes> {
    let Reply(response) = problem.render(dialect);
    response
}

/// A handler's body is whole already: collecting it takes no waiting.
async fn whole(response: warp::reply::Response) -> Response<Bytes> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Response::from_parts(parts, bytes)
}

fn finish(response: Response<Bytes>, method: &Method, id: RequestId) -> Response<ResponseBody> {
    let (mut parts, bytes) = response.into_parts();
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        parts.headers.insert("x-request-id", value);
    }
    parts.headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    if *method == Method::HEAD {
        parts.headers.insert("content-length", HeaderValue::from(bytes.len()));
        return Response::from_parts(parts, body::empty());
    }
    Response::from_parts(parts, body::full(bytes))
}

/// After a body that was not read whole the connection ends; a client that is not told would send its next request into
/// it and never know whether that was acted upon (RFC 9112 section 9.6).
fn announce_close(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    if matches!(response.status(), StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests;
