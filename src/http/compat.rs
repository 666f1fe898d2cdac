//! Other systems' wire contracts, kept so that their real clients work unmodified.

pub mod ece;
pub mod ece_users;

use serde_json::Value;
use utoipa::OpenApi as _;

use self::ece::dialect::BasicFailedReply;
use super::openapi::{self, Contract};
use super::route::Route;

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(BasicFailedReply<'static>)))]
struct Bodies;

static CONTRACT: Contract = Contract {
    title: "gatepass for clients of Elastic Cloud Enterprise",
    description: "The routes of Elastic Cloud Enterprise that its clients use to mint roles tokens. HTTPS only. Names of \
        operations and shapes are those of Elastic Cloud Enterprise. Unknown members of a body are ignored. `GET \
        /openapi.json` has the native routes, which can do more.",
    bodies: Bodies::openapi,
    refuses_unknown_fields: false,
};

/// The rows of all contracts.
pub fn routes() -> Vec<Route> {
    ece::routes().into_iter().chain(ece_users::routes()).collect()
}

/// The document of Elastic Cloud Enterprise's routes at `url`.
pub fn document(url: &str) -> Value {
    openapi::document(&CONTRACT, &routes(), url)
}
