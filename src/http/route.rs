//! One row of the table of routes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Collected, Full};
use tower_service::Service as _;
use utoipa::openapi::OpenApi;
use warp::Filter as _;

use super::ResponseBody;
use super::body;
use super::call::{Admitted, Call};
use super::dialect::Dialect;
use super::direct_request::DirectRequest;
use super::meters::Meters;
use super::problem::{NATIVE, Problem};
use super::reply::Reply;
use crate::access::Permission;

/// Default limit of a request body: 64 KiB.
pub const BODY_LIMIT: usize = 64 * 1024;

/// Answers an admitted request: the row's warp filter, as a service.
pub type InTask = Arc<dyn Fn(Call) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// Answers a request at once.
pub type Direct = Arc<dyn Fn(&DirectRequest<'_>) -> Result<Answer, Problem> + Send + Sync>;

/// Answers a request at once, or leaves it to a task by `None`.
pub type Quick = Arc<dyn Fn(&DirectRequest<'_>) -> Option<Result<Answer, Problem>> + Send + Sync>;

/// A direct row's response: a [`Reply`], or a stream with its headers.
pub type Answer = Response<ResponseBody>;

/// The way a row answers.
#[derive(Clone)]
pub enum Serve {
    /// By its warp filter, in a task of its own. The task continues if the client leaves.
    InTask(InTask),
    /// By a function, in the connection's own task. The function must not wait: other requests of the connection, and
    /// other connections of the thread, wait for it.
    Direct(Direct),
    /// By a function in the connection's own task if it can answer, else by its warp filter, as [`Serve::InTask`].
    DirectOr(Quick, InTask),
}

/// A route with all its facts.
#[derive(Clone)]
pub struct Route {
    /// The method. HEAD works on every GET route.
    pub method: Method,
    /// Accepts every method that no other row of the path has.
    pub any_method: bool,
    /// The path template. It labels metrics and logs. The path itself may contain a token and is never written down.
    pub path: &'static str,
    /// The permission that the caller needs.
    pub permission: Permission,
    /// The request media type and the error format.
    pub dialect: &'static Dialect,
    /// Maximum size of the body in bytes. With 0 no body is read.
    pub body_limit: usize,
    /// The function or filter that answers.
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

    /// A native GET route for anyone, answered in the connection's own task. No body is read, no caller is
    /// authenticated, and the handler must not wait. It serves prepared documents and streams.
    pub fn direct<H>(path: &'static str, handler: H) -> Self
    where
        H: Fn(&DirectRequest<'_>) -> Result<Answer, Problem> + Send + Sync + 'static,
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

    /// A native route for any method and any caller, which checks its caller itself. `quick` answers in the
    /// connection's own task, as in [`Route::direct`]; `handler` answers the rest in a task of its own. No body is
    /// read.
    pub fn any_method<Q, H, F>(path: &'static str, quick: Q, handler: H) -> Self
    where
        Q: Fn(&DirectRequest<'_>) -> Option<Result<Answer, Problem>> + Send + Sync + 'static,
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        let (method, permission, dialect) = (Method::GET, Permission::Anyone, &NATIVE);
        let serve = Serve::DirectOr(Arc::new(quick), in_task(dialect, handler));
        let meters = Arc::new(Meters::of(method.clone(), path));
        Self { method, any_method: true, path, permission, dialect, body_limit: 0, serve, docs: None, meters }
    }

    /// Returns true if the handler's commands write ledger entries. Their transactions check the caller's rights.
    pub fn writes_entries(&self) -> bool {
        self.method != Method::GET && self.permission != Permission::Introspect
    }

    /// The same route with another body limit in bytes.
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

/// The handler as a warp filter. It takes the admitted request from the extensions, and the body as bytes. The front
/// has matched the path already.
fn in_task<H, F>(dialect: &'static Dialect, handler: H) -> InTask
where
    H: Fn(Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    let call = warp::ext::get::<Arc<Admitted>>().and(warp::body::bytes());
    let filter = call.then(move |admitted, body| {
        let answer = handler(Call { admitted, body });
        async move { answer.await.unwrap_or_else(|problem| problem.render(dialect)).0 }
    });
    let service = warp::service(filter);
    Arc::new(move |Call { admitted, body }| {
        let mut request = Request::new(Full::new(body));
        request.extensions_mut().insert(admitted);
        let mut service = service.clone();
        Box::pin(async move {
            match service.call(request).await {
                Ok(response) => whole(response).await,
                Err(never) => match never {},
            }
        })
    })
}

/// The response of a filter. Its body is in memory, so that collecting it does not wait.
async fn whole(response: warp::reply::Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    Response::from_parts(parts, body::full(bytes))
}
