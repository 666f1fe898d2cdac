//! The handles that every family of use cases has.

use std::sync::Arc;

use super::TimeKeeper;
use crate::store::Store;

/// Maximum number of attempts at an act. It is repeated when its facts or the keys changed between its check and its transaction.
pub(in crate::service) const ATTEMPTS: usize = 3;

/// The store and the time of decisions.
#[derive(Clone)]
pub struct Base {
    /// The opened database.
    pub store: Arc<dyn Store>,
    /// The clock, and the mark from the store.
    pub time: Arc<TimeKeeper>,
}
