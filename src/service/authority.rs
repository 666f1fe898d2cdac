//! What every use case stands on.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};

use super::RequestError;
use super::accounts::api_keys::KeyUses;
use super::accounts::sessions::Seen;
use super::accounts::sign_in::SignIn;
use super::ca::crl::Crls;
use super::ca::set::CaSet;
use super::issuers::Issuers;
use super::ledger::Verifications;
use super::refusals::{Conflicts, Refusals};
use super::settings::LiveSpans;
use super::status_lists::{self, StatusLists};
use super::time::TimeKeeper;
use super::tokens::PersistentLists;
use super::tokens::indexes::Indexes;
use super::tokens::order::Catalogue;
use super::vault::Vault;
use super::verification::bulk;
use super::verification::proxies::TrustedProxies;
use super::verification::trust::Trust;
use crate::access::limits::Most;
use crate::access::session::SessionLife;
use crate::access::throttle::{Rates, Throttles};
use crate::access::{Act, Actor, Rights};
use crate::clock::Timestamp;
use crate::id::{RequestId, TokenId};
use crate::ledger::{Action, Basis, Draft};
use crate::span::Spans;
use crate::store::{SettingRecord, Store};
use crate::token::KeyRing;

/// What an operator decides once, in the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The roles there are.
    pub roles: Catalogue,
    /// The URIs of the services that service tokens may be minted for.
    pub audiences: Vec<String>,
    /// The spans that an admin may change at run time: [`Authority::spans`] has those in force.
    pub spans: Spans,
    /// How long a token minted by Elastic's route lives unless asked otherwise.
    pub ece_ttl: Duration,
    /// The proxies whose word on a client certificate is taken.
    pub proxies: TrustedProxies,
    /// How much each rate limit gives.
    pub rates: Rates,
    /// How many good signatures are remembered of each kind of token.
    pub hot_tokens: usize,
    /// How long sessions live.
    pub sessions: SessionLife,
    /// How long a host certificate lives.
    pub certificate_lifetime: Duration,
    /// How long a host is kept after its last certificate ended.
    pub host_retention: Duration,
    /// The SPIFFE trust domain of host certificates.
    pub trust_domain: String,
    /// Whether RSA keys of 2048 to 4096 bits are certified.
    pub allow_rsa: bool,
    /// The plain-http URL that certificates name as the place of their CRL, if any.
    pub crl_url: Option<String>,
    /// Whether the CA was brought in: then it is rotated where it came from.
    pub outside_ca: bool,
    /// Whether the listener's certificate is one from outside: then tokens cannot pin the root.
    pub outside_certificate: bool,
    /// How many may follow changes of status lists at a time.
    pub event_streams: status_lists::Most,
}

/// Who calls, from where, in which request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// What they may do.
    pub rights: Rights,
    /// What their rights were read from, if they can be taken away.
    pub basis: Option<Basis>,
    /// From where, if over the network.
    pub address: Option<IpAddr>,
    /// In which request, if in one.
    pub request: Option<RequestId>,
}

impl Caller {
    /// Gatepass itself.
    pub const SYSTEM: Self =
        Self { actor: Actor::System, rights: Rights::ALL, basis: None, address: None, request: None };

    /// Whoever sends a request and has not been judged yet.
    pub const fn stranger(address: IpAddr, request: RequestId) -> Self {
        Self {
            actor: Actor::Anyone,
            rights: Rights::NONE,
            basis: None,
            address: Some(address),
            request: Some(request),
        }
    }

    /// Whether this caller may go as far as `act` does (I5): every use case that leads to roles, lifetimes or rights asks.
    ///
    /// # Errors
    /// [`RequestError::BeyondLimits`] with every limit that it goes beyond.
    pub fn may(&self, act: Act<'_>) -> Result<(), RequestError> {
        self.rights.judge(act).map_err(RequestError::BeyondLimits)
    }

    /// `spans` for what this caller mints: a token that always expires, and for which no life is asked, gets none beyond the caller's
    /// limits. A life that is asked for is judged as it stands.
    pub fn defaults(&self, spans: Spans) -> Spans {
        match self.rights.limits.max_ttl {
            Most::Any => spans,
            Most::UpTo(most) => Spans { default_ttl: spans.default_ttl.min(most), ..spans },
        }
    }

    /// The beginning of a ledger entry of something this caller did at `at`. The store writes it, and what it is about, only if the
    /// caller's rights are still those that were read.
    pub fn did(&self, action: Action, at: Timestamp) -> Draft {
        let draft = self.placed(Draft::done(action, at, self.actor.to_string()));
        Draft { basis: self.basis.clone(), ..draft }
    }

    /// The beginning of a ledger entry of something this caller was refused at `at`, for `reason`.
    pub fn was_refused(&self, action: Action, at: Timestamp, reason: &str) -> Draft {
        self.placed(Draft::refused(action, at, self.actor.to_string(), reason))
    }

    fn placed(&self, draft: Draft) -> Draft {
        Draft { address: self.address, request: self.request, ..draft }
    }
}

/// What an [`Authority`] is put together from.
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The signing keys.
    pub ring: KeyRing,
    /// The certificate authorities.
    pub cas: CaSet,
    /// The external URLs.
    pub issuers: Issuers,
    /// Where the next tokens stand in the status lists.
    pub indexes: Indexes,
    /// The time.
    pub time: TimeKeeper,
    /// The emergency token, if there is one.
    pub emergency: Option<TokenId>,
    /// Where keys are kept.
    pub vault: Vault,
    /// Where the files of the root certificate and the emergency token are rewritten when those are made anew.
    pub data_dir: PathBuf,
    /// The configuration.
    pub settings: Settings,
    /// What of it was changed at run time.
    pub changed: Vec<SettingRecord>,
}

/// The authority: it owns what the use cases share. Each use case is a method, in a file of its own.
pub struct Authority {
    pub(super) store: Arc<dyn Store>,
    pub(super) cas: ArcSwap<CaSet>,
    /// Keys and external URLs, with what is remembered of tokens that they vouch for.
    pub(super) trust: ArcSwap<Trust>,
    pub(super) indexes: Indexes,
    pub(super) time: TimeKeeper,
    /// Known without reading a mint record, as its every use is an alarm.
    pub(super) emergency: ArcSwapOption<TokenId>,
    pub(super) vault: Vault,
    pub(super) data_dir: PathBuf,
    pub(super) settings: Settings,
    pub(super) live_spans: LiveSpans,
    pub(super) ca_changes: tokio::sync::watch::Sender<u64>,
    pub(super) crls: Crls,
    pub(super) refusals: Refusals,
    pub(super) conflicts: Conflicts,
    pub(super) throttles: Throttles,
    pub(super) sign_in: SignIn,
    /// When API keys were used since that was last written.
    pub(super) key_uses: KeyUses,
    pub(super) seen: Seen,
    pub(super) status_lists: StatusLists,
    pub(super) verifications: Verifications,
    /// Elastic's list, which has no pages.
    pub(super) persistent_lists: PersistentLists,
    pub(super) server_certificate: ArcSwap<Option<Timestamp>>,
    /// The turns of who checks many tokens at once.
    pub(super) bulk: tokio::sync::Semaphore,
    /// One change of keys, CA or issuers at a time: each spans files and the store.
    pub(super) changing: tokio::sync::Mutex<()>,
    /// Says that more tokens are due than were revoked at once.
    pub(super) due: tokio::sync::Notify,
}

impl Authority {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, ring, cas, issuers, indexes, time, emergency, vault, data_dir, settings, changed } =
            parts;
        let live_spans = LiveSpans::new(settings.spans, changed);
        let audiences = settings.audiences.clone().into();
        let trust = Trust::new(Arc::new(ring), Arc::new(issuers), audiences, settings.hot_tokens);
        let crls = Crls::default();
        crls.resume(&data_dir, &cas);
        let status_lists = StatusLists::new(settings.event_streams);
        let throttles = Throttles::new(&settings.rates);
        Self {
            store,
            cas: ArcSwap::from_pointee(cas),
            trust: ArcSwap::from_pointee(trust),
            indexes,
            time,
            emergency: ArcSwapOption::from_pointee(emergency),
            vault,
            data_dir,
            settings,
            live_spans,
            ca_changes: tokio::sync::watch::Sender::new(0),
            crls,
            refusals: Refusals::default(),
            conflicts: Conflicts::default(),
            throttles,
            sign_in: SignIn::default(),
            key_uses: KeyUses::default(),
            seen: Seen::default(),
            status_lists,
            verifications: Verifications::default(),
            persistent_lists: PersistentLists::default(),
            server_certificate: ArcSwap::default(),
            bulk: tokio::sync::Semaphore::new(bulk::AT_ONCE),
            changing: tokio::sync::Mutex::new(()),
            due: tokio::sync::Notify::new(),
        }
    }

    /// The store, for what only reads.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The time.
    pub const fn time(&self) -> &TimeKeeper {
        &self.time
    }

    /// The configuration.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The rate limits.
    pub const fn throttles(&self) -> &Throttles {
        &self.throttles
    }

    /// The certificate authorities as they are now.
    pub fn cas(&self) -> Arc<CaSet> {
        self.cas.load_full()
    }

    /// The signing keys as they are now.
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(self.trust.load().ring())
    }

    /// What tokens are verified with, as it is now.
    pub fn trust(&self) -> Arc<Trust> {
        self.trust.load_full()
    }
}
