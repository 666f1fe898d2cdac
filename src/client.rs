//! The host's side (enroll, renew, leave, status), and the admin API client of the command line.

pub mod api;
mod authority;
pub mod ca_file;
pub mod checkin;
pub mod crl_file;
pub mod crls;
pub mod daemon;
pub mod directory;
pub mod enroll;
mod error;
pub mod first_use;
pub mod hook;
pub mod host;
pub mod key;
pub mod leave;
pub mod network;
pub mod policy_file;
pub mod problem;
pub mod renew;
pub mod renewal;
pub mod replace;
pub mod report;
pub mod servers;
pub mod status;
mod whole_file;

pub use crate::connect;
pub use error::ClientError;
