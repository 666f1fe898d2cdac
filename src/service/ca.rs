//! The CA: its files, its rotation, and its revocation lists.

pub mod crl;
pub mod files;
pub mod live;
pub mod revocation;
pub mod root_crl;
pub mod rotation;
pub mod set;
