//! Verification.
/// x
pub struct Fault;
/// x
pub struct Verification;
