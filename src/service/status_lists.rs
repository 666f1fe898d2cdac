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
use super::Authority;
use super::issuers::Issuers;
use super::time::ClockDoubt;
use crate::clock::Timestamp;
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
    published: ArcSwap<Published>,
    /// What was not told yet. It is locked while a round is signed: a slower round must not put older lists in the place
    /// of newer ones.
    untold: Mutex<News>,
    /// Moves when every list has to be signed again at once.
    overdue: watch::Sender<u64>,
    feed: Feed,
}

impl StatusLists {
    /// Nothing published yet; at most so many subscribers will be told of changes.
    pub(super) fn new(most: Most) -> Self {
        Self {
            published: ArcSwap::default(),
            untold: Mutex::default(),
            overdue: watch::Sender::new(0),
            feed: Feed::new(most),
        }
    }

    /// Says that keys or external URLs are others now.
    pub(super) fn renew(&self) {
        self.overdue.send_modify(|version| *version += 1);
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
        self.overdue.subscribe()
    }
}

impl Authority {
    /// The published status lists.
    pub const fn status_lists(&self) -> &StatusLists {
        &self.status_lists
    }

    /// Whether lists have to be signed again because of their age, or because keys or external URLs are others now.
    pub fn status_lists_are_due(&self) -> bool {
        let published = self.status_lists.published.load();
        published.is_due(&self.ring(), &self.issuers(), self.time.now())
    }

    /// Signs the lists that changed since the last time, or all of them if they are due; then tells subscribers what
    /// changed. Whether anything was signed.
    ///
    /// # Errors
    /// The clock is in doubt or the key does not sign; see [`Unsigned`].
    pub async fn sign_status_lists(&self) -> Result<bool, Unsigned> {
        let lists = &self.status_lists;
        let mut untold = lists.untold.lock().await;
        untold.add(self.store.revocations().take_changes());
        let signed = self.sign_round(&untold).await;
        let outcome = if signed.is_ok() { "done" } else { "failed" };
        let Some((published, count)) = signed.inspect_err(|_| count_signings(outcome, 1))? else {
            return Ok(false);
        };
        count_signings(outcome, count);
        lists.published.store(Arc::clone(&published));
        // What is told can be fetched from here on.
        lists.feed.tell(&std::mem::take(&mut *untold), &published);
        Ok(true)
    }

    /// What will be published and how many lists were signed for it; `None` if nothing has changed.
    async fn sign_round(&self, untold: &News) -> Result<Option<(Arc<Published>, u64)>, Unsigned> {
        let now = self.time.trusted()?;
        let before = self.status_lists.published.load_full();
        let (ring, issuers) = (self.ring(), self.issuers());
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

    /// When the oldest of the published lists was signed; `None` before the first signing.
    pub fn status_lists_signed_at(&self) -> Option<Timestamp> {
        self.status_lists.published.load().signed_at()
    }

    /// What is wrong with the published lists, if anything.
    pub(super) fn status_lists_fault(&self, now: Timestamp) -> Option<String> {
        match self.status_lists_signed_at() {
            Some(at) if now.since(at) < STALE => None,
            Some(at) => Some(format!("the status lists were last signed at {at}: see the log for why")),
            None => Some("no status list has been signed yet".to_owned()),
        }
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
