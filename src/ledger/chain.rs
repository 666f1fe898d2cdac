//! The hash chain.
/// x
pub struct ChainHead;
/// x
pub struct Link;
