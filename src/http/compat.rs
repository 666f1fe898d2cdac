//! Other systems' wire contracts, kept so that their real clients work unmodified.

pub mod ece;
pub mod ece_users;
pub mod fleet;

use chrono::{DateTime, SecondsFormat};
use serde_json::Value;
use utoipa::OpenApi as _;

use self::ece::dialect::BasicFailedReply;
use self::fleet::dialect::FleetError;
use super::openapi::{self, Contract};
use super::route::Route;
use crate::clock::Timestamp;

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

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(FleetError<'static>)))]
struct FleetBodies;

static FLEET_CONTRACT: Contract = Contract {
    title: "gatepass for clients of Elastic Fleet",
    description: "The routes of Kibana's Fleet API that its clients use for enrollment tokens and agent policies. HTTPS only. Names \
        of operations and shapes are those of Kibana. Each path is also served in a space, after `/s/{space}`, and \
        `enrollment_api_keys` also as `enrollment-api-keys`. A change needs the header `kbn-xsrf`. Unknown members and parameters \
        are ignored. `GET /openapi.json` has the native routes, which can do more.",
    bodies: FleetBodies::openapi,
    refuses_unknown_fields: false,
};

/// The rows of all contracts.
pub fn routes() -> Vec<Route> {
    ece_routes().into_iter().chain(fleet::routes()).collect()
}

fn ece_routes() -> Vec<Route> {
    ece::routes().into_iter().chain(ece_users::routes()).collect()
}

/// The document of Elastic Cloud Enterprise's routes at `url`.
pub fn document(url: &str) -> Value {
    openapi::document(&CONTRACT, &ece_routes(), url)
}

/// The document of Elastic Fleet's routes at `url`.
pub fn fleet_document(url: &str) -> Value {
    openapi::document(&FLEET_CONTRACT, &fleet::routes(), url)
}

/// Formats with milliseconds always: some readers parse only one form.
fn with_millis(at: Timestamp) -> String {
    let at = DateTime::from_timestamp_millis(at.millis()).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_milliseconds_and_a_z() {
        let at = Timestamp::parse_rfc3339("2030-01-01T00:00:00Z").unwrap();
        assert_eq!(with_millis(at), "2030-01-01T00:00:00.000Z");
    }
}
