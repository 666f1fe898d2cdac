//! Users, API keys, sessions and sign-in.

pub mod api_keys;
mod reauthentication;
mod release;
pub mod sessions;
pub(super) mod sign_in;
pub(super) mod standing;
pub(super) mod unwritten;
pub mod users;

use std::sync::Arc;

use self::sign_in::PasswordChecks;
use self::unwritten::UnwrittenUses;
use super::base::Base;
use super::refusals::Refusals;
use super::tokens::due::DueRevocations;
use crate::access::session::SessionLife;

/// The use cases of users, sessions and API keys.
pub struct Accounts {
    pub(super) base: Base,
    pub(super) refusals: Arc<Refusals>,
    pub(super) due: Arc<DueRevocations>,
    pub(super) unwritten: Arc<UnwrittenUses>,
    pub(super) session_life: SessionLife,
    pub(super) passwords: Arc<PasswordChecks>,
}
