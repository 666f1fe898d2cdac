//! The token: claims, parsing, minting, verifying, the key ring, JWKS and status. Knows no HTTP, SQL or configuration.
//!
//! A token is a JWS in compact form (RFC 7515 section 7.1) over the claims of a [`Grant`], signed with Ed25519 (RFC 8037
//! section 3.1). External text is an [`UnverifiedToken`]. A valid signature makes it [`Authenticated`], and a valid time
//! makes it [`Verified`]. Only verifying makes a [`Verified`] grant, so code that takes one cannot get less.

mod claims;
mod error;
#[cfg(test)]
mod fixture;
#[cfg(feature = "server")]
mod fleet_key;
mod grant;
mod header;
mod hot;
mod json;
pub(crate) mod jwks;
mod key;
mod key_use;
mod mint;
mod ring;
mod signer;
mod status;
mod status_list;
mod verify;

use std::time::Duration;

pub use error::VerifyError;
#[cfg(feature = "server")]
pub use fleet_key::{FleetKey, FleetKeys, ProvenToken, UnprovenApiKey};
pub use grant::{AccessGrant, Bindings, Grant, ServiceGrant, Terms, TokenRef, enrollment_audience};
pub use hot::{HotAccessTokens, HotEnrollmentTokens, HotServiceTokens, HotTokens, TokenDigest};
#[cfg(feature = "server")]
pub(crate) use json::{Object, present};
pub use key::{KeyError, KeyScope, VerifyingKey, VerifyingKeys};
pub use key_use::KeyUse;
#[cfg(feature = "server")]
pub use mint::mint_all;
pub use mint::{MintError, MintedToken, mint, mint_access, mint_service};
pub use ring::{KeyRing, SigningPair, SigningPairs};
pub use signer::{SignError, Signer, SigningKey};
pub(crate) use status::list_of;
pub use status::{Status, status_uri};
pub use status_list::{
    MAX_STATUS_LIST_BYTES, STATUS_LIST_LIFE, STATUS_LIST_TTL, SignedStatusList, StatusList, StatusListError,
};
pub use verify::{
    Authenticated, AuthenticatedToken, UnverifiedToken, Verified, verify, verify_access, verify_service,
};

/// Tolerance for the verifier's clock (RFC 7519 sections 4.1.4 and 4.1.5).
pub const LEEWAY: Duration = Duration::from_secs(60);
/// Maximum size of a token that is read, in bytes.
pub const MAX_TOKEN_BYTES: usize = 4096;
/// Maximum size of a token that is minted, in bytes, below the limit of a verifier.
pub const MAX_MINT_BYTES: usize = 3072;
/// Maximum number of roles of a token.
pub const MAX_ROLES: usize = 32;
/// Maximum number of DNS name patterns of a token.
pub const MAX_PATTERNS: usize = 16;
/// Number of entries of a status list.
pub const STATUS_LIST_CAPACITY: u32 = 1 << 20;
