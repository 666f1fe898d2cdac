//! The native API: a file per action. Each handler decodes, calls one use case and renders.

mod api_keys;
mod authorize;
mod bootstrap;
mod ca;
mod clock;
mod described;
mod hosts;
mod issuers;
mod keys;
mod ledger;
mod oauth;
mod openapi;
mod operation;
mod paging;
mod published;
mod renewal;
mod roles;
mod service_tokens;
mod session;
mod settings;
mod shapes;
mod status;
mod together;
mod tokens;
mod users;
mod verify;

use self::described::described;
pub use self::openapi::document;
use super::route::Route;
use crate::access::Permission as P;

macro_rules! rows {
    ($($permission:expr => $($handler:ident)::+;)*) => {
        vec![$(described!($($handler)::+).native($permission, $($handler)::+)),*]
    };
}

/// The native rows of the table.
pub fn routes(public_metrics: bool) -> Vec<Route> {
    let metrics = if public_metrics { P::Anyone } else { P::Read };
    let mut routes = rows! {
        P::WriteTokens => tokens::create::handle;
        P::ReadTokens => tokens::list::handle;
        P::WriteTokens => together::tokens;
        P::WriteTokens => tokens::rotate::handle;
        P::ReadTokens => tokens::show::handle;
        P::WriteTokens => tokens::revoke::handle;
        P::WriteTokens => service_tokens::create::handle;
        P::ReadTokens => service_tokens::list::handle;
        P::ReadTokens => service_tokens::show::handle;
        P::WriteTokens => service_tokens::revoke::handle;
        P::Redeem => bootstrap::handle;
        P::BeHost => renewal::renew;
        P::BeHost => renewal::whoami;
        P::BeHost => renewal::leave;
        P::ReadHosts => hosts::list;
        P::WriteHosts => together::hosts;
        P::ReadHosts => hosts::show;
        P::WriteHosts => hosts::change;
        P::WriteHosts => hosts::revoke;
        P::Read => roles::list;
        P::Read => keys::list;
        P::Administer => keys::rotate;
        P::Administer => keys::retire;
        P::Read => ca::show;
        P::Administer => ca::rotate;
        P::Read => issuers::list;
        P::Administer => issuers::retire;
        P::Read => clock::show;
        P::Administer => clock::accept;
        P::ReadLedger => ledger::list;
        P::ReadLedger => ledger::verify;
        P::Anyone => operation::readyz;
        metrics => operation::metrics;
    };
    routes.push(described!(operation::livez).direct(operation::livez));
    routes.push(openapi::route(public_metrics));
    let verify = described!(verify::handle).native(P::Introspect, verify::handle);
    routes.push(verify.body_limit(verify::BODY_LIMIT));
    routes.extend(accounts());
    routes.extend(authorize::routes());
    routes.extend(oauth::routes());
    routes.extend(published::routes());
    routes.extend(status::routes());
    routes.extend(settings::routes());
    routes
}

/// Users, their sessions and API keys.
fn accounts() -> Vec<Route> {
    rows! {
        P::SignIn => session::create;
        P::Read => session::show;
        P::BeUser => session::delete;
        P::Administer => users::create;
        P::Administer => users::list;
        P::Administer => users::show;
        P::Administer => users::change;
        P::Administer => users::delete;
        P::Administer => users::reset_password;
        P::Administer => users::sign_out;
        P::BeUser => users::change_password;
        P::KeepKeys => api_keys::create;
        P::KeepKeys => api_keys::list;
        P::KeepKeys => api_keys::show;
        P::KeepKeys => api_keys::delete;
    }
}
