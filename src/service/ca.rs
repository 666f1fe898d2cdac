//! The CA: its files, its rotation, and its revocation lists.

pub mod crl;
pub mod files;
pub mod live;
pub(super) mod root_crl;
pub mod rotation;
pub mod set;
