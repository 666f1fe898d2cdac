//! Keeps a [`Verifier`] fresh from its authority, in the background.
//!
//! - Keys are fetched once a minute, and at once for an unknown key.
//! - The addresses of all status lists are fetched at the start, and for a token of an unknown list.
//! - Each list is fetched by its entity tag at its `ttl`.
//! - The stream of changes is followed: a revoked token is refused within a moment.
//!
//! While the authority cannot be reached, known keys and lists stay in use until the verifier's staleness limit. Then the
//! verifier refuses tokens, unless it fails open.

mod error;
mod event;
mod follow;
mod health;
#[cfg(feature = "hosts")]
mod hosts;
mod keep;
mod kept;
mod keys;
mod learnt;
mod lists;
mod pace;
mod shared;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

pub use self::error::FetchError;
pub use self::health::Health;
pub use self::kept::KeptError;
use self::learnt::Learnt;
use self::shared::{Now, Shared};
use super::Verifier;
#[cfg(feature = "hosts")]
use super::hosts::HostVerifier;
use crate::clock::{SystemClock, Timestamp};
use crate::connect::{ConnectError, Connector, Trust};

/// The settings of a [`Refresher`].
///
/// ```
/// use std::sync::Arc;
/// use gatepass::connect::Trust;
/// use gatepass::id::Fingerprint;
/// use gatepass::verifier::Verifier;
/// use gatepass::verifier::fetch::Refresh;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let verifier = Arc::new(Verifier::new("https://gate.example.org", "https://jobs.example.org"));
/// // The output of `gatepass ca fingerprint` on the authority.
/// let root = Fingerprint::parse(&"0f".repeat(32)).unwrap();
/// let refresher = Refresh::new("https://gate.example.org", Trust::Fingerprint(root), Arc::clone(&verifier))
///     .unwrap()
///     .snapshot("/var/lib/jobs/gatepass.json")
///     .start();
/// // In a service: refresher.ready().await, then serve with the verifier. It is kept fresh until the refresher is dropped.
/// assert!(!refresher.health().ready);
/// # });
/// ```
pub struct Refresh {
    connector: Connector,
    verifier: Arc<Verifier>,
    #[cfg(feature = "hosts")]
    hosts: Option<Arc<HostVerifier>>,
    clock: Now,
    snapshot: Option<PathBuf>,
    follow: bool,
}

impl Refresh {
    /// Keeps `verifier` fresh from the authority at `url`, whose certificate is checked by `trust` alone.
    ///
    /// `url` may differ from the verifier's issuer: status lists are checked by their signature.
    ///
    /// # Errors
    /// [`ConnectError`], if `url` is not an `https://` URL, or the roots are unusable.
    pub fn new(url: &str, trust: Trust, verifier: Arc<Verifier>) -> Result<Self, ConnectError> {
        Ok(Self {
            connector: Connector::new(url, trust, None)?,
            verifier,
            #[cfg(feature = "hosts")]
            hosts: None,
            clock: Arc::new(SystemClock::now),
            snapshot: None,
            follow: true,
        })
    }

    /// Also keeps the issuing CAs and CRLs of `hosts` fresh.
    #[cfg(feature = "hosts")]
    #[must_use]
    pub fn hosts(mut self, hosts: Arc<HostVerifier>) -> Self {
        self.hosts = Some(hosts);
        self
    }

    /// Keeps a snapshot in the file `path` (mode 0600, replaced as a whole), and starts from it.
    #[must_use]
    pub fn snapshot(mut self, path: impl Into<PathBuf>) -> Self {
        self.snapshot = Some(path.into());
        self
    }

    /// Does not follow the stream of changes: a revocation takes effect after the `ttl` of its list.
    #[must_use]
    pub const fn poll_only(mut self) -> Self {
        self.follow = false;
        self
    }

    /// Replaces the system clock.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// Reads the snapshot, if it exists, and starts the refresher on the current tokio runtime.
    ///
    /// A refused snapshot is a failure in [`Refresher::health`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self) -> Refresher {
        let shared = Arc::new(Shared {
            connector: self.connector,
            verifier: self.verifier,
            #[cfg(feature = "hosts")]
            hosts: self.hosts,
            clock: self.clock,
            snapshot: self.snapshot,
            keys_wanted: Notify::new(),
            lists_wanted: Notify::new(),
            changed: Notify::new(),
            progress: watch::Sender::default(),
            learnt: Mutex::new(Learnt::new()),
        });
        if let Err(error) = keep::resume(&shared) {
            shared.note(error);
        }
        let told = Arc::downgrade(&shared);
        shared.verifier.on_missing(move |missing| {
            if let Some(shared) = told.upgrade() {
                shared.miss(&missing);
            }
        });
        let tasks = Refresher::tasks(&shared, self.follow);
        Refresher { shared, _tasks: tasks }
    }
}

/// Keeps a verifier fresh until it is dropped. [`Refresh`] makes one.
pub struct Refresher {
    shared: Arc<Shared>,
    /// The loops, which end when the set is dropped.
    _tasks: JoinSet<()>,
}

impl Refresher {
    fn tasks(shared: &Arc<Shared>, following: bool) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let own = || Arc::clone(shared);
        let (keys, lists) = (own(), own());
        tasks.spawn(async move { keys::keep(&keys).await });
        tasks.spawn(async move { lists::keep(&lists).await });
        if following {
            let stream = own();
            tasks.spawn(async move { follow::follow(&stream).await });
        }
        if shared.snapshot.is_some() {
            let kept = own();
            tasks.spawn(async move { keep::keep(&kept).await });
        }
        #[cfg(feature = "hosts")]
        if let Some(hosts) = shared.hosts.clone() {
            let crls = own();
            tasks.spawn(async move { hosts::keep(&crls, &hosts).await });
        }
        tasks
    }

    /// Waits until tokens can be verified: keys and lists came from the authority or from the snapshot.
    pub async fn ready(&self) {
        // The sender lives as long as `self`.
        let _ = self.shared.progress.subscribe().wait_for(health::Progress::is_ready).await;
    }

    /// Waits for at most `span`; returns true if tokens can be verified.
    pub async fn ready_within(&self, span: Duration) -> bool {
        tokio::time::timeout(span, self.ready()).await.is_ok()
    }

    /// The current health, for metrics and readiness of the service.
    pub fn health(&self) -> Health {
        self.shared.health()
    }
}

#[cfg(feature = "server")]
#[cfg(test)]
mod tests;
