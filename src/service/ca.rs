//! The certificate authorities: their files, rotating them, and their revocation lists.

pub mod crl;
pub mod files;
pub mod live;
pub mod rotation;
pub mod set;
