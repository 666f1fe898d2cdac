//! Users, API keys, sessions and sign-in.

pub mod api_keys;
pub mod sessions;
pub(super) mod sign_in;
pub(super) mod standing;
pub mod users;

use std::sync::Arc;

use self::api_keys::KeyUses;
use self::sessions::Seen;
use self::sign_in::PasswordChecks;
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
    seen: Arc<Seen>,
    session_life: SessionLife,
    passwords: Arc<PasswordChecks>,
    /// Uses of API keys that are not written yet.
    key_uses: KeyUses,
}

impl Accounts {
    pub(super) fn new(
        due: Arc<DueRevocations>,
        passwords: PasswordChecks,
        refusals: Arc<Refusals>,
        seen: Arc<Seen>,
        session_life: SessionLife,
    ) -> Self {
        let (store, time) = (Arc::clone(&due.store), Arc::clone(&due.time));
        let (passwords, key_uses) = (Arc::new(passwords), KeyUses::default());
        Self { store, time, refusals, due, seen, session_life, passwords, key_uses }
    }
}
