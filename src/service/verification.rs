//! Authentication: tokens, host certificates, and certificates that a proxy passes on.

pub(super) mod access;
pub mod audience;
pub mod bulk;
pub(super) mod check;
pub(super) mod conflicts;
pub(super) mod identify;
pub mod issuers;
pub mod metadata;
mod opaque_key;
pub mod proxies;
pub mod trust;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use self::conflicts::Conflicts;
use self::proxies::TrustedProxies;
use super::accounts::unwritten::UnwrittenUses;
use super::authority::Settings;
use super::base::Base;
use super::ca::live::LiveCas;
use super::policies::live::LivePolicies;
use super::trust::LiveTrust;

/// Judges tokens and host certificates.
pub struct Authenticator {
    base: Base,
    trust: Arc<LiveTrust>,
    cas: Arc<LiveCas>,
    policies: Arc<LivePolicies>,
    /// The proxies that pass certificates on.
    pub proxies: TrustedProxies,
    pub(super) conflicts: Conflicts,
    /// The time for which a certificate stays valid after the first use of its successor.
    overlap: Duration,
    /// The turns of calls that check many tokens.
    bulk: Semaphore,
}

impl Authenticator {
    pub(super) fn new(
        base: Base,
        trust: Arc<LiveTrust>,
        (cas, policies): (Arc<LiveCas>, Arc<LivePolicies>),
        unwritten: Arc<UnwrittenUses>,
        settings: &Settings,
    ) -> Self {
        let conflicts = Conflicts::new(base.clone(), unwritten, settings.quarantine_most);
        let (proxies, overlap) = (settings.proxies.clone(), settings.overlap);
        Self { base, trust, cas, policies, proxies, conflicts, overlap, bulk: Semaphore::new(bulk::AT_ONCE) }
    }
}
