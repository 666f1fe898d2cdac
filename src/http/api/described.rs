//! Endpoints whose method, path and docs come from the `#[utoipa::path]` of their handler.

use http::Method;
use utoipa::OpenApi as _;
use utoipa::openapi::{OpenApi, PathItem};

use super::oauth::dialect::OAuthError;
use crate::http::problem::Code;
use crate::http::route::{Docs, Endpoint};
use crate::wire::ProblemBody;

/// The endpoint of a handler, in the group of `$tag`. The handler's description is read once per process.
macro_rules! described {
    ($tag:ident, $($handler:tt)+) => {{
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($handler)+))]
        struct Handler;
        static HANDLER: std::sync::LazyLock<$crate::http::api::described::Described> = std::sync::LazyLock::new(|| {
            let read = <Handler as utoipa::OpenApi>::openapi;
            $crate::http::api::described::Described::of($crate::http::openapi::tags::$tag, read)
        });
        &*HANDLER
    }};
}
pub(super) use described;

/// The description of one handler.
pub(super) struct Described {
    method: Method,
    path: String,
    docs: Docs,
}

impl Described {
    /// `read` returns the one operation of the handler.
    pub(super) fn of(tag: &'static str, read: fn() -> OpenApi) -> Self {
        let (path, item) = read().paths.paths.into_iter().next().unwrap_or_default();
        Self { method: method(&item), path, docs: Docs { tag, read } }
    }
}

impl From<&'static Described> for Endpoint {
    fn from(described: &'static Described) -> Self {
        Self { method: described.method.clone(), path: &described.path, docs: Some(described.docs) }
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
    #[openapi(components(schemas(ProblemBody, Code, OAuthError<'static>)))]
    struct Bodies;
    Bodies::openapi()
}
