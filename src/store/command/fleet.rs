//! The verbs about the keys and tokens of Elastic Fleet's API.

use super::RecordMint;
use crate::id::{FleetKeyId, TokenId};
use crate::ledger::Draft;

/// See [`Verbs::add_fleet_key`](crate::store::Verbs::add_fleet_key).
pub struct AddFleetKey {
    /// The new key. Its file exists.
    pub key: FleetKeyId,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::retire_fleet_key`](crate::store::Verbs::retire_fleet_key). The newest key retires only with a successor.
pub struct RetireFleetKey {
    /// Number of the retired key.
    pub key: FleetKeyId,
    /// True to revoke its live tokens. Otherwise a key with live tokens stays.
    pub even_needed: bool,
    /// The key after the newest one, whose file exists; added if the newest one retires.
    pub successor: Option<FleetKeyId>,
    /// The entry; the store adds the number of revoked tokens.
    pub entry: Draft,
}

/// See [`Verbs::mint_fleet_token`](crate::store::Verbs::mint_fleet_token).
pub struct MintFleetToken(pub RecordMint);

/// See [`Verbs::delete_fleet_tokens`](crate::store::Verbs::delete_fleet_tokens).
pub struct DeleteFleetTokens {
    /// Ids of the deleted tokens.
    pub tokens: Vec<TokenId>,
    /// True to end their listing too, so that their names are free at once.
    pub forced: bool,
    /// The base of each token's entry.
    pub entry: Draft,
}
