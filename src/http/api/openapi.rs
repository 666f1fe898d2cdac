//! `GET /openapi.json`: the API for programs.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::OnceCell;

use super::described::{bodies, described};
use crate::access::Permission;
use crate::http::call::Call;
use crate::http::document::serve;
use crate::http::openapi::{self, NotModified};
use crate::http::problem::{NATIVE, Problem};
use crate::http::reply::Reply;
use crate::http::route::Route;
use crate::service::document::Document;

/// Cache lifetime, in seconds.
const AGE: u32 = 300;

/// The document of the native API at `url`.
pub fn document(public_metrics: bool, url: &str) -> Value {
    openapi::document(&super::routes(public_metrics), &bodies(), url)
}

/// The document of a run. The external URL never changes in a run, so that it is made once.
#[derive(Clone)]
pub(super) struct Made {
    public_metrics: bool,
    document: Arc<OnceCell<Document>>,
}

/// The row.
pub(super) fn route(public_metrics: bool) -> Route {
    let made = Made { public_metrics, document: Arc::default() };
    let handler = move |call: Call| openapi(call, made.clone());
    let at = described!(OPERATION, openapi);
    Route { body_limit: 0, ..Route::of(&NATIVE, at, Permission::Anyone, handler) }
}

/// Fetch this document
///
/// OpenAPI 3.1: every native route, with shapes, errors and credentials.
#[utoipa::path(
    get,
    path = "/openapi.json",
    responses(
        (status = 200, description = "The document.", body = Object, content_type = "application/json",
            example = json!({ "openapi": "3.1.0" })),
        NotModified,
    ),
)]
pub(super) async fn openapi(call: Call, made: Made) -> Result<Reply, Problem> {
    let url = call.authority.trust.issuers().current().to_owned();
    let public_metrics = made.public_metrics;
    let make = move || {
        let text = document(public_metrics, &url).to_string();
        Document::new("application/json", AGE, text).compressed()
    };
    // It takes too long for a thread that serves connections.
    let made = made.document.get_or_try_init(|| tokio::task::spawn_blocking(make)).await;
    Ok(serve(made.map_err(|_| Problem::internal())?, call.head.headers()))
}

#[cfg(test)]
mod tests;
