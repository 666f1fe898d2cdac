//! The authority: the use cases by family. Each family holds only the handles that it needs.

mod settings;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;

pub use self::settings::Settings;
use super::accounts::Accounts;
use super::accounts::sign_in::PasswordChecks;
use super::accounts::unwritten::UnwrittenUses;
use super::backups::Backups;
use super::base::Base;
use super::ca::crl::Crls;
use super::ca::live::LiveCas;
use super::ca::root_crl::RootCrls;
use super::ca::rotation::CaAdmin;
use super::capacity::FleetCapacity;
use super::certify::Enrollment;
use super::changes::Changes;
use super::checkin::CheckIns;
use super::emergency::Emergency;
use super::fleet::FleetAdmin;
use super::health::Health;
use super::hosts::HostAdmin;
use super::installation::Installation;
use super::keys::TrustAdmin;
use super::ledger::LedgerBook;
use super::ledger_mark::MarkKeeper;
use super::outputs::OutputAdmin;
use super::outputs::hosts::HostOutputs;
use super::outputs::keys::OutputKeys;
use super::overview::Overview;
use super::own_names::OwnNames;
use super::policies::PolicyAdmin;
use super::policies::live::LivePolicies;
use super::refusals::Refusals;
use super::rules::{LiveRules, RuleAdmin};
use super::settings::{LiveSpans, SettingsAdmin};
use super::status_lists::StatusLists;
use super::time::TimeKeeper;
use super::tokens::TokenAdmin;
use super::tokens::bulk::BulkTurns;
use super::tokens::due::DueRevocations;
use super::tokens::indexes::Indexes;
use super::tokens::mint::Minting;
use super::tokens::order::Catalogue;
use super::trust::LiveTrust;
use super::upkeep::Upkeep;
use super::vault::Vault;
use super::verification::Authenticator;
use crate::access::throttle::Throttles;
use crate::outbound::{Outbound, SystemResolver};
use crate::store::BackupTimes;

/// The parts of an [`Authority`].
pub struct Parts {
    /// The store and the time.
    pub base: Base,
    /// The signing keys, external URLs and emergency token.
    pub trust: Arc<LiveTrust>,
    /// The names of the server.
    pub names: Arc<OwnNames>,
    /// The certificate authorities.
    pub cas: Arc<LiveCas>,
    /// The spans in force.
    pub spans: Arc<LiveSpans>,
    /// The auto-approve rules.
    pub rules: Arc<LiveRules>,
    /// The policies in memory.
    pub policies: Arc<LivePolicies>,
    /// The next free indexes of the status lists.
    pub indexes: Arc<Indexes>,
    /// The mark of the ledger in the keys directory.
    pub mark: Arc<MarkKeeper>,
    /// The keys directory.
    pub vault: Vault,
    /// The directory of the root certificate, the CRLs and the emergency token.
    pub data_dir: PathBuf,
    /// The address of the listener.
    pub listens_on: SocketAddr,
    /// The founding, and the newest backup.
    pub backup_times: BackupTimes,
    /// The configuration.
    pub settings: Settings,
}

/// The use cases by family, and the state that they and their callers read.
pub struct Authority {
    /// The time of decisions.
    pub time: Arc<TimeKeeper>,
    /// The signing keys, external URLs and emergency token in use.
    pub trust: Arc<LiveTrust>,
    /// The names of the server.
    pub names: Arc<OwnNames>,
    /// The certificate authorities in use.
    pub cas: Arc<LiveCas>,
    /// The roles of the configuration.
    pub roles: Arc<Catalogue>,
    /// The rate limits.
    pub throttles: Arc<Throttles>,
    /// Redeeming tokens and renewing certificates.
    pub enrollment: Enrollment,
    /// The node limit and the number of enrolled hosts.
    pub capacity: Arc<FleetCapacity>,
    /// Judging tokens and host certificates.
    pub authenticator: Arc<Authenticator>,
    /// Minting tokens.
    pub minting: Arc<Minting>,
    /// Listing, showing, rotating and revoking tokens.
    pub tokens: TokenAdmin,
    /// Listing, showing, minting and deleting tokens with an `api_key`, for Elastic Fleet's API.
    pub fleet: FleetAdmin,
    /// Listing, showing, changing and revoking hosts.
    pub hosts: HostAdmin,
    /// Check-ins of hosts, their policies and their access tokens.
    pub checkins: CheckIns,
    /// Listing, showing, changing and trying auto-approve rules.
    pub rules: RuleAdmin,
    /// Listing, showing and changing policies.
    pub policies: PolicyAdmin,
    /// Listing, showing and changing outputs.
    pub outputs: OutputAdmin,
    /// The keys of hosts at the clusters of outputs.
    pub output_keys: Arc<OutputKeys>,
    /// Users, sessions and API keys.
    pub accounts: Accounts,
    /// The signing keys, the external URLs, and accepting the clock.
    pub trust_admin: TrustAdmin,
    /// Rotating the CA, and its CRLs.
    pub ca: CaAdmin,
    /// The settings that change at run time.
    pub settings: SettingsAdmin,
    /// Signing and serving status lists.
    pub status_lists: Arc<StatusLists>,
    /// Reading and verifying the ledger.
    pub ledger: LedgerBook,
    /// Holding rotations for backups, and recording these.
    pub backups: Arc<Backups>,
    /// The feed of committed changes for pages.
    pub changes: Arc<Changes>,
    /// Readiness and metrics.
    pub health: Arc<Health>,
    /// Numbers of hosts and tokens, and the facts of the data directory.
    pub overview: Overview,
    /// Texts that bring gatepass to new hosts.
    pub installation: Installation,
    /// The work of the timers.
    pub upkeep: Arc<Upkeep>,
}

impl Authority {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts { base, trust, cas, settings, .. } = &parts;
        let throttles = Arc::new(Throttles::new(&settings.rates));
        let refusals = Arc::<Refusals>::default();
        let unwritten = Arc::new(UnwrittenUses::new(base.store.clone()));
        let authenticator = parts.authenticator(unwritten.clone());
        let due = Arc::new(DueRevocations::new(base.clone()));
        let roles = Arc::new(settings.roles.clone());
        let minting = Arc::new(parts.minting(roles.clone()));
        let capacity = Arc::new(FleetCapacity { base: base.clone(), spans: parts.spans.clone() });
        let status_lists =
            StatusLists::resume(base.clone(), trust.clone(), settings.event_streams, &parts.data_dir);
        let (status_lists, ca) = (Arc::new(status_lists), parts.ca());
        let (backups, output_keys) = (Arc::new(parts.backups(&ca)), Arc::new(parts.output_keys()));
        Self {
            time: base.time.clone(),
            trust: trust.clone(),
            names: parts.names.clone(),
            cas: cas.clone(),
            enrollment: parts.enrollment(&throttles, &refusals, &authenticator, &capacity),
            authenticator,
            tokens: TokenAdmin::new(minting.clone(), parts.spans.clone()),
            fleet: FleetAdmin::new(minting.clone(), parts.policies.clone()),
            hosts: parts.hosts(roles.clone(), unwritten.clone()),
            checkins: parts.checkins(unwritten.clone(), output_keys.clone()),
            rules: RuleAdmin { base: base.clone(), rules: parts.rules.clone() },
            policies: parts.policies(minting.clone(), due.clone(), output_keys.clone()),
            outputs: parts.outputs(output_keys.clone()),
            accounts: parts.accounts(&due, &unwritten, &refusals, &throttles),
            trust_admin: parts.trust_admin(minting.clone(), unwritten.clone()),
            settings: parts.settings_admin(),
            ledger: LedgerBook::new(base.store.clone()),
            backups: backups.clone(),
            changes: Changes::new(base.store.clone()),
            health: Arc::new(Health {
                base: base.clone(),
                cas: cas.clone(),
                crls: ca.crls.clone(),
                status_lists: status_lists.clone(),
                mark: parts.mark.clone(),
                server_certificate: ArcSwap::default(),
                backups,
            }),
            overview: Overview::new(base.clone(), parts.data_dir.clone()),
            installation: settings.installation.clone(),
            upkeep: Arc::new(parts.upkeep(
                due,
                unwritten,
                refusals,
                throttles.clone(),
                capacity.clone(),
                output_keys.clone(),
            )),
            output_keys,
            capacity,
            roles,
            throttles,
            minting,
            ca,
            status_lists,
        }
    }
}

impl Parts {
    fn enrollment(
        &self,
        throttles: &Arc<Throttles>,
        refusals: &Arc<Refusals>,
        authenticator: &Arc<Authenticator>,
        capacity: &Arc<FleetCapacity>,
    ) -> Enrollment {
        Enrollment {
            base: self.base.clone(),
            trust: self.trust.clone(),
            cas: self.cas.clone(),
            throttles: throttles.clone(),
            refusals: refusals.clone(),
            authenticator: authenticator.clone(),
            capacity: capacity.clone(),
            rules: self.rules.clone(),
            policies: self.policies.clone(),
            terms: self.settings.certificates.clone(),
            approval: self.settings.approval,
        }
    }

    fn authenticator(&self, unwritten: Arc<UnwrittenUses>) -> Arc<Authenticator> {
        let Self { base, trust, cas, policies, settings, .. } = self;
        let judged_by = (cas.clone(), policies.clone());
        Arc::new(Authenticator::new(base.clone(), trust.clone(), judged_by, unwritten, settings))
    }

    fn accounts(
        &self,
        due: &Arc<DueRevocations>,
        unwritten: &Arc<UnwrittenUses>,
        refusals: &Arc<Refusals>,
        throttles: &Arc<Throttles>,
    ) -> Accounts {
        let Self { base, settings, .. } = self;
        let passwords = PasswordChecks::new(base.store.clone(), throttles.clone(), settings.sign_in);
        Accounts {
            base: base.clone(),
            refusals: refusals.clone(),
            due: due.clone(),
            unwritten: unwritten.clone(),
            session_life: settings.sessions,
            passwords: Arc::new(passwords),
        }
    }

    fn checkins(&self, unwritten: Arc<UnwrittenUses>, keys: Arc<OutputKeys>) -> CheckIns {
        let Self { base, trust, policies, settings, .. } = self;
        CheckIns {
            base: base.clone(),
            trust: trust.clone(),
            policies: policies.clone(),
            outputs: HostOutputs { base: base.clone(), trust: trust.clone() },
            keys,
            unwritten,
            interval: settings.checkin,
            access_ttl: settings.access_ttl,
        }
    }

    fn minting(&self, roles: Arc<Catalogue>) -> Minting {
        Minting {
            base: self.base.clone(),
            trust: self.trust.clone(),
            cas: self.cas.clone(),
            indexes: self.indexes.clone(),
            roles,
            policies: self.policies.clone(),
            pins_root: !self.settings.outside_certificate,
            bulks: BulkTurns::default(),
        }
    }

    fn hosts(&self, roles: Arc<Catalogue>, unwritten: Arc<UnwrittenUses>) -> HostAdmin {
        HostAdmin { base: self.base.clone(), roles, policies: self.policies.clone(), unwritten }
    }

    fn outputs(&self, keys: Arc<OutputKeys>) -> OutputAdmin {
        let allowed = self.settings.destinations.clone();
        OutputAdmin { base: self.base.clone(), trust: self.trust.clone(), allowed, keys }
    }

    fn settings_admin(&self) -> SettingsAdmin {
        let (base, spans) = (self.base.clone(), self.spans.clone());
        SettingsAdmin { base, spans, ece_ttl: self.settings.ece_ttl }
    }

    fn policies(
        &self,
        minting: Arc<Minting>,
        due: Arc<DueRevocations>,
        keys: Arc<OutputKeys>,
    ) -> PolicyAdmin {
        PolicyAdmin {
            base: self.base.clone(),
            minting,
            due,
            policies: self.policies.clone(),
            keys,
            lifetime: self.settings.certificates.lifetime,
        }
    }

    fn output_keys(&self) -> OutputKeys {
        let Self { base, trust, settings, .. } = self;
        let outbound =
            Outbound::new(settings.destinations.clone(), self.listens_on, Arc::new(SystemResolver));
        OutputKeys::new(base.clone(), trust.clone(), outbound)
    }

    fn trust_admin(&self, minting: Arc<Minting>, unwritten: Arc<UnwrittenUses>) -> TrustAdmin {
        TrustAdmin {
            base: self.base.clone(),
            trust: self.trust.clone(),
            emergency: Emergency { minting, data_dir: self.data_dir.clone() },
            vault: self.vault.clone(),
            names: self.names.clone(),
            unwritten,
        }
    }

    fn backups(&self, ca: &CaAdmin) -> Backups {
        let turns = (self.trust.clone(), ca.changing.clone());
        let files = (self.vault.clone(), self.data_dir.clone());
        Backups::new(self.base.clone(), turns, files, &self.settings, self.backup_times)
    }

    fn ca(&self) -> CaAdmin {
        let roots =
            RootCrls::new(self.base.store.clone(), self.vault.clone(), self.settings.root_crl.clone());
        let crls = Crls::resume(self.base.clone(), self.cas.clone(), roots, self.data_dir.clone());
        CaAdmin {
            base: self.base.clone(),
            cas: self.cas.clone(),
            crls: Arc::new(crls),
            vault: self.vault.clone(),
            trust_domain: self.settings.certificates.trust_domain.clone(),
            outside: self.settings.outside_ca,
            changing: Arc::default(),
        }
    }

    fn upkeep(
        &self,
        due: Arc<DueRevocations>,
        unwritten: Arc<UnwrittenUses>,
        refusals: Arc<Refusals>,
        throttles: Arc<Throttles>,
        capacity: Arc<FleetCapacity>,
        output_keys: Arc<OutputKeys>,
    ) -> Upkeep {
        Upkeep {
            base: self.base.clone(),
            spans: self.spans.clone(),
            indexes: self.indexes.clone(),
            unwritten,
            refusals,
            throttles,
            due,
            capacity,
            output_keys,
            mark: self.mark.clone(),
            host_retention: self.settings.host_retention,
            session_idle: self.settings.sessions.idle,
            address_retention: self.settings.sign_in.address_retention(),
        }
    }
}
