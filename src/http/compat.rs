//! Other systems' wire contracts, kept so that their real clients work unmodified.

pub mod ece;
pub mod ece_users;
