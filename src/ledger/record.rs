//! An entry as a store keeps it.

use std::net::IpAddr;

use crate::clock::Timestamp;
use crate::id::{ChainId, HostId, RequestId, TokenId};

/// An entry of the ledger as it is stored: the hashed bytes, and the columns that index them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRecord {
    /// Id of the chain.
    pub chain: ChainId,
    /// Number in the chain, from 1.
    pub seq: u64,
    /// The moment of the decision.
    pub at: Timestamp,
    /// The actor, as the ledger names actors.
    pub actor: String,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// Id of the request.
    pub request: Option<RequestId>,
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
