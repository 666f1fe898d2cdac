//! The authority: the use cases by family. Each family holds only the handles that it needs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::accounts::Accounts;
use super::accounts::sign_in::PasswordChecks;
use super::accounts::unwritten::UnwrittenUses;
use super::ca::crl::Crls;
use super::ca::live::LiveCas;
use super::ca::rotation::CaAdmin;
use super::ca::set::CaSet;
use super::certify::{CertificateTerms, Enrollment};
use super::clock::ClockAdmin;
use super::collect::Collection;
use super::emergency::{Emergency, LiveEmergency};
use super::health::Health;
use super::hosts::HostAdmin;
use super::issuers::IssuerAdmin;
use super::keys::KeyAdmin;
use super::ledger::LedgerBook;
use super::refusals::Refusals;
use super::settings::{LiveSpans, SettingsAdmin};
use super::status_lists::{self, StatusLists};
use super::time::TimeKeeper;
use super::tokens::TokenAdmin;
use super::tokens::due::DueRevocations;
use super::tokens::indexes::Indexes;
use super::tokens::mint::Minting;
use super::tokens::order::Catalogue;
use super::trust::LiveTrust;
use super::vault::Vault;
use super::verification::Authenticator;
use super::verification::proxies::TrustedProxies;
use crate::access::SignInLimits;
use crate::access::session::SessionLife;
use crate::access::throttle::{Rates, Throttles};
use crate::store::Store;

/// The parts of the configuration that use cases need.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The catalogue of roles.
    pub roles: Catalogue,
    /// Default life of a token minted by Elastic's route.
    pub ece_ttl: Duration,
    /// The proxies that may pass client certificates on.
    pub proxies: TrustedProxies,
    /// The rate of each limit.
    pub rates: Rates,
    /// Bounds of sign-ins.
    pub sign_in: SignInLimits,
    /// Lifetime and idle time of sessions.
    pub sessions: SessionLife,
    /// The terms of every host certificate.
    pub certificates: CertificateTerms,
    /// Time that a host is kept after its last certificate expired.
    pub host_retention: Duration,
    /// True if the CA is imported. Such a CA is rotated at its source.
    pub outside_ca: bool,
    /// True if the listener's certificate is external. Tokens cannot pin the root then.
    pub outside_certificate: bool,
    /// Limits of status list subscribers.
    pub event_streams: status_lists::StreamLimits,
}

/// The parts of an [`Authority`].
pub struct Parts {
    /// The opened database.
    pub store: Arc<dyn Store>,
    /// The clock, and the mark from the store.
    pub time: TimeKeeper,
    /// The signing keys and external URLs.
    pub trust: LiveTrust,
    /// The certificate authorities.
    pub cas: CaSet,
    /// The spans in force.
    pub spans: LiveSpans,
    /// The emergency token.
    pub emergency: LiveEmergency,
    /// The next free indexes of the status lists.
    pub indexes: Indexes,
    /// The keys directory.
    pub vault: Vault,
    /// The directory of the root certificate, the CRLs and the emergency token.
    pub data_dir: PathBuf,
    /// The configuration.
    pub settings: Settings,
}

/// The use cases by family, and the state that they and their callers read.
pub struct Authority {
    /// The time of decisions.
    pub time: Arc<TimeKeeper>,
    /// The signing keys and external URLs in use.
    pub trust: Arc<LiveTrust>,
    /// The certificate authorities in use.
    pub cas: Arc<LiveCas>,
    /// The roles of the configuration.
    pub roles: Arc<Catalogue>,
    /// The default life of a token minted by Elastic's route.
    pub ece_ttl: Duration,
    /// The rate limits.
    pub throttles: Arc<Throttles>,
    /// The id of the live emergency token.
    pub emergency: Arc<LiveEmergency>,
    /// Redeeming tokens and renewing certificates.
    pub enrollment: Enrollment,
    /// Judging tokens and host certificates.
    pub authenticator: Arc<Authenticator>,
    /// Minting tokens.
    pub minting: Arc<Minting>,
    /// Listing, showing, rotating and revoking tokens.
    pub tokens: TokenAdmin,
    /// Revoking due tokens.
    pub due: Arc<DueRevocations>,
    /// Listing, showing, changing and revoking hosts.
    pub hosts: HostAdmin,
    /// Users, sessions and API keys.
    pub accounts: Accounts,
    /// The signing keys.
    pub keys: KeyAdmin,
    /// The external URLs.
    pub issuers: IssuerAdmin,
    /// Rotating the CA.
    pub ca: CaAdmin,
    /// Signing and serving CRLs.
    pub crls: Arc<Crls>,
    /// The settings that change at run time.
    pub settings: SettingsAdmin,
    /// Signing and serving status lists.
    pub status_lists: Arc<StatusLists>,
    /// Reading and verifying the ledger.
    pub ledger: LedgerBook,
    /// Readiness and metrics.
    pub health: Health,
    /// Showing and accepting the clock.
    pub clock: ClockAdmin,
    /// Deleting expired rows.
    pub collection: Collection,
}

impl Authority {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let (settings, shared) = (parts.settings.clone(), Shared::new(parts));
        let (store, time, trust) = shared.base();
        let authenticator = Authenticator::new(store, time, trust, settings.proxies.clone());
        let (due, store, time) = (shared.due.clone(), shared.store.clone(), shared.time.clone());
        let passwords = PasswordChecks::new(store.clone(), shared.throttles.clone(), settings.sign_in);
        let (refusals, unwritten) = (shared.refusals.clone(), shared.unwritten.clone());
        Self {
            enrollment: shared.enrollment(&settings),
            authenticator: Arc::new(authenticator),
            tokens: TokenAdmin::new(shared.minting.clone(), shared.spans.clone()),
            accounts: Accounts::new(due, passwords, refusals, unwritten, settings.sessions),
            keys: shared.keys(),
            issuers: shared.issuers(),
            ca: shared.ca(&settings),
            clock: shared.clock(),
            health: shared.health(),
            collection: shared.collection(&settings),
            hosts: HostAdmin { store: store.clone(), time: time.clone(), roles: shared.roles.clone() },
            settings: SettingsAdmin { store: store.clone(), time: time.clone(), spans: shared.spans },
            ledger: LedgerBook::new(store, time, shared.refusals),
            ece_ttl: settings.ece_ttl,
            time: shared.time,
            trust: shared.trust,
            cas: shared.cas,
            roles: shared.roles,
            throttles: shared.throttles,
            emergency: shared.live,
            minting: shared.minting,
            due: shared.due,
            crls: shared.crls,
            status_lists: shared.status_lists,
        }
    }
}

/// The handles that several families share while the authority is built.
struct Shared {
    store: Arc<dyn Store>,
    time: Arc<TimeKeeper>,
    trust: Arc<LiveTrust>,
    cas: Arc<LiveCas>,
    spans: Arc<LiveSpans>,
    live: Arc<LiveEmergency>,
    indexes: Arc<Indexes>,
    roles: Arc<Catalogue>,
    throttles: Arc<Throttles>,
    refusals: Arc<Refusals>,
    unwritten: Arc<UnwrittenUses>,
    due: Arc<DueRevocations>,
    minting: Arc<Minting>,
    emergency: Arc<Emergency>,
    crls: Arc<Crls>,
    status_lists: Arc<StatusLists>,
    vault: Vault,
    data_dir: PathBuf,
}

impl Shared {
    fn new(parts: Parts) -> Self {
        let Parts { store, time, trust, cas, spans, emergency, indexes, vault, data_dir, settings } = parts;
        let (time, trust, indexes) = (Arc::new(time), Arc::new(trust), Arc::new(indexes));
        let (cas, live) = (Arc::new(LiveCas::new(cas)), Arc::new(emergency));
        let roles = Arc::new(settings.roles);
        let minting = Arc::new(Minting {
            store: store.clone(),
            time: time.clone(),
            trust: trust.clone(),
            cas: cas.clone(),
            indexes: indexes.clone(),
            roles: roles.clone(),
            pins_root: !settings.outside_certificate,
        });
        let emergency =
            Emergency { live: live.clone(), minting: minting.clone(), data_dir: data_dir.clone() };
        let crls = Crls::resume(store.clone(), time.clone(), cas.clone(), data_dir.clone());
        let most = settings.event_streams;
        Self {
            throttles: Arc::new(Throttles::new(&settings.rates)),
            refusals: Arc::default(),
            unwritten: Arc::default(),
            due: Arc::new(DueRevocations::new(store.clone(), time.clone())),
            status_lists: Arc::new(StatusLists::new(store.clone(), time.clone(), trust.clone(), most)),
            crls: Arc::new(crls),
            emergency: Arc::new(emergency),
            spans: Arc::new(spans),
            store,
            time,
            trust,
            cas,
            live,
            indexes,
            roles,
            minting,
            vault,
            data_dir,
        }
    }

    fn base(&self) -> (Arc<dyn Store>, Arc<TimeKeeper>, Arc<LiveTrust>) {
        (self.store.clone(), self.time.clone(), self.trust.clone())
    }

    fn enrollment(&self, settings: &Settings) -> Enrollment {
        let (store, time, trust) = self.base();
        Enrollment {
            store,
            time,
            trust,
            cas: self.cas.clone(),
            emergency: self.live.clone(),
            throttles: self.throttles.clone(),
            refusals: self.refusals.clone(),
            terms: settings.certificates.clone(),
        }
    }

    fn keys(&self) -> KeyAdmin {
        let (store, time, trust) = self.base();
        KeyAdmin { store, time, trust, emergency: self.emergency.clone(), vault: self.vault.clone() }
    }

    fn issuers(&self) -> IssuerAdmin {
        let (store, time, trust) = self.base();
        IssuerAdmin { store, time, trust, emergency: self.emergency.clone() }
    }

    fn clock(&self) -> ClockAdmin {
        let (store, time, trust) = self.base();
        ClockAdmin { store, time, trust, vault: self.vault.clone() }
    }

    fn ca(&self, settings: &Settings) -> CaAdmin {
        CaAdmin {
            store: self.store.clone(),
            time: self.time.clone(),
            cas: self.cas.clone(),
            crls: self.crls.clone(),
            vault: self.vault.clone(),
            data_dir: self.data_dir.clone(),
            trust_domain: settings.certificates.trust_domain.clone(),
            outside: settings.outside_ca,
            changing: Mutex::default(),
        }
    }

    fn health(&self) -> Health {
        Health {
            store: self.store.clone(),
            time: self.time.clone(),
            cas: self.cas.clone(),
            crls: self.crls.clone(),
            status_lists: self.status_lists.clone(),
            vault: self.vault.clone(),
            server_certificate: ArcSwap::default(),
        }
    }

    fn collection(&self, settings: &Settings) -> Collection {
        Collection {
            store: self.store.clone(),
            time: self.time.clone(),
            spans: self.spans.clone(),
            indexes: self.indexes.clone(),
            unwritten: self.unwritten.clone(),
            host_retention: settings.host_retention,
            session_idle: settings.sessions.idle,
            address_retention: settings.sign_in.address_retention(),
        }
    }
}
