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
use super::head::Head;
use super::meters::Meters;
use super::problem::dialect::Dialect;
use super::problem::{NATIVE, Problem};
use super::reply::Reply;
use crate::access::Permission;
use crate::service::Authority;

/// Default limit of a request body: 64 KiB.
pub const BODY_LIMIT: usize = 64 * 1024;

/// Answers an admitted request: the row's warp filter, as a service.
pub type InTask = Arc<dyn Fn(Call) -> Pin<Box<dyn Future<Output = HttpResponse> + Send>> + Send + Sync>;

/// Answers a request at once.
pub type Direct = Arc<dyn Fn(&Authority, &Head) -> Result<HttpResponse, Problem> + Send + Sync>;

/// Answers a request at once, or leaves it to a task by `None`.
pub type Quick = Arc<dyn Fn(&Authority, &Head) -> Option<Result<HttpResponse, Problem>> + Send + Sync>;

/// A response: a [`Reply`], a prepared document, or a stream with its headers.
pub type HttpResponse = Response<ResponseBody>;

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

/// The method and the path template of a row, and its docs unless another system's contract describes it.
pub struct Endpoint {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) docs: Option<Docs>,
}

/// A row's part of the OpenAPI document.
#[derive(Clone, Copy)]
pub(super) struct Docs {
    pub(super) tag: &'static str,
    pub(super) read: fn() -> OpenApi,
}

impl From<(Method, &'static str)> for Endpoint {
    fn from((method, path): (Method, &'static str)) -> Self {
        Self { method, path, docs: None }
    }
}

/// A route with all its facts.
#[derive(Clone)]
pub struct Route {
    /// The method. HEAD works on every GET route.
    pub method: Method,
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
    pub(super) docs: Option<Docs>,
    pub(super) meters: Arc<Meters>,
}

impl Route {
    /// A route of `dialect`, answered in a task of its own.
    pub fn of<H, F>(
        dialect: &'static Dialect,
        at: impl Into<Endpoint>,
        permission: Permission,
        handler: H,
    ) -> Self
    where
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        let serve = Serve::InTask(in_task(dialect, handler));
        Self { body_limit: BODY_LIMIT, permission, dialect, ..Self::open(at.into(), serve) }
    }

    /// The same route at another path, which the OpenAPI document leaves out.
    pub fn at(&self, path: &'static str) -> Self {
        let meters = Arc::new(Meters::of(self.method.clone(), path));
        Self { path, docs: None, meters, ..self.clone() }
    }

    /// A native route whose answer is streamed. It has no filter, because the answer of a filter is in memory.
    pub fn streamed<H, F>(at: impl Into<Endpoint>, permission: Permission, handler: H) -> Self
    where
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<HttpResponse, Problem>> + Send + 'static,
    {
        let serve = Serve::InTask(Arc::new(move |call| {
            let answer = handler(call);
            Box::pin(async move { answer.await.unwrap_or_else(|problem| problem.render(&NATIVE).into()) })
        }));
        Self { permission, ..Self::open(at.into(), serve) }
    }

    /// The same route in this dialect: its credentials, and the form of its refusals before the handler.
    pub const fn in_dialect(mut self, dialect: &'static Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// A native route for anyone, answered in the connection's own task. No body is read, no caller is authenticated, and
    /// the handler must not wait. It serves prepared documents and streams.
    pub fn direct<H>(at: impl Into<Endpoint>, handler: H) -> Self
    where
        H: Fn(&Authority, &Head) -> Result<HttpResponse, Problem> + Send + Sync + 'static,
    {
        Self::open(at.into(), Serve::Direct(Arc::new(handler)))
    }

    /// A native route for any method and any caller, which checks its caller itself. `quick` answers in the
    /// connection's own task, as in [`Route::direct`]; `handler` answers the rest in a task of its own. No body is
    /// read.
    pub fn any_method<Q, H, F>(at: impl Into<Endpoint>, quick: Q, handler: H) -> Self
    where
        Q: Fn(&Authority, &Head) -> Option<Result<HttpResponse, Problem>> + Send + Sync + 'static,
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        Self::open(at.into(), Serve::DirectOr(Arc::new(quick), in_task(&NATIVE, handler)))
    }

    /// A native route for anyone, without a body.
    fn open(Endpoint { method, path, docs }: Endpoint, serve: Serve) -> Self {
        let (permission, dialect) = (Permission::Anyone, &NATIVE);
        let meters = Arc::new(Meters::of(method.clone(), path));
        Self { method, path, permission, dialect, body_limit: 0, serve, docs, meters }
    }

    /// The answers that the handler documents: statuses, and codes of errors.
    pub(super) fn answers(&self) -> Vec<String> {
        let paths = self.docs.map(|docs| (docs.read)().paths.paths).unwrap_or_default();
        let operations =
            paths.into_values().flat_map(|item| [item.get, item.post, item.put, item.patch, item.delete]);
        operations.flatten().flat_map(|operation| operation.responses.responses.into_keys()).collect()
    }

    /// Returns true if the route accepts every method that no other row of the path has.
    pub const fn takes_any_method(&self) -> bool {
        matches!(self.serve, Serve::DirectOr(..))
    }

    /// Returns true if pages of any site may read the answer (Fetch, section 3.2): public documents that are the same for
    /// every caller.
    pub fn is_cross_origin(&self) -> bool {
        const DOCUMENTS: [&str; 3] =
            ["/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/status/{list}"];
        DOCUMENTS.contains(&self.path) || self.path.starts_with("/ca/")
    }

    /// Returns true if the route answers probes of the server's health, or monitoring.
    pub fn is_monitoring(&self) -> bool {
        matches!(self.path, "/livez" | "/readyz" | "/metrics")
    }

    /// The same row for bodies of at most `bytes`.
    pub const fn with_body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Returns true if the script of a page sends the request, and no person. It is no use of the session, and a refusal does not
    /// lead to the sign-in page.
    pub fn is_in_background(&self) -> bool {
        self.path == "/events"
    }

    /// Returns true if the handler's commands write ledger entries. Their transactions check the caller's rights.
    pub fn writes_entries(&self) -> bool {
        self.method != Method::GET && self.permission != Permission::Introspect
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
async fn whole(response: warp::reply::Response) -> HttpResponse {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    Response::from_parts(parts, body::full(bytes))
}
