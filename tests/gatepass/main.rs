//! The integration tests, one binary so that they link once. Each module names what it shows.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod bad_input;
mod battery;
mod bulk_verify;
mod ca_expiry;
mod ca_revocation;
mod ca_rotation;
mod cluster_tokens;
mod crl;
mod crl_file;
mod documents;
mod external_url;
mod forward_auth;
mod guarded_service;
mod host_identity;
mod http;
mod imported_ca;
mod introspection;
mod invariants;
mod issuers;
mod keys;
mod ledger;
mod listing;
mod load;
mod local_administration;
mod log_lines;
mod moving;
mod openapi;
#[cfg(feature = "outside")]
mod outside;
mod own_names;
mod prose;
mod proxy_protocol;
mod rate_limits;
mod readme;
mod redemption;
mod reload;
mod renewal;
mod rooms;
mod secret_files;
mod seed_ece;
mod seed_linkmesh;
mod seed_sielum;
mod seed_telovix;
mod seeding;
mod service_tokens;
mod sessions;
mod settings;
mod sign_in_throttle;
mod signing_in;
mod starting;
mod status_lists;
mod support;
mod trust_domain;
