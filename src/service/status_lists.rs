//! Status lists as they are published: signed ahead, served from memory, signed again when a token's status changes.

mod event;
mod feed;
mod news;
mod published;
mod round;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, watch};

pub use self::feed::{Feed, Following, Full, Most, Offered, Subscriber};
use self::news::News;
pub use self::published::{IssuerLists, Published, SignedList, StatusListUris};
use self::round::Round;
use super::TimeKeeper;
use super::time::ClockDoubt;
use super::trust::LiveTrust;
use super::verification::issuers::Issuers;
use crate::clock::Timestamp;
use crate::store::Store;
use crate::token::{KeyRing, KeyUse, StatusListError};

/// For how long lists may not have been signed before readiness warns: half of what a signed list is good for.
pub(super) const STALE: Duration = Duration::from_secs(300);

/// Why no list was signed. Those signed before are still served, and what changed is signed later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// The clock is in doubt: a list of the wrong moment would be believed for too long.
    #[error(transparent)]
    ClockInDoubt(#[from] ClockDoubt),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] StatusListError),
    /// The signing broke off: a fault of gatepass.
    #[error("signing the status lists broke off; it is tried again")]
    BrokeOff,
}

/// What is published of the tokens' statuses, and who follows it.
pub struct StatusLists {
    store: Arc<dyn Store>,
    time: Arc<TimeKeeper>,
    trust: Arc<LiveTrust>,
    published: ArcSwap<Published>,
    /// What was not told yet. It is locked while a round is signed: a slower round must not put older lists in the place
    /// of newer ones.
    untold: Mutex<News>,
    feed: Feed,
}

impl StatusLists {
    /// Nothing published yet; at most so many subscribers will be told of changes.
    pub(super) fn new(
        store: Arc<dyn Store>,
        time: Arc<TimeKeeper>,
        trust: Arc<LiveTrust>,
        most: Most,
    ) -> Self {
        let (published, untold) = (ArcSwap::default(), Mutex::default());
        Self { store, time, trust, published, untold, feed: Feed::new(most) }
    }

    /// Where changes are told.
    pub const fn feed(&self) -> &Feed {
        &self.feed
    }

    /// What is published now.
    pub fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// A counter that moves when every list has to be signed again at once.
    pub fn overdue(&self) -> watch::Receiver<u64> {
        self.trust.changes()
    }

    /// A counter that moves when a status changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.store.revocations().status_changes()
    }

    /// When the oldest of the published lists was signed; `None` before the first signing.
    pub fn signed_at(&self) -> Option<Timestamp> {
        self.published.load().signed_at()
    }

    /// What is wrong with the published lists, if anything.
    pub(super) fn fault(&self, now: Timestamp) -> Option<String> {
        match self.signed_at() {
            Some(at) if now.since(at) < STALE => None,
            Some(at) => Some(format!("the status lists were last signed at {at}: see the log for why")),
            None => Some("no status list has been signed yet".to_owned()),
        }
    }

    /// Whether lists have to be signed again because of their age, or because keys or external URLs are others now.
    pub fn are_due(&self) -> bool {
        let trust = self.trust.load();
        self.published.load().is_due(trust.ring(), trust.issuers(), self.time.now())
    }

    /// Signs the lists that changed since the last time, or all of them if they are due; then tells subscribers what
    /// changed. Whether anything was signed.
    ///
    /// # Errors
    /// The clock is in doubt or the key does not sign; see [`Unsigned`].
    pub async fn sign(&self) -> Result<bool, Unsigned> {
        let mut untold = self.untold.lock().await;
        untold.add(self.store.revocations().take_changes());
        let signed = self.sign_round(&untold).await;
        let outcome = if signed.is_ok() { "done" } else { "failed" };
        let Some((published, count)) = signed.inspect_err(|_| count_signings(outcome, 1))? else {
            return Ok(false);
        };
        count_signings(outcome, count);
        self.published.store(Arc::clone(&published));
        // What is told can be fetched from here on.
        self.feed.tell(&std::mem::take(&mut *untold), &published);
        Ok(true)
    }

    /// What will be published and how many lists were signed for it; `None` if nothing has changed.
    async fn sign_round(&self, untold: &News) -> Result<Option<(Arc<Published>, u64)>, Unsigned> {
        let now = self.time.trusted()?;
        let before = self.published.load_full();
        let (ring, issuers) = (self.trust.ring(), self.trust.issuers());
        let lists = self.store.revocations().lists().into_iter().collect::<BTreeSet<_>>();
        let everything = untold.is_lost() || before.is_due(&ring, &issuers, now);
        let changed = untold.lists().collect::<BTreeSet<_>>();
        if !everything && changed.is_empty() && before.holds_exactly(&lists) {
            return Ok(None);
        }
        let changed = (!everything).then_some(changed);
        let round = Round { store: Arc::clone(&self.store), ring, issuers, before, lists, changed, now };
        // A full list takes several milliseconds to compress: other work of this thread must not wait for that.
        let signed = tokio::task::spawn_blocking(move || round.sign()).await;
        let (published, count) = signed.map_err(|_| Unsigned::BrokeOff)??;
        Ok(Some((Arc::new(published), count)))
    }
}

fn count_signings(outcome: &'static str, lists: u64) {
    metrics::counter!("gatepass_status_list_signings_total", "outcome" => outcome).increment(lists);
}

/// Who signs, and for which URLs: if that is another than it was, nothing that was signed before may stay.
fn made_for(ring: &KeyRing, issuers: &Issuers) -> (crate::id::KeyId, Vec<String>) {
    let mut urls = issuers.accepted().to_vec();
    urls.sort_unstable();
    // The current one answers where no other is asked for.
    urls.push(issuers.current().to_owned());
    (ring.current(KeyUse::StatusList).key_id(), urls)
}
