//! The front: finds the route of a request, admits its caller, answers and records it.

mod authenticate;
mod direct;
mod finish;
mod media_type;
mod posted;
mod record;
mod refusal_lines;
mod request_ids;
mod rest;
mod room;
mod target;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body as _, Incoming};
use tokio_util::sync::CancellationToken;

use self::direct::caught;
use self::record::{Record, RequestTrace};
use self::refusal_lines::RefusalLines;
use self::request_ids::RequestIds;
use self::rest::Rest;
use super::ResponseBody;
use super::body::{self, BodyError};
use super::budget::{Budgets, Held, Overloaded, Payer};
use super::call::{Admitted, Call, Presented};
use super::cookie;
use super::credential::Credential;
use super::forwarded::client;
use super::head::Head;
use super::problem::{Code, Problem};
use super::reply::Reply;
use super::route::{InTask, Route, Serve};
use super::table::{Match, Reader, Table};
use super::throttle::RequestLimits;
use super::tls::Peer;
use crate::access::Permission;
use crate::ledger::Basis;
use crate::secret::Secret;
use crate::service::{Authority, Caller};

/// The entrance of every request.
pub struct Front {
    authority: Arc<Authority>,
    table: Table,
    local: Secret<String>,
    body_timeout: Duration,
    budgets: Budgets,
    ids: RequestIds,
    refusal_lines: RefusalLines,
    hsts: bool,
}

/// A request for a task of its own. Its size and caller are still to be checked.
struct Arrived {
    trace: Arc<RequestTrace>,
    serve: InTask,
    route: Route,
    head: Head,
    body: Incoming,
}

impl Front {
    /// A front with these routes. `local` is the credential in the data directory.
    pub fn new(
        authority: Arc<Authority>,
        table: Table,
        local: Secret<String>,
        body_timeout: Duration,
    ) -> Self {
        let (budgets, ids, refusal_lines) = (Budgets::new(), RequestIds::new(), RefusalLines::default());
        Self { authority, table, local, body_timeout, budgets, ids, refusal_lines, hsts: false }
    }

    /// The same front. With `hsts`, pages over a certificate from elsewhere tell browsers to use https only.
    #[must_use]
    pub fn with_hsts(self, hsts: bool) -> Self {
        Self { hsts, ..self }
    }

    /// Logs the numbers of refused requests without a line of their own, until the `stop`.
    pub async fn log_refusals(self: Arc<Self>, stop: CancellationToken) {
        self.refusal_lines.log_left_out(stop).await;
    }

    /// Answers a request of `peer`. A panic on the way becomes a 500; the server lives.
    pub async fn answer(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Response<ResponseBody> {
        let id = self.ids.next(self.authority.time.wall());
        let (parts, body) = request.into_parts();
        let (proxies, address) = (&self.authority.authenticator.proxies, peer.address.ip());
        let client = client(proxies, address, &parts.headers);
        let certificate = peer.certificate.of_request(proxies, address, &parts.headers);
        let peer = Peer { client, certificate, ..peer };
        let is_strict = self.hsts && peer.served_as.is_outside();
        let (method, version) = (parts.method.clone(), parts.version);
        let mut record = Record::begin(&method, client, id, self.table.unmatched(), &self.refusal_lines);
        let rest = Rest::of(&parts, record.started(), self.body_timeout);
        let (reader, path) = (Reader::of(&parts.headers), parts.uri.path());
        let found = match target::check(&parts) {
            Ok(()) => self.table.find_for(reader, &parts.method, path),
            Err(problem) => Match::Refused(self.table.dialect_for(reader, path), problem),
        };
        let is_page = found.dialect().is_some_and(|dialect| dialect.page.is_some());
        let response = match found {
            Match::Route(route, params) => {
                record.belongs_to(route);
                let head = Head { peer, params, parts };
                let response = self.routed(route, head, body, &rest, &record).await;
                if route.is_cross_origin() { finish::cross_origin(response) } else { response }
            }
            Match::Preflight(allowed) => {
                rest.forgo(body).await;
                finish::cross_origin(finish::options(&allowed))
            }
            Match::Probe => {
                record.is_probe();
                rest.forgo(body).await;
                finish::options("GET, HEAD, OPTIONS")
            }
            Match::WrongMethod(dialect, allowed) => {
                rest.forgo(body).await;
                wrong_method(&allowed).render(dialect).header("allow", &allowed).into()
            }
            Match::Refused(dialect, problem) => {
                rest.forgo(body).await;
                problem.render(dialect).into()
            }
            Match::Nothing(dialect) => {
                rest.forgo(body).await;
                nothing_here().render(dialect).into()
            }
        };
        record.answered(&response);
        let response = if is_page { finish::page(response, is_strict) } else { response };
        finish::finish(response, &method, version, id)
    }

    /// Answers a request of `route`, in this task if nothing has to be waited for.
    async fn routed(
        self: &Arc<Self>,
        route: &Route,
        head: Head,
        body: Incoming,
        rest: &Rest,
        record: &Record<'_>,
    ) -> Response<ResponseBody> {
        let authority = self.authority.as_ref();
        let direct = match &route.serve {
            Serve::InTask(serve) => Err(serve),
            Serve::Direct(handler) => Ok(caught(route, || handler(authority, &head)).flatten()),
            Serve::DirectOr(quick, serve) => {
                caught(route, || quick(authority, &head)).transpose().map(Result::flatten).ok_or(serve)
            }
        };
        match direct {
            Ok(answer) => {
                rest.forgo(body).await;
                answer.unwrap_or_else(|problem| problem.render(route.dialect).into())
            }
            Err(serve) => {
                let (serve, route) = (Arc::clone(serve), route.clone());
                self.in_task(Arrived { trace: record.trace(), serve, route, head, body }, record).await
            }
        }
    }

    /// Runs the request in a task of its own. If the client leaves, an act continues between its file and its commit.
    /// The rest of the client's body is lost.
    async fn in_task(self: &Arc<Self>, arrived: Arrived, record: &Record<'_>) -> Response<ResponseBody> {
        let id = arrived.trace.id;
        let answering = tokio::spawn(Arc::clone(self).run(arrived)).await;
        answering.unwrap_or_else(|panic| {
            tracing::error!(route = record.template(), request = %id, %panic, "answering a request panicked");
            metrics::counter!("gatepass_panics_total").increment(1);
            Problem::internal().render(record.dialect()).into()
        })
    }

    /// Answers a request within the rate limits.
    async fn run(self: Arc<Self>, arrived: Arrived) -> Response<ResponseBody> {
        let Arrived { trace, serve, route, head, mut body } = arrived;
        let rest = Rest::of(&head.parts, Instant::now(), self.body_timeout);
        let from_page = cookie::is_there(head.headers());
        let sign_in = sign_in_address(&route, &head);
        let credential = authenticate::credential(&route, &head.parts);
        let local = matches!(&credential, Ok(Credential::Local(secret)) if self.is_local(secret));
        let limits = RequestLimits::of(route.permission, &credential, local, &head.peer);
        let mut held = self.budgets.answers.hold(Payer::of(&head.peer));
        let answer = match self.admit(&route, &trace, head, credential, limits, &mut body).await {
            Ok(call) => room::make(&route, &call, &mut held).await.map(|()| call),
            Err(problem) => Err(problem),
        };
        let answer = match answer {
            Ok(call) => room::fit(&route, serve(call).await, &mut held),
            Err(problem) => Err(problem),
        };
        let status = answer.as_ref().map_or_else(Problem::status, Response::status);
        let answer = limits.answered(&self.authority.throttles, status).and(answer);
        let overloaded = answer.as_ref().is_err_and(|problem| problem.code == Code::Overloaded);
        let rest = if overloaded { rest.briefly() } else { rest };
        rest.forgo(body).await;
        let response = answer.unwrap_or_else(|problem| match sign_in {
            Some(address) if problem.code == Code::Unauthenticated => Reply::see_other(&address).into(),
            _ => problem.render(route.dialect).into(),
        });
        let response = response.map(|body: ResponseBody| body.counted(held));
        if from_page { finish::without_dialog(response) } else { response }
    }

    /// Authenticates the caller, reads the body, and checks the caller again if that took long.
    async fn admit(
        &self,
        route: &Route,
        trace: &RequestTrace,
        head: Head,
        credential: Result<Credential, Problem>,
        limits: RequestLimits,
        body: &mut Incoming,
    ) -> Result<Call, Problem> {
        limits.arrived(&self.authority.throttles)?;
        let stranger = Caller::stranger(head.peer.client, trace.id);
        let (credential, posted) = self.client(route, &head, credential, body).await?;
        let (caller, presented) = self.authenticate(route, &head, credential, stranger).await?;
        trace.is_by(&caller.actor);
        authenticate::permitted(route, &caller)?;
        limits.acts(&self.authority.throttles, &caller.actor, owner(&caller))?;
        media_type::check(route, head.headers())?;
        let (body, took) = match posted {
            Some(body) => (body, None),
            None => {
                let held = self.bodies_of(&head, &caller, &presented);
                let (body, took) = self.read(route, body, held).await?;
                posted::refuse_another(route, &head, &body)?;
                (body, took)
            }
        };
        self.check_form(route, &presented, &body)?;
        let caller = match is_stale(route, took) {
            true => self.revalidate(route, caller).await?,
            false => caller,
        };
        if let Presented::Session(session) = &presented
            && !(route.is_in_background() || head.is_refresh())
        {
            self.authority.accounts.session_used(session).await?;
        }
        let authority = Arc::clone(&self.authority);
        let newest = authority.changes.newest();
        let admitted = Admitted { authority, caller, presented, head, newest };
        Ok(Call { admitted: Arc::new(admitted), body })
    }

    /// The body, and the time that it took to arrive; `None` without a body.
    async fn read(
        &self,
        route: &Route,
        body: &mut Incoming,
        mut held: Held,
    ) -> Result<(Bytes, Option<Duration>), Problem> {
        if route.body_limit == 0 || body.is_end_stream() {
            return Ok((Bytes::new(), None));
        }
        let since = Instant::now();
        let take = |more| held.take(more).map_err(|Overloaded| BodyError::Overloaded);
        let bytes =
            body::read(body, route.body_limit, self.body_timeout, take).await.map_err(refused_body)?;
        Ok((held.keep(bytes), Some(since.elapsed())))
    }

    /// The memory for the body of this caller, from the budget of its credential.
    fn bodies_of(&self, head: &Head, caller: &Caller, presented: &Presented) -> Held {
        let payer = Payer::of(&head.peer);
        match presented {
            Presented::Nothing | Presented::Token { is_live: false, .. } => {
                self.budgets.strangers.hold(payer)
            }
            Presented::Token { secret, .. } => {
                self.budgets.callers.hold(payer.with_credential(secret.expose()))
            }
            _ => self.budgets.callers.hold(payer.with_credential(caller.actor.to_string())),
        }
    }
}

/// Longest time that a body may take before its caller is checked again. The transaction of an entry checks in any case.
const FRESH: Duration = Duration::from_secs(1);

/// Returns true if the caller's rights are too old after a body that `took` so long. A route that writes no entry has
/// no transaction that checks them.
fn is_stale(route: &Route, took: Option<Duration>) -> bool {
    took.is_some_and(|took| took > FRESH || !route.writes_entries())
}

/// The owner of an API key.
fn owner(caller: &Caller) -> Option<&str> {
    match &caller.basis {
        Some(Basis::ApiKey { owner: Some((owner, _)), .. }) => Some(owner),
        _ => None,
    }
}

/// The address of the sign-in page, for a page whose visitor is not signed in. Sign-in returns to the
/// address of a form only if it is also the address of a page.
fn sign_in_address(route: &Route, head: &Head) -> Option<String> {
    let pages = route.dialect.page.as_ref()?;
    // The sign-in form answers a wrong password itself.
    (route.permission != Permission::SignIn && !route.is_in_background()).then(|| {
        let target = head.parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        (pages.sign_in)(target)
    })
}

fn wrong_method(allowed: &str) -> Problem {
    let detail = format!("this path accepts {allowed} only");
    Problem::of(Code::MethodNotAllowed, detail)
}

fn nothing_here() -> Problem {
    Problem::of(Code::NotFound, "this server has no such path")
}

fn refused_body(error: BodyError) -> Problem {
    match error {
        BodyError::TooLarge => Problem::of(Code::BodyTooLarge, error.to_string()),
        BodyError::TimedOut => Problem::of(Code::BodyTimeout, error.to_string()),
        BodyError::Overloaded => Overloaded.into(),
        BodyError::Broken => Problem::bad_request(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
