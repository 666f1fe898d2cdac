//! The records of a store. They contain no type of a driver.

mod account;
mod backup;
mod checkin;
mod counter;
mod enrollment;
mod host;
mod idempotency;
mod key;
mod opaque_key;
mod output;
mod output_key;
mod policy;
mod rule;
mod session;
mod setting;
mod token;
mod token_kind;

pub use self::account::{ApiKeyRecord, ApiKeyTerms, StoredApiKey, UserRecord};
pub use self::backup::BackupTimes;
pub use self::checkin::CheckIn;
pub use self::counter::*;
pub use self::enrollment::*;
pub use self::host::*;
pub use self::idempotency::*;
pub use self::key::*;
pub use self::opaque_key::{HeldOpaqueKey, OpaqueKeyRecord};
pub use self::output::*;
pub use self::output_key::*;
pub use self::policy::Policy;
pub use self::rule::RuleRecord;
pub use self::session::SessionRecord;
pub use self::setting::SettingRecord;
pub use self::token::*;
pub use self::token_kind::TokenKind;
pub use crate::ledger::EntryRecord;
