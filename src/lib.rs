//! Gatepass is an enrollment authority: it mints signed role tokens, and a host trades one for an mTLS identity. The ledger
//! proves afterwards which caller admitted which host. ARCHITECTURE.md walks through its rooms.
//!
//! With `default-features = false` only the verifying core is built: [`verifier`], [`token`] and the leaf values they stand on.

pub mod approval;
pub mod clock;
pub mod id;
pub mod name;
#[cfg(feature = "server")]
pub mod ownership;
pub mod secret;
#[cfg(feature = "server")]
pub mod span;
pub mod text;
pub mod token;
pub mod verifier;

#[cfg(feature = "server")]
pub mod access;
#[cfg(feature = "server")]
pub mod admission;
#[cfg(feature = "server")]
pub mod backup;
#[cfg(feature = "server")]
pub mod ca;
#[cfg(feature = "server")]
pub mod cells;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod client;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "fetch")]
pub mod connect;
#[cfg(feature = "server")]
pub mod dashboard;
#[cfg(feature = "server")]
pub mod file_lock;
#[cfg(any(feature = "server", feature = "hosts"))]
pub mod host_certificate;
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "server")]
pub mod ledger;
#[cfg(feature = "server")]
pub mod outbound;
#[cfg(feature = "server")]
pub mod seal;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod server_url;
#[cfg(feature = "server")]
pub mod service;
#[cfg(feature = "server")]
mod shell_word;
#[cfg(feature = "server")]
pub mod store;
#[cfg(feature = "warp")]
pub mod warp;
#[cfg(feature = "server")]
pub mod wire;

/// The Rust of docs/verifying.md, compiled with the tests of the documentation.
#[cfg(all(doctest, feature = "fetch", feature = "warp"))]
#[doc = include_str!("../docs/verifying.md")]
pub struct Verifying;
