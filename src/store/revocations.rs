//! What is revoked, in memory.
/// x
pub struct Revocations;
