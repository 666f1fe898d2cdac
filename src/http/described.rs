//! Endpoints whose method, path and docs come from the `#[utoipa::path]` of their handler.

use http::Method;
use utoipa::openapi::{OpenApi, PathItem};

use super::route::{Docs, Endpoint};

/// The endpoint of a handler, in the group of `$tag`. The handler's description is read once per process.
macro_rules! described {
    ($tag:ident, $($handler:tt)+) => {{
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($handler)+))]
        struct Handler;
        static HANDLER: std::sync::LazyLock<$crate::http::described::Described> = std::sync::LazyLock::new(|| {
            let read = <Handler as utoipa::OpenApi>::openapi;
            $crate::http::described::Described::of($crate::http::openapi::tags::$tag, read)
        });
        &*HANDLER
    }};
}
pub(in crate::http) use described;

/// Rows of a dialect, each answered in a task of its own.
macro_rules! rows {
    ($dialect:expr; $($tag:ident { $($permission:expr => $($handler:ident)::+;)* })*) => {
        vec![$($($crate::http::route::Route::of(
            $dialect,
            $crate::http::described::described!($tag, $($handler)::+),
            $permission,
            $($handler)::+,
        )),*),*]
    };
}
pub(in crate::http) use rows;

/// The description of one handler.
pub(in crate::http) struct Described {
    method: Method,
    path: String,
    docs: Docs,
}

impl Described {
    /// `read` returns the one operation of the handler.
    pub(in crate::http) fn of(tag: &'static str, read: fn() -> OpenApi) -> Self {
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
