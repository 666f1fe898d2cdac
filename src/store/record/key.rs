//! Signing keys, status lists and external URLs.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::{FleetKeyId, KeyId, ListId};
use crate::name::DnsName;
use crate::token::KeyUse;

/// The state of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SigningKeyState)]
pub enum KeyState {
    /// The key is published and does not sign yet.
    Prepared,
    /// The key signs.
    Current,
    /// The key only verifies; its private half is destroyed.
    Previous,
    /// The key is no longer trusted.
    Retired,
}

/// The public half of a signing key, and its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeyRecord {
    /// Its RFC 7638 thumbprint.
    pub id: KeyId,
    /// The Ed25519 public key (RFC 8032).
    #[serde(skip)]
    pub public: [u8; 32],
    /// Use of the key.
    #[schema(value_type = String, example = "enrollment")]
    #[serde(rename = "use")]
    pub usage: KeyUse,
    /// Its stage: published, signing, verifying, retired.
    pub state: KeyState,
    /// True if the key verifies persistent tokens only: it is of an earlier ephemeral epoch.
    #[schema(example = false)]
    pub persistent_only: bool,
    /// Time of creation.
    pub created_at: Timestamp,
}

/// A key of Elastic Fleet's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetKeyRecord {
    /// Its number, which is also in the name of its file.
    pub id: FleetKeyId,
    /// Time of creation.
    pub created_at: Timestamp,
}

/// The kind of tokens in a status list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// Tokens that expire. The list is deleted after the last of them has expired.
    Ephemeral,
    /// Tokens with a row in `tokens`.
    Persistent,
}

/// A status list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRecord {
    /// Public id of the list.
    pub id: ListId,
    /// The kind of its tokens.
    pub kind: ListKind,
    /// The first index that no recorded token has.
    pub next: u32,
}

/// The URL, the names and the trust domain of the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityIdentity {
    /// The current external URL.
    pub issuer: String,
    /// The DNS names of the authority. A recorded name stays.
    pub names: Vec<DnsName>,
    /// The SPIFFE trust domain. A recorded one stays.
    pub trust_domain: String,
}

/// An external URL of the authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct IssuerRecord {
    /// The URL itself.
    #[schema(format = "uri", example = "https://gate.example.org")]
    #[serde(rename = "id")]
    pub url: String,
    /// True if new tokens name it.
    pub current: bool,
    /// Time from which on it was current.
    pub since: Timestamp,
}
