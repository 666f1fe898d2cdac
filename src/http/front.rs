//! The front: every request passes here, is matched to its row, judged, answered and recorded.

mod direct;
mod finish;
mod judge;
mod record;
mod request_ids;
mod rest;
mod session;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use self::judge::Judged;
use self::record::Record;
use self::request_ids::RequestIds;
use self::rest::Rest;
use super::ResponseBody;
use super::body::{self, BodyError};
use super::call::Call;
use super::cookie;
use super::forwarded::client;
use super::problem::{Code, Problem};
use super::route::{InTask, Route, Serve};
use super::table::{Match, Table};
use super::throttle::Turnstile;
use super::tls::Peer;
use crate::id::RequestId;
use crate::secret::Secret;
use crate::service::Authority;

/// What every request passes through.
pub struct Front {
    authority: Arc<Authority>,
    table: Table,
    local: Secret<String>,
    body_timeout: Duration,
    ids: RequestIds,
}

/// A request on its way into a task of its own.
struct Arrived {
    serve: InTask,
    route: Route,
    head: Head,
    body: Incoming,
}

/// What of a request is known before its body.
struct Head {
    id: RequestId,
    params: Vec<(String, String)>,
    parts: Parts,
}

impl Front {
    /// A front before these routes. `local` is the credential that the data directory holds.
    pub fn new(
        authority: Arc<Authority>,
        table: Table,
        local: Secret<String>,
        body_timeout: Duration,
    ) -> Self {
        Self { authority, table, local, body_timeout, ids: RequestIds::new() }
    }

    /// Answers a request. A panic on the way becomes a 500; the server lives.
    pub async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<ResponseBody> {
        let id = self.ids.next(self.authority.time.wall());
        let (mut parts, body) = request.into_parts();
        self.find_client(&mut parts);
        let (method, version) = (parts.method.clone(), parts.version);
        let mut record = Record::begin(&parts, id, self.table.unmatched());
        let rest = Rest::of(&parts, record.started(), self.body_timeout);
        let response = match self.table.find(&parts.method, parts.uri.path()) {
            Match::Route(route, params) => {
                record.belongs_to(route);
                let direct = match &route.serve {
                    Serve::InTask(serve) => Err(serve),
                    Serve::Direct(handler) => {
                        Ok(direct::answer(&self.authority, route, handler, &parts, &params))
                    }
                    Serve::DirectOr(quick, serve) => {
                        direct::quick(&self.authority, route, quick, &parts, &params).ok_or(serve)
                    }
                };
                match direct {
                    Ok(response) => {
                        rest.forgo(body).await;
                        response
                    }
                    Err(serve) => {
                        let (serve, route, params) = (Arc::clone(serve), route.clone(), params.into_owned());
                        let head = Head { id, params, parts };
                        self.in_task(Arrived { serve, route, head, body }, &record).await
                    }
                }
            }
            Match::WrongMethod(dialect, allowed) => {
                rest.forgo(body).await;
                wrong_method(&allowed).render(dialect).header("allow", &allowed).into()
            }
            Match::Nothing(dialect) => {
                rest.forgo(body).await;
                nothing_here().render(dialect).into()
            }
        };
        record.answered(response.status());
        finish::finish(response, &method, version, id)
    }

    fn find_client(&self, parts: &mut Parts) {
        if let Some(peer) = parts.extensions.get_mut::<Peer>() {
            peer.client = client(&self.authority.authenticator.proxies, peer.address.ip(), &parts.headers);
        }
    }

    /// A task of its own: a client that goes away must not stop an act between its file and its commit. A body that it was
    /// sending ends with it.
    async fn in_task(self: &Arc<Self>, arrived: Arrived, record: &Record<'_>) -> Response<ResponseBody> {
        let id = arrived.head.id;
        let answering = tokio::spawn(Arc::clone(self).run(arrived)).await;
        answering.unwrap_or_else(|panic| {
            tracing::error!(route = record.template(), request = %id, %panic, "answering a request panicked");
            metrics::counter!("gatepass_panics_total").increment(1);
            Problem::internal().render(record.dialect()).into()
        })
    }

    async fn run(self: Arc<Self>, arrived: Arrived) -> Response<ResponseBody> {
        let Arrived { serve, route, head, mut body } = arrived;
        let rest = Rest::of(&head.parts, Instant::now(), self.body_timeout);
        let from_page = cookie::is_there(&head.parts.headers);
        let response = self.call(&serve, &route, head, &mut body).await;
        rest.forgo(body).await;
        let response = response.unwrap_or_else(|problem| problem.render(route.dialect).into());
        if from_page { finish::without_dialog(response) } else { response }
    }

    /// Passes the rate limits, and tells them how it ended.
    async fn call(
        &self,
        serve: &InTask,
        route: &Route,
        head: Head,
        body: &mut Incoming,
    ) -> Result<Response<ResponseBody>, Problem> {
        let client = head.parts.extensions.get::<Peer>().ok_or_else(Problem::internal)?.client;
        let is_local = |secret: &Secret<String>| self.is_local(secret);
        let turnstile = Turnstile::before(route.permission, &head.parts.headers, client, is_local);
        let throttles = &self.authority.throttles;
        turnstile.enter(throttles)?;
        let answer = self.call_judged(&turnstile, serve, route, head, body).await;
        let status = answer.as_ref().map_or_else(Problem::status, Response::status);
        turnstile.leave(throttles, status).and(answer)
    }

    /// Judges the caller, reads the body, judges the caller again, calls the handler.
    async fn call_judged(
        &self,
        turnstile: &Turnstile,
        serve: &InTask,
        route: &Route,
        head: Head,
        body: &mut Incoming,
    ) -> Result<Response<ResponseBody>, Problem> {
        let Head { id, params, parts } = head;
        let peer = parts.extensions.get::<Peer>().ok_or_else(Problem::internal)?;
        let (address, neighbour, certificate) = (peer.client, peer.address.ip(), peer.certificate.clone());
        let judged = self.admit(route, &parts, peer, id).await?;
        turnstile.act(&self.authority.throttles, &judged.actor, judged.owner())?;
        refuse_media_type(route, &parts)?;
        // Even a body of no bytes may take its time to end.
        let waited = route.body_limit > 0 && !body.is_end_stream();
        let body = match route.body_limit {
            0 => Bytes::new(),
            limit => body::read(body, limit, self.body_timeout).await.map_err(refused_body)?,
        };
        let judged = match waited {
            true => self.admit_again(route, &parts, peer, id, judged).await?,
            false => judged,
        };
        if let Some(session) = &judged.session {
            self.authority.accounts.session_used(session).await?;
        }
        let Judged { actor, rights, basis, host, bearer, session } = judged;
        let query = parts.uri.query().unwrap_or("").to_owned();
        let authority = Arc::clone(&self.authority);
        let headers = parts.headers;
        let call = Call {
            authority,
            actor,
            rights,
            basis,
            host,
            bearer,
            session,
            address,
            neighbour,
            certificate,
            request: id,
            params,
            query,
            headers,
            body,
        };
        Ok(whole(serve(call).await).await)
    }

    fn is_local(&self, presented: &Secret<String>) -> bool {
        subtle::ConstantTimeEq::ct_eq(presented.expose().as_bytes(), self.local.expose().as_bytes()).into()
    }
}

/// A body without a media type has the one of its route's dialect.
fn refuse_media_type(route: &Route, parts: &Parts) -> Result<(), Problem> {
    let Some(value) = parts.headers.get(CONTENT_TYPE).filter(|_| route.body_limit > 0) else { return Ok(()) };
    let media_type = value.to_str().unwrap_or("").split(';').next().unwrap_or("").trim();
    (route.dialect.accepts)(&media_type.to_ascii_lowercase())
}

fn wrong_method(allowed: &str) -> Problem {
    let detail = format!("this path answers {allowed} only");
    Problem::of(Code::MethodNotAllowed, detail)
}

fn nothing_here() -> Problem {
    Problem::of(Code::NotFound, "there is nothing at this path")
}

fn refused_body(error: BodyError) -> Problem {
    match error {
        BodyError::TooLarge => Problem::of(Code::BodyTooLarge, error.to_string()),
        BodyError::TimedOut => Problem::of(Code::BodyTimeout, error.to_string()),
        BodyError::Broken => Problem::bad_request(error.to_string()),
    }
}

/// A handler's body is whole already: collecting it takes no waiting.
async fn whole(response: warp::reply::Response) -> Response<ResponseBody> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Response::from_parts(parts, body::full(bytes))
}

#[cfg(test)]
mod tests;
