//! Signing keys, status lists and external URLs.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::id::{KeyId, ListId};
use crate::token::KeyUse;

/// Where a signing key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published, not signing yet.
    Prepared,
    /// It signs.
    Current,
    /// It verifies only; its private half is destroyed.
    Previous,
    /// It is trusted no more.
    Retired,
}

/// A signing key's public half and its standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its RFC 7638 thumbprint.
    pub id: KeyId,
    /// The Ed25519 public key (RFC 8032).
    pub public: [u8; 32],
    /// What it signs.
    pub usage: KeyUse,
    /// Where it stands.
    pub state: KeyState,
    /// Whether it verifies persistent tokens only: it is of an earlier ephemeral epoch.
    pub persistent_only: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Which tokens a status list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// Tokens that always expire: the list goes when the last of them has.
    Ephemeral,
    /// Tokens with a row.
    Persistent,
}

/// A status list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRecord {
    /// Its id.
    pub id: ListId,
    /// Which tokens it holds.
    pub kind: ListKind,
    /// The first index that no recorded token has.
    pub next: u32,
}

/// An external URL of the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerRecord {
    /// The URL.
    pub url: String,
    /// Whether new tokens name it.
    pub current: bool,
    /// Since when.
    pub since: Timestamp,
}
