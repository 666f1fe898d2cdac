//! Users, API keys, sessions and sign-in.

pub mod api_keys;
pub mod sessions;
pub(super) mod sign_in;
pub(super) mod standing;
pub(super) mod unwritten;
pub mod users;

use std::sync::Arc;

use self::sign_in::PasswordChecks;
use self::unwritten::UnwrittenUses;
use super::TimeKeeper;
use super::refusals::Refusals;
use super::tokens::due::DueRevocations;
use crate::access::session::SessionLife;
use crate::store::Store;

/// The use cases of users, sessions and API keys.
pub struct Accounts {
    store: Arc<dyn Store>,
    time: Arc<TimeKeeper>,
    refusals: Arc<Refusals>,
    due: Arc<DueRevocations>,
    unwritten: Arc<UnwrittenUses>,
    session_life: SessionLife,
    passwords: Arc<PasswordChecks>,
}

impl Accounts {
    pub(super) fn new(
        due: Arc<DueRevocations>,
        passwords: PasswordChecks,
        refusals: Arc<Refusals>,
        unwritten: Arc<UnwrittenUses>,
        session_life: SessionLife,
    ) -> Self {
        let (store, time) = (Arc::clone(&due.store), Arc::clone(&due.time));
        let passwords = Arc::new(passwords);
        Self { store, time, refusals, due, unwritten, session_life, passwords }
    }
}
