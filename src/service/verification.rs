//! Judging what somebody shows: tokens, host certificates, and those that a proxy passes on.

pub mod bulk;
pub(super) mod check;
pub(super) mod identify;
pub mod metadata;
pub mod proxies;
pub mod trust;
