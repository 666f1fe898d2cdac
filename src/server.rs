//! The composition root. It opens the data directory, connects the rooms, and runs until it is stopped.

pub mod backup;
mod ca_files;
mod error;
mod first_start;
mod identity;
mod loaded;
pub mod local;
mod named_certificates;
mod notices;
pub mod offline;
mod older_copy;
mod preflight;
pub mod process;
mod publisher;
pub mod restore;
mod start;
mod timers;
mod tls_files;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use strum::VariantArray as _;
use tokio::net::TcpListener;

pub use error::{RunError, StartError, Written};
pub use timers::{Pulse, Reload, Timer};

use self::local::PublishedServer;
use self::timers::{Supervisor, periodic};
use self::tls_files::TlsSource;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::front::Front;
use crate::http::limits::Limits;
use crate::http::listener;
use crate::http::tls::Tls;
use crate::id::Fingerprint;
use crate::secret::Secret;
use crate::service::Authority;
pub use crate::service::found::{ADMIN, FIRST_SECRETS, FirstStart};
use crate::store::sqlite::SqliteStore;
use crate::store::{EnrollmentState, HostState, Store, TokenKind, TokenState};

/// An open authority that listens and has not answered a request yet.
pub struct Server {
    /// The first field: it is removed before the store is closed, because another server may start then.
    published: PublishedServer,
    authority: Arc<Authority>,
    store: Arc<SqliteStore>,
    front: Arc<Front>,
    tls: Arc<Tls>,
    source: TlsSource,
    listener: TcpListener,
    local_addr: SocketAddr,
    limits: Limits,
    first_start: Option<FirstStart>,
    notices: Vec<String>,
    data_dir: PathBuf,
    keys_dir: PathBuf,
    reload: Reload,
    pulse: Arc<Pulse>,
}

/// Returns the OpenAPI document of this version, for a server at `url`.
pub fn openapi(url: &str) -> serde_json::Value {
    crate::http::api::document(true, url)
}

/// The names of the states of tokens, as lists filter by them.
pub fn token_states() -> impl Iterator<Item = &'static str> {
    TokenState::VARIANTS.iter().map(|state| state.as_str())
}

/// The names of the kinds of enrollment tokens, as lists filter by them.
pub fn token_kinds() -> impl Iterator<Item = &'static str> {
    TokenKind::VARIANTS.iter().map(|kind| kind.as_str())
}

/// The names of the presets of a mint.
pub fn token_presets() -> [&'static str; 4] {
    TokenKind::PRESETS.map(TokenKind::as_str)
}

/// The names of the states of hosts, as lists filter by them.
pub fn host_states() -> impl Iterator<Item = &'static str> {
    HostState::VARIANTS.iter().map(|state| (*state).into())
}

/// The names of the states of enrollments, as lists filter by them.
pub fn enrollment_states() -> impl Iterator<Item = &'static str> {
    EnrollmentState::VARIANTS.iter().map(|state| (*state).into())
}

/// Returns the OpenAPI document of Elastic Cloud Enterprise's routes, for a server at `url`.
pub fn openapi_ece(url: &str) -> serde_json::Value {
    crate::http::compat::document(url)
}

/// Returns the OpenAPI document of Elastic Fleet's routes, for a server at `url`.
pub fn openapi_fleet(url: &str) -> serde_json::Value {
    crate::http::compat::fleet_document(url)
}

impl Server {
    /// Opens the data directory and listens. In an empty directory it creates keys, CA, database and an admin.
    ///
    /// # Errors
    /// All reasons that prevent the start. Nothing was changed then.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        start::open(config, clock).await
    }

    /// The secrets of the first start, to be shown once. Each start creates them again until the server has run.
    pub const fn first_start(&self) -> Option<&FirstStart> {
        self.first_start.as_ref()
    }

    /// Writes a secret of the first start to its file of mode 0600 in the data directory. Returns the file's path.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn keep_first_secret(&self, file: &str, secret: &Secret<String>) -> Result<PathBuf, RunError> {
        let kept = first_start::keep(&self.data_dir, file, secret);
        kept.map_err(|error| RunError::File(error.to_string()))
    }

    /// Lines for the operator: a change of the external URL, and the hosts and tokens that need former ones.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The address it listens on.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The external URL.
    pub fn url(&self) -> String {
        self.authority.trust.issuers().current().to_owned()
    }

    /// The SHA-256 of the root certificate.
    pub fn root_fingerprint(&self) -> Fingerprint {
        self.authority.cas.load().current().root_fingerprint()
    }

    /// Returns true if the listener's certificate is from the own CA, so that the root's fingerprint verifies it.
    pub const fn presents_own_certificate(&self) -> bool {
        self.source.is_own()
    }

    /// The store, for a caller that runs the server in its own process.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::<SqliteStore>::clone(&self.store)
    }

    /// The use cases, for a caller that runs the server in its own process.
    pub const fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// Makes the running server read its external TLS files again.
    pub fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// Shows that the running server lives.
    pub fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulse)
    }

    /// Answers requests until `shutdown` completes. Then it finishes open requests and closes the store.
    ///
    /// # Errors
    /// The disk failed, or a file could not be written.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), RunError> {
        first_start::done(&self.data_dir).map_err(|error| RunError::File(error.to_string()))?;
        let (url, data) = (self.url(), std::path::absolute(&self.data_dir).unwrap_or(self.data_dir));
        let listen = self.local_addr;
        tracing::info!(%url, ?data, %listen, "gatepass {} started", env!("CARGO_PKG_VERSION"));
        // The first status lists show the tokens that became due while no server ran, up to one batch. No redemption accepts
        // such a token.
        if let Err(error) = timers::revoke_due(&self.authority.upkeep).await {
            tracing::warn!(%error, "the due tokens could not be revoked; the server tries again");
        }
        let timers = Supervisor::default();
        periodic::start(&timers, &self.authority.upkeep, Timer::period, &self.pulse);
        timers::start(&timers, &self.authority, &self.tls, self.source, self.keys_dir, &self.reload);
        let mut failed = self.store.failed();
        let front = self.front;
        let lines = Arc::clone(&front);
        timers.run("refusal lines", move |stop| Arc::clone(&lines).log_refusals(stop));
        let handler = move |request, peer| Arc::clone(&front).answer(request, peer);
        let ended = async {
            tokio::select! {
                () = shutdown => {}
                _ = failed.wait_for(|failed| *failed) => {}
            }
        };
        self.pulse.start();
        listener::serve(self.listener, self.tls, self.limits, handler, ended).await;
        timers.stop().await;
        // Refusals that were noted in the last second.
        let _ = self.authority.upkeep.write_refusals().await;
        // After the next start, a session that was used in the last minute must not be idle.
        let _ = self.authority.upkeep.write_uses().await;
        // Every commit has stored a mark. This one is a little newer.
        let _ = self.authority.upkeep.mark_clock().await;
        // A start refuses a database without the entries of this run.
        let _ = self.authority.upkeep.write_ledger_mark().await;
        // A start with a clock in doubt serves them.
        let _ = self.authority.status_lists.write_files().await;
        drop(self.published);
        // A writer that ended without being closed has failed too.
        let failed = self.store.failed();
        let failed = *failed.borrow() || failed.has_changed().is_err();
        let store = self.store;
        // Closing waits for the disk.
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
        tracing::info!("stopped");
        if failed { Err(RunError::DiskFailed) } else { Ok(()) }
    }
}
