//! The certificate authorities: their files, rotating them, and their revocation lists.

pub mod crl;
pub mod files;
pub mod rotation;
pub mod set;
