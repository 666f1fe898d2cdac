//! The use cases, one file each. Each decides by asking the pure rooms and ends in at most one store command.

mod authority;
pub mod ca_files;
pub mod ca_rotation;
pub mod ca_set;
mod certify;
mod check;
pub mod clock;
pub mod collect;
pub mod crl;
mod emergency;
mod error;
pub mod found;
pub mod health;
pub mod hosts;
mod identify;
mod indexes;
pub mod issuers;
pub mod keys;
pub mod ledger;
pub mod mint;
pub mod order;
pub mod proxies;
pub mod refusals;
pub mod service_tokens;
mod sign_in;
mod time;
pub mod tokens;
pub mod trust;
pub mod vault;

pub use authority::{Authority, Caller, Parts, Settings};
pub use certify::{Enrolled, RedeemRequest, renew_after};
pub use check::{BadToken, GoodToken};
pub use error::{FieldError, ServiceError};
pub use identify::HostCaller;
pub use indexes::Indexes;
pub use time::{ClockDoubt, TimeKeeper};
