//! Authentication: tokens, host certificates, and certificates that a proxy passes on.

pub mod audience;
pub mod bulk;
pub(super) mod check;
pub(super) mod identify;
pub mod issuers;
pub mod metadata;
pub mod proxies;
pub mod trust;

use std::sync::Arc;

use tokio::sync::Semaphore;

use self::proxies::TrustedProxies;
use super::base::Base;
use super::ca::live::LiveCas;
use super::refusals::Conflicts;
use super::trust::LiveTrust;

/// Judges tokens and host certificates.
pub struct Authenticator {
    base: Base,
    trust: Arc<LiveTrust>,
    cas: Arc<LiveCas>,
    /// The proxies that pass certificates on.
    pub proxies: TrustedProxies,
    conflicts: Conflicts,
    /// The turns of calls that check many tokens.
    bulk: Semaphore,
}

impl Authenticator {
    pub(super) fn new(base: Base, trust: Arc<LiveTrust>, cas: Arc<LiveCas>, proxies: TrustedProxies) -> Self {
        let (conflicts, bulk) = (Conflicts::default(), Semaphore::new(bulk::AT_ONCE));
        Self { base, trust, cas, proxies, conflicts, bulk }
    }
}
