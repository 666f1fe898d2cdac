//! The published status lists: signed ahead, served from memory, signed again when a token's status changes.

mod event;
mod feed;
mod kept;
mod published;
mod round;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, Notify, watch};

pub(in crate::service) use self::event::HEARTBEAT;
pub use self::feed::{Feed, Following, StreamLimits, Subscription, TooManyStreams};
use self::kept::KeptLists;
pub use self::published::{IssuerLists, Published, SignedList, StatusListUris};
use self::round::SigningRound;
use super::base::Base;
use super::time::ClockDoubt;
use super::trust::LiveTrust;
use super::vault::VaultError;
use super::verification::issuers::Issuers;
use crate::clock::Timestamp;
use crate::store::StatusChange;
use crate::token::{KeyRing, KeyUse, StatusListError};

/// Age of a signed list above which readiness warns: half of its validity.
pub(super) const STALE: Duration = Duration::from_secs(300);

/// No list was signed. The lists signed before are still served, and the changes are signed later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// The clock is in doubt: a list of the wrong moment would be believed for too long.
    #[error(transparent)]
    ClockInDoubt(#[from] ClockDoubt),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] StatusListError),
    /// The signing task panicked: a bug in gatepass.
    #[error("signing the status lists failed unexpectedly; the server tries again")]
    BrokeOff,
}

/// The published status lists and their event streams.
pub struct StatusLists {
    base: Base,
    trust: Arc<LiveTrust>,
    published: ArcSwap<Published>,
    /// The number of the newest change in the published lists. It is locked while lists are signed, so that a slower round
    /// cannot replace newer lists by older ones.
    signed_to: Mutex<u64>,
    feed: Arc<Feed>,
    files: Arc<KeptLists>,
    /// Notified when the files are behind the published lists.
    unwritten: Notify,
}

impl StatusLists {
    /// An authority's lists before the first signing: those in the files of an earlier process.
    pub(super) fn resume(
        base: Base,
        trust: Arc<LiveTrust>,
        limits: StreamLimits,
        data_dir: &std::path::Path,
    ) -> Self {
        let files = Arc::new(KeptLists::in_data_dir(data_dir));
        let lists = base.store.revocations().lists();
        let published = ArcSwap::from_pointee(files.load(&trust.ring(), &trust.issuers(), &lists));
        let (signed_to, unwritten) = (Mutex::default(), Notify::new());
        Self { base, trust, published, signed_to, feed: Feed::new(limits), files, unwritten }
    }

    /// Waits until lists were published that are not in their files.
    pub async fn unwritten(&self) {
        self.unwritten.notified().await;
    }

    /// Writes the published lists to the data directory, for a start that cannot sign any.
    ///
    /// # Errors
    /// A file cannot be written. The lists stay due.
    pub async fn write_files(&self) -> Result<(), VaultError> {
        let (files, published) = (Arc::clone(&self.files), self.published());
        let written = tokio::task::spawn_blocking(move || files.write(&published)).await;
        // A task that panicked has logged it.
        let written = written.unwrap_or(Ok(()));
        if written.is_err() {
            self.unwritten.notify_one();
        }
        written
    }

    /// Opens a stream of changes for the client at `from`, beginning with those since `last_event_id`.
    ///
    /// # Errors
    /// [`TooManyStreams`], in total or from this address.
    pub fn follow(
        &self,
        from: IpAddr,
        following: Following,
        last_event_id: Option<&str>,
    ) -> Result<Subscription, TooManyStreams> {
        let log = self.base.store.revocations().log();
        self.feed.subscribe(from, following, last_event_id, log, &self.published)
    }

    /// Sends a heartbeat to a fifteenth of the event streams. A timer calls it once a second.
    pub fn beat(&self) {
        self.feed.beat();
    }

    /// The lists published now.
    pub fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// A counter that moves when every list has to be signed again at once.
    pub fn overdue(&self) -> watch::Receiver<u64> {
        self.trust.changes()
    }

    /// A counter that moves when a status changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.base.store.revocations().status_changes()
    }

    /// Signing time of the oldest published list; `None` before the first signing.
    pub fn signed_at(&self) -> Option<Timestamp> {
        self.published.load().signed_at
    }

    /// A description of a fault of the published lists, for readiness.
    pub(super) fn fault(&self, now: Timestamp) -> Option<String> {
        match self.signed_at() {
            Some(at) if now.since(at) < STALE => None,
            Some(at) => Some(format!("the status lists were last signed at {at}: see the log for why")),
            None => Some("no status list has been signed yet".to_owned()),
        }
    }

    /// Returns true if every list has to be signed again: because of its age, or because keys or external URLs changed.
    pub fn are_due(&self) -> bool {
        let trust = self.trust.load();
        self.published.load().is_due(&trust.ring, &trust.issuers, self.base.time.now())
    }

    /// Signs the changed lists, or all of them if they are due, and announces the changes to subscribers.
    ///
    /// Returns true if any list was signed.
    ///
    /// # Errors
    /// The clock is in doubt or the key does not sign; see [`Unsigned`].
    pub async fn sign(&self) -> Result<bool, Unsigned> {
        let mut signed_to = self.signed_to.lock().await;
        let log = self.base.store.revocations().log();
        let end = log.end();
        let changes = log.between(*signed_to, end);
        let signed = self.sign_round(changes.as_deref()).await;
        let outcome = if signed.is_ok() { "done" } else { "failed" };
        let Some((published, count)) = signed.inspect_err(|_| count_signings(outcome, 1))? else {
            return Ok(false);
        };
        count_signings(outcome, count);
        self.published.store(Arc::clone(&published));
        self.unwritten.notify_one();
        // The lists are fetchable before their changes are announced.
        self.feed.announce(changes.as_deref(), end, &published);
        *signed_to = end;
        Ok(true)
    }

    /// The next lists to publish and the number of lists signed for them; `None` if nothing changed.
    async fn sign_round(
        &self,
        changes: Option<&[StatusChange]>,
    ) -> Result<Option<(Arc<Published>, u64)>, Unsigned> {
        let now = self.base.time.trusted()?;
        let before = self.published.load_full();
        let (ring, issuers) = (self.trust.ring(), self.trust.issuers());
        let lists = self.base.store.revocations().lists().into_iter().collect::<BTreeSet<_>>();
        let changed = changes.filter(|_| !before.is_due(&ring, &issuers, now));
        let changed =
            changed.map(|some| some.iter().map(|change| change.token.list).collect::<BTreeSet<_>>());
        if changed.as_ref().is_some_and(BTreeSet::is_empty) && before.holds_exactly(&lists) {
            return Ok(None);
        }
        let round =
            SigningRound { store: Arc::clone(&self.base.store), ring, issuers, before, lists, changed, now };
        // A full list takes several milliseconds to compress: other work of this thread must not wait for that.
        let signed = tokio::task::spawn_blocking(move || round.sign()).await;
        let (published, count) = signed.map_err(|_| Unsigned::BrokeOff)??;
        Ok(Some((Arc::new(published), count)))
    }
}

fn count_signings(outcome: &'static str, lists: u64) {
    metrics::counter!("gatepass_status_list_signings_total", "outcome" => outcome).increment(lists);
}

/// The signing key and the external URLs of a round. If either changes, every list is signed again.
fn made_for(ring: &KeyRing, issuers: &Issuers) -> (crate::id::KeyId, Vec<String>) {
    let mut urls = issuers.accepted().to_vec();
    urls.sort_unstable();
    // The current URL comes again at the end: another current URL is another value.
    urls.push(issuers.current().to_owned());
    (ring.current(KeyUse::StatusList).key_id(), urls)
}
