//! `GET /openapi.json`, `GET /openapi-ece.json` and `GET /openapi-fleet.json`: the routes for programs.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::OnceCell;
use utoipa::OpenApi as _;

use super::oauth::dialect::OAuthError;
use crate::access::Permission;
use crate::http::call::Call;
use crate::http::compat;
use crate::http::described::{Described, described};
use crate::http::document::serve;
use crate::http::openapi::schemas::OpenApiDocument;
use crate::http::openapi::{self, Contract, NotModified};
use crate::http::problem::{Code, NATIVE, Problem};
use crate::http::reply::Reply;
use crate::http::route::Route;
use crate::service::document::Document;
use crate::wire::ProblemBody;

/// Cache lifetime, in seconds.
const AGE: u32 = 300;

/// The schemas of errors, which rows bring along.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(ProblemBody, Code, OAuthError<'static>)))]
struct Bodies;

static CONTRACT: Contract = Contract {
    title: "gatepass",
    description: "HTTPS only. Bodies are JSON; times are RFC 3339 in UTC; spans are `90s`, `15m`, `36h`, `30d`; ids are \
        UUIDs ordered by time. HEAD works for every GET route. Every answer has `x-request-id`, which ledger and log \
        contain too. Errors are problems (RFC 9457): match `code`. Unknown fields and parameters are refused.",
    bodies: Bodies::openapi,
    refuses_unknown_fields: true,
};

/// The document of the native API at `url`.
pub fn document(public_metrics: bool, url: &str) -> Value {
    openapi::document(&CONTRACT, &super::routes(public_metrics), url)
}

/// The document of a run. The external URL never changes in a run, so that it is made once.
#[derive(Clone)]
pub(super) struct Made {
    make: Arc<dyn Fn(&str) -> Value + Send + Sync>,
    document: Arc<OnceCell<Document>>,
}

/// The rows.
pub(super) fn routes(public_metrics: bool) -> [Route; 3] {
    let native = Made::by(move |url| document(public_metrics, url));
    let ece = Made::by(compat::document);
    let fleet = Made::by(compat::fleet_document);
    [
        route(described!(OPERATION, fetch_openapi), move |call| fetch_openapi(call, native.clone())),
        route(described!(OPERATION, fetch_openapi_ece), move |call| fetch_openapi_ece(call, ece.clone())),
        route(described!(OPERATION, fetch_openapi_fleet), move |call| {
            fetch_openapi_fleet(call, fleet.clone())
        }),
    ]
}

fn route<H, F>(at: &'static Described, handler: H) -> Route
where
    H: Fn(Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    Route { body_limit: 0, ..Route::of(&NATIVE, at, Permission::Anyone, handler) }
}

/// Fetch this document
///
/// OpenAPI 3.1: every native route, with shapes, errors and credentials.
#[utoipa::path(
    get,
    path = "/openapi.json",
    responses(
        (status = 200, description = "The document.", body = OpenApiDocument),
        NotModified,
    ),
)]
pub(super) async fn fetch_openapi(call: Call, made: Made) -> Result<Reply, Problem> {
    made.serve(&call).await
}

/// Fetch the document of Elastic Cloud Enterprise's routes
///
/// OpenAPI 3.1: the routes that clients of Elastic Cloud Enterprise use.
#[utoipa::path(
    get,
    path = "/openapi-ece.json",
    responses(
        (status = 200, description = "The document.", body = OpenApiDocument),
        NotModified,
    ),
)]
pub(super) async fn fetch_openapi_ece(call: Call, made: Made) -> Result<Reply, Problem> {
    made.serve(&call).await
}

/// Fetch the document of Elastic Fleet's routes
///
/// OpenAPI 3.1: the routes that clients of Kibana's Fleet API use.
#[utoipa::path(
    get,
    path = "/openapi-fleet.json",
    responses(
        (status = 200, description = "The document.", body = OpenApiDocument),
        NotModified,
    ),
)]
pub(super) async fn fetch_openapi_fleet(call: Call, made: Made) -> Result<Reply, Problem> {
    made.serve(&call).await
}

impl Made {
    fn by(make: impl Fn(&str) -> Value + Send + Sync + 'static) -> Self {
        Self { make: Arc::new(make), document: Arc::default() }
    }

    async fn serve(&self, call: &Call) -> Result<Reply, Problem> {
        let url = call.authority.trust.issuers().current().to_owned();
        let make = Arc::clone(&self.make);
        let make = move || Document::new("application/json", AGE, make(&url).to_string()).compressed();
        // It takes too long for a thread that serves connections.
        let made = self.document.get_or_try_init(|| tokio::task::spawn_blocking(make)).await;
        Ok(serve(made.map_err(|_| Problem::internal())?, call.head.headers()))
    }
}

#[cfg(test)]
mod tests;
