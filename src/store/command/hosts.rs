//! The verbs about enrolled hosts.

use crate::clock::Timestamp;
use crate::id::{HostId, PolicyId, Serial};
use crate::ledger::Draft;
use crate::name::{Label, Role};
use crate::store::{CheckIn, Contact};
use crate::wire::HostReport;

/// See [`Verbs::set_roles`](crate::store::Verbs::set_roles).
pub struct SetRoles {
    /// Id of the host.
    pub host: HostId,
    /// The revision that the caller saw; `None`: any.
    pub revision: Option<u64>,
    /// The roles of the host when the change was judged. Otherwise the outcome is
    /// [`RolesChange::Moved`](crate::store::RolesChange::Moved).
    pub before: Vec<Role>,
    /// The policy by which the roles were judged. If the host has another one, the outcome is the same.
    pub policy: Option<PolicyId>,
    /// New roles of the host.
    pub roles: Vec<Role>,
    /// True to revoke its certificates at once, instead of with the next certificate.
    pub now: bool,
    /// The entry; the store adds the previous roles.
    pub entry: Draft,
}

/// See [`Verbs::move_hosts`](crate::store::Verbs::move_hosts). Each host that changes has its entry.
pub struct MoveHosts {
    /// Each at the revision that was judged.
    pub hosts: Vec<HostMove>,
    /// The policy that they get; `None`: none.
    pub policy: Option<PolicyId>,
    /// The entry of each; the store adds the host, its former policy and its former roles.
    pub entry: Draft,
}

/// A host that gets another policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostMove {
    /// Id of the host.
    pub host: HostId,
    /// The revision of the host that was judged.
    pub revision: u64,
    /// The roles that it keeps. Certificates with the other ones are revoked with the next certificate.
    pub roles: Vec<Role>,
}

/// See [`Verbs::set_label`](crate::store::Verbs::set_label).
pub struct SetLabel {
    /// Id of the host.
    pub host: HostId,
    /// The revision that the caller saw; `None`: any.
    pub revision: Option<u64>,
    /// New label; `None` removes it.
    pub label: Option<Label>,
    /// The entry; the store adds the previous label.
    pub entry: Draft,
}

/// See [`Verbs::quarantine_host`](crate::store::Verbs::quarantine_host).
pub struct QuarantineHost {
    /// Id of the host.
    pub host: HostId,
    /// Serial number of the certificate that renewed after the first use of its successor.
    pub presented: Serial,
    /// Maximum number of hosts that are quarantined within [`QUARANTINES_WITHIN`](super::QUARANTINES_WITHIN).
    pub most: u32,
    /// The entry, with the address of that renewal; the store adds the newest certificate and its last contact.
    pub entry: Draft,
}

/// See [`Verbs::release_hosts`](crate::store::Verbs::release_hosts). The certificate becomes the newest; the others are revoked, and
/// their keys stay refused.
pub struct ReleaseHosts {
    /// Each host with the certificate that stays.
    pub hosts: Vec<KeptCertificate>,
    /// The entry of each; the store adds host and serial number.
    pub entry: Draft,
}

/// The certificate that stays on a released host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptCertificate {
    /// Id of the host.
    pub host: HostId,
    /// Serial number of the certificate.
    pub serial: Serial,
    /// The revision of the host that the caller saw; `None`: any.
    pub revision: Option<u64>,
}

/// See [`Verbs::record_report`](crate::store::Verbs::record_report). There is no entry, because nothing is decided by a report.
pub struct RecordReport {
    /// Id of the host.
    pub host: HostId,
    /// The facts. The first reported label stays.
    pub report: HostReport,
    /// Time of the report.
    pub at: Timestamp,
    /// A known report that is newer than this stays.
    pub replaces_until: Timestamp,
}

/// See [`Verbs::record_contacts`](crate::store::Verbs::record_contacts). Recorded moments only move forward. There is no entry, and
/// missing hosts are skipped.
pub struct RecordContacts {
    /// Each host with its last contact.
    pub contacts: Vec<(HostId, HostContact)>,
}

/// See [`Verbs::record_checkins`](crate::store::Verbs::record_checkins). An older check-in does not replace a newer one. There is no
/// entry, and missing hosts are skipped.
pub struct RecordCheckIns {
    /// Each host with its newest check-in.
    pub checkins: Vec<(HostId, CheckIn)>,
}

/// A contact of a host, and the URL at which the host reached the server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostContact {
    /// Time and address.
    pub contact: Contact,
    /// The URL; `None`: the recorded one.
    pub reached_url: Option<String>,
}
