//! Readiness: the checks that must pass, and certificates that expire soon.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::Serialize;
use utoipa::ToSchema;

use super::backups::Backups;
use super::base::Base;
use super::ca::crl::Crls;
use super::ca::files::root_fault;
use super::ca::live::LiveCas;
use super::ledger_mark::MarkKeeper;
use super::status_lists::StatusLists;
use super::{IMPORT_NEWER, ServiceError};
use crate::clock::Timestamp;
use crate::id::hex;

/// Time before the expiry of a CA certificate at which warnings begin.
pub const WARNED_BEFORE: Duration = Duration::from_secs(90 * 86_400);
/// Age at which a CRL fails the check of readiness. A CRL promises a new one within 24 hours.
const CRL_STALE: Duration = Duration::from_secs(12 * 3600);

/// One check of readiness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReadinessCheck)]
pub struct Check {
    /// The checked part.
    #[schema(example = "store")]
    pub name: &'static str,
    /// True if it passed.
    pub ok: bool,
    /// The problem, or an approaching one.
    #[schema(example = "")]
    pub detail: String,
}

impl Check {
    fn of(name: &'static str, fault: Option<String>) -> Self {
        Self { name, ok: fault.is_none(), detail: fault.unwrap_or_default() }
    }
}

/// The use cases of readiness and metrics.
pub struct Health {
    pub(super) base: Base,
    pub(super) cas: Arc<LiveCas>,
    pub(super) crls: Arc<Crls>,
    pub(super) status_lists: Arc<StatusLists>,
    pub(super) mark: Arc<MarkKeeper>,
    pub(super) server_certificate: ArcSwap<Option<Timestamp>>,
    pub(super) backups: Arc<Backups>,
}

impl Health {
    /// Returns the checks that minting and redeeming depend on.
    pub fn checks(&self) -> Vec<Check> {
        let now = self.base.time.now();
        let store = self.base.store.standing();
        let store = Check {
            ok: store.fault().is_none(),
            ..Check::of("store", store.fault().or_else(|| store.warning()))
        };
        let clock = self.base.time.trusted().err().map(|doubt| doubt.to_string());
        let crl = match self.crls.signed_at() {
            Some(at) if now.since(at) < CRL_STALE => None,
            Some(at) => Some(format!("the newest CRL was signed at {at}")),
            None => Some("no CRL has been signed yet".to_owned()),
        };
        let ended = self.ca_fault().map(|fault| fault.to_string());
        let warnings = Check { name: "expiry", ok: true, detail: self.expiry_warnings().join("; ") };
        vec![
            store,
            Check::of("clock", clock),
            Check::of("crl", crl),
            Check::of("ca", ended),
            Check {
                name: "status_lists",
                ok: true,
                detail: self.status_lists.fault(now).unwrap_or_default(),
            },
            Check { name: "ledger_mark", ok: true, detail: self.mark.fault().unwrap_or_default() },
            warnings,
            Check { name: "backup", ok: true, detail: self.backups.warning(now).unwrap_or_default() },
        ]
    }

    /// Returns the reason why the CA cannot issue now, with the command that helps.
    pub fn ca_fault(&self) -> Option<ServiceError> {
        let (now, cas) = (self.base.time.now(), self.cas.load());
        if let (false, Some(fault)) = (cas.is_imported(), root_fault(cas.current(), now)) {
            return Some(fault.into());
        }
        cas.current().is_good_at(now).err().map(|error| cas.refusal(error))
    }

    /// Returns a warning for each CA certificate that expires within [`WARNED_BEFORE`], and for a root without a current CRL.
    pub fn expiry_warnings(&self) -> Vec<String> {
        let now = self.base.time.now();
        let cas = self.cas.load();
        let root = cas.current().root_not_after();
        let issuing = cas.current().issuing_not_after();
        let then = match cas.is_imported() {
            true => [IMPORT_NEWER, IMPORT_NEWER],
            false => ["run `gatepass ca rotate --root`", "run `gatepass ca rotate`"],
        };
        let ends = [("the root certificate", root, then[0]), ("the issuing CA", issuing, then[1])];
        let soon = ends.into_iter().filter(|(_, at, _)| at.since(now) < WARNED_BEFORE);
        let soon = soon.map(|(what, at, then)| format!("{what} ends at {at}: {then}"));
        soon.chain(self.crls.root_warning(now)).collect()
    }

    /// The expiry of the listener's certificate; `None` before the first one.
    pub fn server_certificate_expires_at(&self) -> Option<Timestamp> {
        *self.server_certificate.load_full()
    }

    /// Sets the expiry of the listener's certificate.
    pub fn server_certificate_is(&self, expires_at: Timestamp) {
        self.server_certificate.store(Arc::new(Some(expires_at)));
    }

    /// Sets the gauges that are measured on request.
    pub fn record_gauges(&self) {
        let now = self.base.time.now();
        let seconds = |at: Timestamp| at.since(now).as_secs_f64();
        for check in self.checks() {
            metrics::gauge!("gatepass_check_passed", "check" => check.name)
                .set(f64::from(u8::from(check.ok)));
        }
        let revocations = self.base.store.revocations();
        metrics::gauge!("gatepass_revoked_tokens").set(revocations.revoked_tokens() as f64);
        metrics::gauge!("gatepass_revoked_certificates").set(revocations.revoked_certificates() as f64);
        metrics::gauge!("gatepass_clock_in_doubt")
            .set(f64::from(u8::from(self.base.time.trusted().is_err())));
        metrics::gauge!("gatepass_status_lists").set(self.status_lists.published().lists() as f64);
        if let Some(at) = self.status_lists.signed_at() {
            metrics::gauge!("gatepass_status_lists_age_seconds").set(now.since(at).as_secs_f64());
        }
        let backups = self.backups.times();
        if let Some(at) = backups.backed_up_at.or(backups.founded_at) {
            metrics::gauge!("gatepass_backup_age_seconds").set(now.since(at).as_secs_f64());
        }
        let cas = self.cas.load();
        metrics::gauge!("gatepass_certificate_expiry_seconds", "certificate" => "root")
            .set(seconds(cas.current().root_not_after()));
        for ca in cas.all() {
            let ski = hex(ca.issuing_ski());
            metrics::gauge!("gatepass_certificate_expiry_seconds", "certificate" => format!("issuing {ski}"))
                .set(seconds(ca.issuing_not_after()));
        }
        if let Some(at) = self.server_certificate_expires_at() {
            metrics::gauge!("gatepass_certificate_expiry_seconds", "certificate" => "server")
                .set(seconds(at));
        }
    }
}
