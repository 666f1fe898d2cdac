//! The outcome of a restore.

/// The changes of a restore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Number of suspended tokens.
    pub tokens: u64,
    /// Number of hosts that waited for a decision.
    pub waiting: u64,
    /// Number of ended sessions.
    pub sessions: u64,
    /// Number of suspended API keys.
    pub api_keys: u64,
    /// The disabled users.
    pub users: Vec<String>,
    /// Number of hosts that were revoked, because a CRL says so.
    pub hosts: u64,
    /// Number of certificates on the CRLs that the database did not list.
    pub certificates: u64,
}
