//! What a service on the platform verifies with, without asking the authority.

#[cfg(feature = "hosts")]
pub mod hosts;
