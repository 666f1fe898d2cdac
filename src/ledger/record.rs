//! An entry as a store keeps it.

use super::entry::Origin;
use crate::id::{ChainId, HostId, TokenId};

/// An entry of the ledger as it is stored: the hashed bytes, and the columns that index them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRecord {
    /// Id of the chain.
    pub chain: ChainId,
    /// Number in the chain, from 1.
    pub seq: u64,
    /// The circumstances of the act.
    pub origin: Origin,
    /// Name of the act.
    pub action: String,
    /// Id of the token.
    pub token: Option<TokenId>,
    /// Id of the host.
    pub host: Option<HostId>,
    /// Name of the outcome.
    pub outcome: String,
    /// Reason of a refusal; empty for a done act.
    pub reason: String,
    /// The hashed bytes.
    pub bytes: Vec<u8>,
    /// Their SHA-256.
    pub hash: [u8; 32],
}
