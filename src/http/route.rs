//! One row of the table of routes.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response};
use tower_service::Service as _;
use utoipa::openapi::OpenApi;
use warp::Filter as _;

use super::ResponseBody;
use super::call::Call;
use super::dialect::Dialect;
use super::inquiry::Inquiry;
use super::meters::Meters;
use super::problem::{NATIVE, Problem};
use super::reply::Reply;
use crate::access::Permission;

/// The largest body a route takes unless it says otherwise: 64 KiB.
pub const BODY_LIMIT: usize = 64 * 1024;

/// Answers a call: the row's warp filter, as a service.
pub type InTask =
    Arc<dyn Fn(Call) -> Pin<Box<dyn Future<Output = warp::reply::Response> + Send>> + Send + Sync>;

/// Answers an inquiry at once.
pub type Direct = Arc<dyn Fn(&Inquiry<'_>) -> Result<Answer, Problem> + Send + Sync>;

/// Answers an inquiry at once, or not: then it is for a task.
pub type Quick = Arc<dyn Fn(&Inquiry<'_>) -> Option<Result<Answer, Problem>> + Send + Sync>;

/// What a direct row answers: a [`Reply`], or a [stream](super::stream::stream) with its headers.
pub type Answer = Response<ResponseBody>;

/// How a row is answered.
#[derive(Clone)]
pub enum Serve {
    /// By its warp filter, in a task of its own that goes on when the client goes away.
    InTask(InTask),
    /// By a function, in the connection's own task. It must not wait for anything: other requests of the connection, and
    /// other connections of the thread, wait for it.
    Direct(Direct),
    /// By a function in the connection's own task where that can answer, else by its warp filter, as [`Serve::InTask`].
    DirectOr(Quick, InTask),
}

/// A route: everything that is known of it, in one place.
#[derive(Clone)]
pub struct Route {
    /// The method; HEAD works wherever GET does.
    pub method: Method,
    /// Whether every other method is answered too, as far as no row of its own has it.
    pub any_method: bool,
    /// The path template. It labels metrics and logs: the path itself may hold a token and is never written down.
    pub path: &'static str,
    /// What the caller needs.
    pub permission: Permission,
    /// The request media type and the error format.
    pub dialect: &'static Dialect,
    /// The largest body, in bytes; with 0 none is read.
    pub body_limit: usize,
    /// What answers.
    pub serve: Serve,
    /// Its part of the OpenAPI document, unless another system's contract describes it.
    pub(super) docs: Option<fn() -> OpenApi>,
    pub(super) meters: Arc<Meters>,
}

impl Route {
    /// A native route.
    pub fn native<H, F>(method: Method, path: &'static str, permission: Permission, handler: H) -> Self
    where
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        Self::of(&NATIVE, method, path, permission, handler)
    }

    /// A route of `dialect`.
    pub fn of<H, F>(
        dialect: &'static Dialect,
        method: Method,
        path: &'static str,
        permission: Permission,
        handler: H,
    ) -> Self
    where
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        let meters = Arc::new(Meters::of(method.clone(), path));
        let (serve, body_limit) = (Serve::InTask(in_task(dialect, handler)), BODY_LIMIT);
        Self { method, any_method: false, path, permission, dialect, body_limit, serve, docs: None, meters }
    }

    /// A native route that anyone may GET, answered in the connection's own task: no body is read, no caller judged, and
    /// nothing may be waited for. For documents made ahead, and for streams.
    pub fn direct<H>(path: &'static str, handler: H) -> Self
    where
        H: Fn(&Inquiry<'_>) -> Result<Answer, Problem> + Send + Sync + 'static,
    {
        let (method, permission, dialect) = (Method::GET, Permission::Anyone, &NATIVE);
        let serve = Serve::Direct(Arc::new(handler));
        let meters = Arc::new(Meters::of(method.clone(), path));
        Self {
            method,
            any_method: false,
            path,
            permission,
            dialect,
            body_limit: 0,
            serve,
            docs: None,
            meters,
        }
    }

    /// A native route that anyone may ask by any method, and that judges its caller itself: by `quick` in the connection's
    /// own task, as in [`Route::direct`]; what that leaves, by `handler` in a task of its own. No body is read.
    pub fn any_method<Q, H, F>(path: &'static str, quick: Q, handler: H) -> Self
    where
        Q: Fn(&Inquiry<'_>) -> Option<Result<Answer, Problem>> + Send + Sync + 'static,
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        let (method, permission, dialect) = (Method::GET, Permission::Anyone, &NATIVE);
        let serve = Serve::DirectOr(Arc::new(quick), in_task(dialect, handler));
        let meters = Arc::new(Meters::of(method.clone(), path));
        Self { method, any_method: true, path, permission, dialect, body_limit: 0, serve, docs: None, meters }
    }

    /// The same route with another limit of its body, in bytes.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// The same route with its part of the OpenAPI document.
    #[must_use]
    pub(super) const fn docs(mut self, docs: fn() -> OpenApi) -> Self {
        self.docs = Some(docs);
        self
    }
}

/// The handler as a warp filter of its own, and that as a service: the front has matched the path already, so a filter
/// only takes the call out of the request's extensions.
fn in_task<H, F>(dialect: &'static Dialect, handler: H) -> InTask
where
    H: Fn(Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    let filter = warp::ext::get::<Handed>().then(move |handed: Handed| {
        let answer = handed.take().map(&handler);
        async move {
            let Some(answer) = answer else { return Problem::internal().render(dialect).0 };
            let Reply(response) = answer.await.unwrap_or_else(|problem| problem.render(dialect));
            response
        }
    });
    let service = warp::service(filter);
    Arc::new(move |call| {
        let mut request = Request::new(http_body_util::Full::new(Bytes::new()));
        request.extensions_mut().insert(Handed::new(call));
        let mut service = service.clone();
        Box::pin(async move {
            match service.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        })
    })
}

/// A call on its way through warp, which clones what it finds in the extensions: the call itself is handed over once.
#[derive(Clone)]
struct Handed(Arc<Mutex<Option<Call>>>);

impl Handed {
    fn new(call: Call) -> Self {
        Self(Arc::new(Mutex::new(Some(call))))
    }

    fn take(&self) -> Option<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
