//! The host's side and the admin API client.

pub mod connect;
