//! The token: claims, parsing, minting, verifying, the key ring, JWKS and status. Knows no HTTP, SQL or configuration.
//!
//! A token is a JWS in compact form (RFC 7515 section 7.1) over the claims of a [`Grant`], signed with Ed25519 (RFC 8037
//! section 3.1). Text from outside is an [`UnverifiedToken`]; a good signature makes it [`Authenticated`], a good moment
//! [`Verified`]: nothing else can make a [`Verified`] grant, so what asks for one cannot be given less.

mod claims;
#[cfg(test)]
mod fixture;
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

pub use grant::{Bindings, Grant, ServiceGrant, Terms, TokenRef};
pub use hot::{HotEnrollmentTokens, HotServiceTokens, HotTokens, TokenDigest};
pub use key::{KeyError, KeyScope, VerifyingKey, VerifyingKeys};
pub use key_use::KeyUse;
pub use mint::{MintError, MintedToken, mint, mint_service};
pub use ring::{KeyRing, SigningPair, SigningPairs};
pub use signer::{SignError, Signer, SigningKey};
pub(crate) use status::list_of;
pub use status::{Status, status_uri};
pub use status_list::{
    MAX_STATUS_LIST_BYTES, STATUS_LIST_LIFE, STATUS_LIST_TTL, SignedStatusList, StatusList, StatusListError,
};
pub use verify::{
    Authenticated, AuthenticatedToken, UnverifiedToken, Verified, VerifyError, verify, verify_service,
};

/// How far a verifier's clock may be off (RFC 7519 sections 4.1.4 and 4.1.5).
pub const LEEWAY: Duration = Duration::from_secs(60);
/// The longest text that is looked at as a token.
pub const MAX_TOKEN_BYTES: usize = 4096;
/// The longest token that is minted: a verifier's limit is never met by a token of ours.
pub const MAX_MINT_BYTES: usize = 3072;
/// How many roles a token may give.
pub const MAX_ROLES: usize = 32;
/// How many DNS name patterns a token may be bound to.
pub const MAX_PATTERNS: usize = 16;
/// How many entries a status list holds.
pub const STATUS_LIST_CAPACITY: u32 = 1 << 20;
