//! The native API: a file per action. Each handler decodes, calls one use case and renders.

mod api_keys;
mod authorize;
mod backups;
pub(super) mod bootstrap;
mod ca;
mod capacity;
mod checkin;
mod clock;
mod enrollments;
mod host_roles;
mod hosts;
mod installation;
mod issuers;
mod keys;
mod ledger;
mod moves;
mod oauth;
mod openapi;
mod operation;
mod outputs;
mod overview;
pub(crate) mod paging;
mod policies;
mod published;
mod release;
mod renewal;
mod roles;
mod rules;
mod service_tokens;
mod session;
mod sessions;
mod settings;
mod shapes;
mod status;
mod together;
mod tokens;
mod users;
mod verify;

use self::oauth::dialect::OAUTH;
pub use self::openapi::document;
use super::described::{described, rows};
use super::problem::NATIVE;
use super::route::{BODY_LIMIT, Route};
use crate::access::Permission as P;

/// Native rows for anyone, answered in the connection's task.
macro_rules! direct_rows {
    ($($tag:ident { $($($handler:ident)::+;)* })*) => {
        vec![$($(Route::direct(described!($tag, $($handler)::+), $($handler)::+)),*),*]
    };
}

/// The native rows of the table.
pub fn routes(public_metrics: bool) -> Vec<Route> {
    let mut routes = administration(if public_metrics { P::Anyone } else { P::Read });
    routes.extend(decisions());
    routes.extend(hosts());
    routes.extend(accounts());
    routes.extend(openapi::routes(public_metrics));
    routes.push(verify::route());
    routes.push(Route::streamed(
        described!(LEDGER, ledger::export::export_ledger),
        P::ReadLedger,
        ledger::export::export_ledger,
    ));
    let mint = described!(TOKENS, tokens::create::mint_token);
    routes.push(Route {
        body_limit: BODY_LIMIT,
        ..Route::streamed(mint, P::WriteTokens, tokens::create::mint_token)
    });
    routes.extend(authorize::routes());
    routes.extend(rows! {
        &OAUTH;
        ASKING {
            P::Introspect => oauth::introspect::introspect_token;
            P::WriteTokens => oauth::revoke::revoke_presented_token;
        }
    });
    for settings in routes.iter_mut().filter(|route| route.path.starts_with("/api/v1/policies")) {
        settings.body_limit = policies::BODY_LIMIT;
    }
    for form in routes.iter_mut().filter(|route| route.dialect.oauth_clients) {
        form.body_limit = oauth::BODY_LIMIT;
    }
    routes.extend(published());
    routes
}

/// Documents and streams.
fn published() -> Vec<Route> {
    direct_rows! {
        OPERATION {
            operation::show_product;
            operation::livez;
        }
        PUBLISHED {
            oauth::show_authorization_server;
            published::fetch_key_set;
            published::fetch_root;
            published::fetch_chain;
            published::fetch_pinned_root;
            published::fetch_crl;
            published::fetch_crls;
            published::fetch_bundle;
            status::list_status_lists;
            status::fetch_status_list;
            status::follow_status_lists;
            status::follow_status_list;
        }
    }
}

/// Tokens and the authority itself.
fn administration(metrics: P) -> Vec<Route> {
    rows! {
        &NATIVE;
        TOKENS {
            P::ReadTokens => tokens::list_tokens;
            P::WriteTokens => together::revoke_tokens;
            P::WriteTokens => tokens::release::release_tokens;
            P::WriteTokens => tokens::rotate::rotate_token;
            P::WriteTokens => tokens::release::release_token;
            P::ReadTokens => tokens::show_token;
            P::WriteTokens => tokens::revoke_token;
        }
        SERVICE_TOKENS {
            P::WriteTokens => service_tokens::mint_service_token;
            P::ReadTokens => service_tokens::list_service_tokens;
            P::ReadTokens => service_tokens::show_service_token;
            P::WriteTokens => service_tokens::revoke_service_token;
        }
        KEYS {
            P::Read => keys::list_signing_keys;
            P::Administer => keys::rotate_signing_keys;
            P::Administer => keys::retire_signing_key;
        }
        AUTHORITY {
            P::Read => overview::show_overview;
            P::Read => installation::show_install_command;
            P::Read => roles::list_roles;
            P::Read => ca::show_ca;
            P::Administer => ca::rotate_ca;
            P::Administer => ca::revoke_issuing_ca;
            P::Read => issuers::list_issuers;
            P::Administer => issuers::retire_issuer;
            P::Read => clock::show_clock;
            P::Administer => clock::accept_clock;
            P::Administer => backups::make_backup;
            P::Administer => backups::hold_rotations;
            P::Administer => backups::record_backup;
            P::Read => settings::show_settings;
            P::Administer => settings::change_settings;
            P::Read => capacity::show_capacity;
            P::Administer => capacity::set_capacity;
        }
        LEDGER {
            P::ReadLedger => ledger::list_ledger;
            P::ReadLedger => ledger::verify_ledger;
        }
        OPERATION {
            P::Anyone => operation::readyz;
            metrics => operation::fetch_metrics;
        }
    }
}

/// Rules and policies.
fn decisions() -> Vec<Route> {
    rows! {
        &NATIVE;
        RULES {
            P::WritePolicies => rules::create_rule;
            P::ReadPolicies => rules::list_rules;
            P::ReadPolicies => rules::test_rules;
            P::ReadPolicies => rules::show_rule;
            P::WritePolicies => rules::change_rule;
            P::WritePolicies => rules::delete_rule;
        }
        POLICIES {
            P::WritePolicies => policies::create_policy;
            P::ReadPolicies => policies::list_policies;
            P::ReadPolicies => policies::show_policy;
            P::WritePolicies => policies::change_policy;
            P::WritePolicies => policies::delete_policy;
            P::ReadPolicies => policies::list_policy_revisions;
            P::WritePolicies => policies::restore_policy_revision;
        }
        OUTPUTS {
            P::WritePolicies => outputs::create_output;
            P::ReadPolicies => outputs::list_outputs;
            P::ReadPolicies => outputs::show_output;
            P::WritePolicies => outputs::change_output;
            P::WritePolicies => outputs::delete_output;
        }
    }
}

/// The life of a host: enrolling, renewing, and its record.
fn hosts() -> Vec<Route> {
    rows! {
        &NATIVE;
        ENROLLING {
            P::Redeem => bootstrap::redeem_token;
            P::Renew => renewal::renew_certificate;
            P::HostOrKey => renewal::whoami;
            P::BeHost => renewal::report_host;
            P::HostOrKey => checkin::check_in;
            P::HostOrKey => checkin::fetch_own_policy;
            P::BeHost => checkin::get_access_token;
            P::HostOrKey => renewal::leave;
        }
        HOSTS {
            P::ReadHosts => hosts::list_hosts;
            P::WriteHosts => together::revoke_hosts;
            P::ReadHosts => hosts::show_host;
            P::WriteHosts => hosts::change_host;
            P::WriteHosts => hosts::revoke_host;
            P::WriteHosts => moves::move_hosts;
            P::WriteHosts => host_roles::set_host_roles;
            P::WriteHosts => tokens::reenrollment::mint_reenrollment_token;
            P::WriteHosts => release::release_hosts;
            P::WriteHosts => release::release_host;
            P::ReadHosts => enrollments::list_enrollments;
            P::WriteHosts => enrollments::decide_enrollments;
            P::ReadHosts => enrollments::show_enrollment;
            P::WriteHosts => enrollments::approve_enrollment;
            P::WriteHosts => enrollments::deny_enrollment;
        }
    }
}

/// Users, their sessions and API keys.
fn accounts() -> Vec<Route> {
    rows! {
        &NATIVE;
        SESSION {
            P::SignIn => session::sign_in;
            P::Read => session::show_session;
            P::BeUser => session::sign_out;
            P::BeUser => sessions::list_sessions;
            P::BeUser => sessions::end_session;
        }
        USERS {
            P::Administer => users::create_user;
            P::Administer => users::list_users;
            P::Administer => users::show_user;
            P::Administer => users::change_user;
            P::Administer => users::delete_user;
            P::Administer => users::reset_password;
            P::Administer => users::sign_out_user;
            P::BeUser => users::change_password;
        }
        API_KEYS {
            P::KeepKeys => api_keys::create_api_key;
            P::KeepKeys => api_keys::list_api_keys;
            P::Administer => api_keys::release_api_keys;
            P::KeepKeys => api_keys::show_api_key;
            P::KeepKeys => api_keys::delete_api_key;
        }
    }
}
