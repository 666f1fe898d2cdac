//! The dashboard: pages made on the server. Each handler reads a form or a query, calls the use cases of `service` as the API's
//! handlers do, and fills in a template.

mod account;
mod add_host;
mod admin;
mod approvals;
mod assets;
mod chart;
mod dialect;
mod edit;
mod events;
mod form;
mod frame;
mod grant;
mod host;
mod hosts;
mod ledger;
mod list;
mod output;
mod overview;
mod parts;
mod policies;
mod policy;
mod refusal;
mod rules;
mod shown_once;
mod sign_in;
mod token;
mod tokens;

use http::Method;

pub use self::dialect::PAGE;
use crate::access::Permission as P;
use crate::http::route::Route;

/// The rows of the dashboard in the table of routes.
pub fn routes() -> Vec<Route> {
    let mut routes = rows();
    routes.extend(policy::routes());
    routes.extend(output::routes());
    routes
}

fn rows() -> Vec<Route> {
    let (get, post) = (|path| (Method::GET, path), |path| (Method::POST, path));
    let mut routes = vec![
        Route::of(&PAGE, get("/sign-in"), P::Anyone, sign_in::show),
        Route::of(&PAGE, post("/sign-in"), P::SignIn, sign_in::sign_in),
        Route::of(&PAGE, post("/sign-out"), P::BeUser, sign_in::sign_out),
        Route::of(&PAGE, get("/"), P::Read, overview::show),
        Route::of(&PAGE, get("/account"), P::BeUser, account::show),
        Route::of(&PAGE, post("/account/password"), P::BeUser, account::change_password),
        Route::of(&PAGE, post("/account/sessions/{id}/end"), P::BeUser, account::end_session),
        Route::of(&PAGE, post("/account/sign-out-everywhere"), P::BeUser, account::sign_out_everywhere),
        Route::of(&PAGE, get("/add-host"), P::WriteTokens, add_host::show),
        Route::of(&PAGE, post("/add-host"), P::WriteTokens, add_host::make),
        Route::of(&PAGE, get("/hosts"), P::ReadHosts, hosts::show),
        Route::of(&PAGE, get("/hosts/{id}"), P::ReadHosts, host::show),
        Route::of(&PAGE, get("/hosts/{id}/release"), P::WriteHosts, host::release::show),
        Route::of(&PAGE, post("/hosts/{id}/release"), P::WriteHosts, host::release::release),
        Route::of(&PAGE, get("/hosts/{id}/revoke"), P::WriteHosts, host::revoke::show),
        Route::of(&PAGE, post("/hosts/{id}/revoke"), P::WriteHosts, host::revoke::revoke),
        Route::of(&PAGE, get("/hosts/{id}/roles"), P::WriteHosts, host::roles::show),
        Route::of(&PAGE, post("/hosts/{id}/roles"), P::WriteHosts, host::roles::change),
        Route::of(&PAGE, get("/approvals"), P::ReadHosts, approvals::show),
        Route::of(&PAGE, post("/approvals"), P::WriteHosts, approvals::decide),
        Route::of(&PAGE, get("/approvals/{id}"), P::ReadHosts, approvals::show_one),
        Route::of(&PAGE, get("/rules"), P::ReadPolicies, rules::show),
        Route::of(&PAGE, get("/rules/new"), P::WritePolicies, rules::ask_for_one),
        Route::of(&PAGE, post("/rules/new"), P::WritePolicies, rules::create),
        Route::of(&PAGE, get("/rules/{id}"), P::WritePolicies, rules::show_one),
        Route::of(&PAGE, post("/rules/{id}"), P::WritePolicies, rules::change),
        Route::of(&PAGE, get("/rules/{id}/delete"), P::WritePolicies, rules::ask_to_delete),
        Route::of(&PAGE, post("/rules/{id}/delete"), P::WritePolicies, rules::delete),
        Route::of(&PAGE, get("/ledger"), P::ReadLedger, ledger::show),
        Route::of(&PAGE, post("/ledger/verify"), P::ReadLedger, ledger::verify),
        Route::of(&PAGE, get("/ledger/{id}"), P::ReadLedger, ledger::show_one),
        Route::of(&PAGE, get("/tokens"), P::ReadTokens, tokens::show),
        Route::of(&PAGE, get("/tokens/{id}"), P::ReadTokens, token::show),
        Route::of(&PAGE, get("/tokens/{id}/revoke"), P::WriteTokens, token::ask_to_revoke),
        Route::of(&PAGE, post("/tokens/{id}/revoke"), P::WriteTokens, token::revoke),
        Route::of(&PAGE, get("/tokens/{id}/release"), P::WriteTokens, token::release::ask),
        Route::of(&PAGE, post("/tokens/{id}/release"), P::WriteTokens, token::release::release),
        Route::of(&PAGE, get("/tokens/{id}/rotate"), P::WriteTokens, token::ask_to_rotate),
        Route::of(&PAGE, post("/tokens/{id}/rotate"), P::WriteTokens, token::rotate),
        Route::of(&PAGE, post("/tokens/{id}/show"), P::WriteTokens, token::show_again),
        Route::direct(get("/assets/{name}"), assets::fetch),
        Route::streamed(get("/events"), P::Read, events::follow_changes).in_dialect(&PAGE),
    ];
    routes.extend(admin::routes());
    routes
}
