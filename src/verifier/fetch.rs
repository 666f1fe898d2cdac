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
mod hosts;
mod keep;
mod kept;
mod keys;
mod learnt;
mod lists;
pub(crate) mod pace;
mod state;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

pub use self::error::FetchError;
pub use self::health::Health;
pub use self::kept::KeptError;
use self::state::RefreshState;
use super::Verifier;
use super::hosts::HostVerifier;
use crate::clock::Timestamp;
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
    state: RefreshState,
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
        let connector = Connector::new(url, trust, None)?;
        Ok(Self { state: RefreshState::new(connector, verifier), follow: true })
    }

    /// Also keeps the issuing CAs and CRLs of `hosts` fresh.
    #[must_use]
    pub fn hosts(mut self, hosts: Arc<HostVerifier>) -> Self {
        self.state.hosts = Some(hosts);
        self
    }

    /// Keeps a snapshot in the file `path` (mode 0600, replaced as a whole), and starts from it.
    #[must_use]
    pub fn snapshot(mut self, path: impl Into<PathBuf>) -> Self {
        self.state.snapshot = Some(path.into());
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
        self.state.clock = Box::new(now);
        self
    }

    /// Reads the snapshot, if it exists, and starts the refresher on the current tokio runtime.
    ///
    /// A refused snapshot is a failure in [`Refresher::health`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self) -> Refresher {
        let state = Arc::new(self.state);
        if let Err(error) = keep::resume(&state) {
            state.note(error);
        }
        let weak = Arc::downgrade(&state);
        state.verifier.on_missing(move |missing| {
            if let Some(state) = weak.upgrade() {
                state.miss(&missing);
            }
        });
        let tasks = Refresher::tasks(&state, self.follow);
        Refresher { state, _tasks: tasks }
    }
}

/// Keeps a verifier fresh until it is dropped. [`Refresh`] makes one.
pub struct Refresher {
    state: Arc<RefreshState>,
    /// The loops, which end when the set is dropped.
    _tasks: JoinSet<()>,
}

impl Refresher {
    fn tasks(state: &Arc<RefreshState>, following: bool) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(keys::keep(Arc::clone(state)));
        tasks.spawn(lists::keep(Arc::clone(state)));
        if following {
            tasks.spawn(follow::follow(Arc::clone(state)));
        }
        if state.snapshot.is_some() {
            tasks.spawn(keep::keep(Arc::clone(state)));
        }
        if let Some(hosts) = state.hosts.clone() {
            tasks.spawn(hosts::keep(Arc::clone(state), hosts));
        }
        tasks
    }

    /// Waits until tokens can be verified: keys and lists came from the authority or from the snapshot.
    pub async fn ready(&self) {
        // The sender lives as long as `self`.
        let _ = self.state.progress.subscribe().wait_for(health::Progress::is_ready).await;
    }

    /// Waits for at most `span`; returns true if tokens can be verified.
    pub async fn ready_within(&self, span: Duration) -> bool {
        tokio::time::timeout(span, self.ready()).await.is_ok()
    }

    /// The current health, for metrics and readiness of the service.
    pub fn health(&self) -> Health {
        self.state.health()
    }
}

#[cfg(feature = "server")]
#[cfg(test)]
mod tests;
