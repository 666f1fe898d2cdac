use http::Method;
use serde_json::json;

use super::*;
use crate::access::Permission;
use crate::http::call::Call;
use crate::http::problem::Code;
use crate::http::reply::Reply;
use crate::http::route::Route;
use crate::http::table::{Match, Table};

/// A dialect that no other file knows: the one of Elastic Fleet.
static FLEET: Dialect = Dialect {
    name: "fleet",
    covers: |path| path.starts_with("/api/fleet/"),
    accepts: |_| Ok(()),
    oauth_clients: false,
    media_type: "application/json",
    body: |problem| {
        let status = problem.status();
        let error = status.canonical_reason();
        json!({ "statusCode": status.as_u16(), "error": error, "message": problem.detail })
    },
    schema: ErrorSchema { name: "FleetError", code: "/error", prefix: "fleet_" },
};

#[test]
fn a_dialect_needs_its_static_and_rows() {
    let handler = |_: Call| async { Ok(Reply::ok(&"fine")) };
    let row = Route::of(&FLEET, (Method::POST, "/api/fleet/enroll"), Permission::Anyone, handler);
    let table = Table::of(vec![row]).unwrap();
    let Match::Nothing(dialect) = table.find(&Method::GET, "/api/fleet/other") else {
        panic!("no row has it")
    };
    let reply = Problem::of(Code::NotFound, "no route").render(dialect);
    let body: Value = serde_json::from_slice(reply.0.body()).unwrap();
    assert_eq!(body, json!({ "statusCode": 404, "error": "Not Found", "message": "no route" }));
    let Match::WrongMethod(dialect, _) = table.find(&Method::GET, "/api/fleet/enroll") else {
        panic!("POST")
    };
    assert_eq!(dialect.name, "fleet");
    let Match::Nothing(dialect) = table.find(&Method::GET, "/elsewhere") else { panic!("no row has it") };
    assert_eq!(dialect.name, "native");
}
