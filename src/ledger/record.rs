//! An entry as a store keeps it.

use std::net::IpAddr;

use crate::clock::Timestamp;
use crate::id::{ChainId, HostId, RequestId, TokenId};

/// An entry of the ledger as it is stored: the hashed bytes, and the columns that index them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRecord {
    /// The chain.
    pub chain: ChainId,
    /// The number in the chain, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// From where.
    pub address: Option<IpAddr>,
    /// In which request.
    pub request: Option<RequestId>,
    /// What, by its name.
    pub action: String,
    /// To which token.
    pub token: Option<TokenId>,
    /// To which host.
    pub host: Option<HostId>,
    /// How it ended, by its name.
    pub outcome: String,
    /// Why.
    pub reason: String,
    /// The bytes that were hashed.
    pub bytes: Vec<u8>,
    /// Their SHA-256.
    pub hash: [u8; 32],
}
