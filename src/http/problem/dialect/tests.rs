use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::access::Permission;
use crate::http::call::Call;
use crate::http::problem::Code;
use crate::http::reply::Reply;
use crate::http::route::Route;
use crate::http::table::{Match, Table};

/// A dialect that no other file knows.
static OTHER: Dialect = Dialect {
    name: "other",
    covers: |path| path.starts_with("/api/other/"),
    accepts: |_| Ok(()),
    oauth_clients: false,
    cookies: true,
    page: None,
    media_type: "application/json",
    body: |problem| {
        let status = problem.status();
        let error = status.canonical_reason();
        json!({ "status": status.as_u16(), "error": error, "message": problem.detail }).to_string()
    },
    schema: ErrorSchema { name: "OtherError", code: "/error", prefix: "other_" },
};

#[test]
fn a_dialect_needs_its_static_and_rows() {
    let handler = |_: Call| async { Ok(Reply::ok(&"fine")) };
    let row = Route::of(&OTHER, (Method::POST, "/api/other/enroll"), Permission::Anyone, handler);
    let table = Table::of(vec![row]).unwrap();
    let Match::Nothing(dialect) = table.find(&Method::GET, "/api/other/other") else {
        panic!("no row has it")
    };
    let reply = Problem::of(Code::NotFound, "no route").render(dialect);
    let body: Value = serde_json::from_slice(reply.0.body()).unwrap();
    assert_eq!(body, json!({ "status": 404, "error": "Not Found", "message": "no route" }));
    let Match::WrongMethod(dialect, _) = table.find(&Method::GET, "/api/other/enroll") else {
        panic!("POST")
    };
    assert_eq!(dialect.name, "other");
    let Match::Nothing(dialect) = table.find(&Method::GET, "/elsewhere") else { panic!("no row has it") };
    assert_eq!(dialect.name, "native");
}
