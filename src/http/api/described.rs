//! Rows whose method, path and docs come from the `#[utoipa::path]` of their handler.

use std::future::Future;

use http::Method;
use utoipa::OpenApi as _;
use utoipa::openapi::{OpenApi, PathItem};

use super::oauth::dialect::OAuthBody;
use crate::access::Permission;
use crate::http::call::Call;
use crate::http::dialect::Dialect;
use crate::http::direct_request::DirectRequest;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::route::{Answer, Route};
use crate::wire::ProblemBody;

/// The description of a handler, read once per process.
macro_rules! described {
    ($($handler:tt)+) => {{
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($handler)+))]
        struct Handler;
        static ROW: std::sync::LazyLock<$crate::http::api::described::Described> = std::sync::LazyLock::new(|| {
            $crate::http::api::described::Described::of(<Handler as utoipa::OpenApi>::openapi)
        });
        &*ROW
    }};
}
pub(super) use described;

/// The description of one handler.
pub(super) struct Described {
    method: Method,
    path: String,
    docs: fn() -> OpenApi,
}

impl Described {
    /// `docs` hold the one operation of the handler.
    pub(super) fn of(docs: fn() -> OpenApi) -> Self {
        let (path, item) = docs().paths.paths.into_iter().next().unwrap_or_default();
        Self { method: method(&item), path, docs }
    }

    /// A native row.
    pub(super) fn native<H, F>(&'static self, permission: Permission, handler: H) -> Route
    where
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        Route::native(self.method.clone(), &self.path, permission, handler).docs(self.docs)
    }

    /// A row of `dialect`.
    pub(super) fn of_dialect<H, F>(
        &'static self,
        dialect: &'static Dialect,
        permission: Permission,
        handler: H,
    ) -> Route
    where
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        Route::of(dialect, self.method.clone(), &self.path, permission, handler).docs(self.docs)
    }

    /// A row that is answered in the connection's task.
    pub(super) fn direct<H>(&'static self, handler: H) -> Route
    where
        H: Fn(&DirectRequest<'_>) -> Result<Answer, Problem> + Send + Sync + 'static,
    {
        Route::direct(&self.path, handler).docs(self.docs)
    }

    /// A row for any method.
    pub(super) fn any_method<Q, H, F>(&'static self, quick: Q, handler: H) -> Route
    where
        Q: Fn(&DirectRequest<'_>) -> Option<Result<Answer, Problem>> + Send + Sync + 'static,
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        Route::any_method(&self.path, quick, handler).docs(self.docs)
    }
}

fn method(item: &PathItem) -> Method {
    match item {
        PathItem { post: Some(_), .. } => Method::POST,
        PathItem { put: Some(_), .. } => Method::PUT,
        PathItem { patch: Some(_), .. } => Method::PATCH,
        PathItem { delete: Some(_), .. } => Method::DELETE,
        _ => Method::GET,
    }
}

/// The shapes of problems, which rows bring along.
pub(super) fn bodies() -> OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(components(schemas(ProblemBody, OAuthBody<'static>)))]
    struct Bodies;
    Bodies::openapi()
}
