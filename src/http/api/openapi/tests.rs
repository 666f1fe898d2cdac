//! The document against the table of routes.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::access::Permission;
use crate::http::problem::Code;
use crate::http::table::Table;

/// `GET /path` of every operation under `paths`.
fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap().iter();
    let of_path = |(path, item): (&String, &Value)| {
        let methods = item.as_object().unwrap().keys().map(|method| method.to_uppercase());
        methods.map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    };
    paths.flat_map(of_path).collect()
}

#[test]
fn each_document_holds_its_rows_and_no_other() {
    let table = Table::new(true).unwrap();
    // A copy of the row with a demand, for Envoy.
    let left_out = "/api/v1/authorize-with/{demand}/";
    let (ece, others) = table.routes().iter().partition::<Vec<_>, _>(|row| row.dialect.name == "ece");
    let (fleet, native) = others.into_iter().partition::<Vec<_>, _>(|row| row.dialect.name == "fleet");
    let native = native.into_iter().filter(|row| row.path != left_out);
    let rows = native.map(|row| format!("{} {}", row.method, row.path.replace("{*", "{"))).collect();
    assert_eq!(operations(&document(true, "/")), rows);
    let ece = ece.into_iter().map(|row| format!("{} {}", row.method, row.path)).collect();
    assert_eq!(operations(&compat::document("/")), ece);
    // Spaces and the older spelling are described in words.
    let fleet = fleet.into_iter().filter(|row| row.docs.is_some());
    let fleet = fleet.map(|row| format!("{} {}", row.method, row.path)).collect();
    assert_eq!(operations(&compat::fleet_document("/")), fleet);
    assert!(rows.len() > 45 && rows.len() < table.routes().len(), "{}", rows.len());
}

#[test]
fn the_routes_raise_exactly_the_codes() {
    let document = document(true, "/");
    let responses = document["components"]["responses"].as_object().unwrap();
    let raised =
        responses.keys().flat_map(|codes| codes.split('.')).map(|code| code.trim_start_matches("oauth_"));
    let raised = raised.collect::<BTreeSet<_>>();
    // No row has this code: a method that its path does not have.
    let known = Code::ALL.iter().map(|code| code.as_str()).filter(|code| *code != "method_not_allowed");
    assert_eq!(raised, known.collect());
}

/// The credentials of each permission, as a second list.
fn credentials(permission: Permission, changing: bool) -> Value {
    let cookie = if changing { json!({ "cookie": [], "csrf": [] }) } else { json!({ "cookie": [] }) };
    let only = |schemes: &[&str]| schemes.iter().map(|scheme| json!({ *scheme: [] })).collect::<Vec<_>>();
    let (users, programs) =
        (only(&["password", "session"]), only(&["api_key", "api_key_as_bearer", "local"]));
    let host = only(&["host_certificate"]);
    match permission {
        Permission::Anyone => json!([{}]),
        Permission::Redeem => json!([{ "enrollment_token": [] }, { "token_api_key": [] }, {}]),
        Permission::SignIn => json!([{ "password": [] }, {}]),
        Permission::BeHost | Permission::Renew => json!(host),
        Permission::HostOrKey => json!([host, only(&["opaque_key", "opaque_key_as_bearer"])].concat()),
        Permission::BeUser => json!([users, vec![cookie]].concat()),
        Permission::Introspect => json!([users, vec![cookie], programs, host].concat()),
        _ => json!([users, vec![cookie], programs].concat()),
    }
}

#[test]
fn every_operation_takes_the_credentials_of_its_rows_permission() {
    let sorted = |mut credentials: Value| {
        credentials.as_array_mut().unwrap().sort_by_key(Value::to_string);
        credentials
    };
    for public in [true, false] {
        let document = document(public, "/");
        for row in crate::http::api::routes(public).into_iter().filter(|row| row.docs.is_some()) {
            let path = row.path.replace("{*", "{");
            let taken = &document["paths"][&path][row.method.as_str().to_lowercase()]["security"];
            let expected = match row.takes_any_method() {
                true => json!([{ "service_token": [] }, { "host_certificate": [] }]),
                false => credentials(row.permission, row.method != http::Method::GET),
            };
            assert_eq!(sorted(taken.clone()), sorted(expected), "{} {path}", row.method);
        }
    }
}
