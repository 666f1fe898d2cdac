//! The records of a store. They contain no type of a driver.

mod account;
mod host;
mod key;
mod session;
mod setting;
mod token;

pub use self::account::{ApiKeyRecord, ApiKeyTerms, StoredApiKey, UserRecord};
pub use self::host::*;
pub use self::key::*;
pub use self::session::SessionRecord;
pub use self::setting::SettingRecord;
pub use self::token::*;
pub use crate::ledger::EntryRecord;
