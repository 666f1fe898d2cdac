//! The use cases, one file each. Each decides by asking the pure rooms and ends in at most one store command.

pub mod accounts;
mod authority;
pub mod backups;
mod base;
pub mod ca;
mod caller;
mod capacity;
mod certify;
pub mod changes;
pub mod checkin;
mod clock;
pub mod document;
pub mod emergency;
mod error;
pub mod fleet;
pub mod found;
pub mod health;
pub mod hosts;
pub mod installation;
pub mod issuers;
pub mod keys;
pub mod labels;
pub mod ledger;
pub mod ledger_mark;
pub mod lineage;
pub mod membership;
pub mod outputs;
pub mod overview;
pub mod own_names;
pub mod policies;
mod quarantine;
pub mod refusals;
pub mod restore;
mod revocable;
mod roles_together;
pub mod rules;
pub mod selection;
pub mod settings;
mod shared_run;
pub mod status_lists;
mod time;
pub mod together;
pub mod tokens;
pub mod trust;
pub mod upkeep;
pub mod vault;
pub mod verification;

pub use authority::{Authority, Parts, Settings};
pub use base::Base;
pub use caller::Caller;
pub use capacity::FleetCapacity;
pub use certify::{
    ApprovalTerms, CertificateTerms, Decided, Enrolled, Enrollment, RedeemRequest, Redemption, Verdict,
};
pub use error::{
    AccountError, CaError, FieldError, HostError, IMPORT_NEWER, KeysError, RequestError, ServiceError,
    TokenError,
};
pub use time::{ClockDoubt, ClockStanding, TimeKeeper};
pub use tokens::indexes::Indexes;
pub use tokens::take_back::TakenBack;
pub use verification::check::{BadToken, GoodToken};
pub use verification::identify::HostCaller;
