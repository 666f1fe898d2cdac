//! The verbs about opaque keys of hosts.

use crate::clock::Timestamp;
use crate::id::{HostId, OpaqueKeyId, Serial, TokenId};
use crate::ledger::Draft;

/// Maximum number of opaque keys that a host gets for one certificate, the first one included. Each repeat writes an entry.
pub const MOST_OPAQUE_KEYS: u32 = 100;

/// See [`Verbs::replace_opaque_key`](crate::store::Verbs::replace_opaque_key). Nothing is written if one of these does not hold:
///
/// 1. The host has an opaque key for this certificate, and that was never used.
/// 2. It got fewer than [`MOST_OPAQUE_KEYS`].
/// 3. The policy of the host allows opaque keys.
/// 4. The token has not been revoked.
pub struct ReplaceOpaqueKey {
    /// Id of the host.
    pub host: HostId,
    /// Serial number of the certificate that the answer carries.
    pub serial: Serial,
    /// The token that the host redeemed.
    pub token: TokenId,
    /// The new key.
    pub key: OpaqueKeyId,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::use_opaque_key`](crate::store::Verbs::use_opaque_key).
pub struct UseOpaqueKey {
    /// SHA-256 of the presented key.
    pub key: OpaqueKeyId,
    /// Moment of the use.
    pub at: Timestamp,
}
