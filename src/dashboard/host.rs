//! `/hosts/{id}`: one host, and the forms that change it.

mod admission;
pub(super) mod release;
pub(super) mod revoke;
pub(super) mod roles;

use std::net::IpAddr;

use self::admission::{Gate, HostAdmission};
use super::frame::{self, Frame};
use super::grant;
use super::hosts;
use super::ledger::{self, EntryRow};
use super::parts::{Icon, Mark, Moment, Tone};
use crate::access::Permission;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::problem::{Problem, least_role};
use crate::http::reply::Reply;
use crate::id::HostId;
use crate::service::lineage::{LineageCertificate, LineageState};
use crate::store::{
    CheckIn, EntryFilter, HostOutputState, HostRecord, HostState, OutputState, Quarantine, Reported,
};
use crate::wire::HostHealth;

#[derive(askama::Template)]
#[template(path = "host.html")]
struct HostPage<'a> {
    frame: Frame<'a>,
    id: String,
    name: String,
    mark: Mark,
    is_revoked: bool,
    revoked: Option<Moment>,
    seen: Moment,
    seen_from: Option<IpAddr>,
    quarantine: Option<Conflict>,
    role_for_changes: String,
    identity: Identity,
    contact: ContactFacts,
    admission: HostAdmission,
    certificates: Vec<CertificateRow>,
    outputs: Vec<OutputRow>,
    entries: Option<Vec<EntryRow>>,
}

/// The renewal that put the host in quarantine.
struct Conflict {
    at: Moment,
    from: Option<IpAddr>,
}

/// The facts in certificates, and the host's own words.
struct Identity {
    spiffe_id: Option<String>,
    roles: String,
    dns_name: Option<String>,
    cluster: Option<String>,
    policy: Option<(String, String)>,
    label: Option<String>,
    reported: Option<String>,
    reported_label: Option<String>,
    opaque_key: Option<Moment>,
}

/// The last contact, the end of the certificate and the last check-in.
struct ContactFacts {
    expires: Moment,
    renews: Option<Moment>,
    reached: Option<String>,
    checkin: Option<CheckInFacts>,
}

/// A check-in, in the host's own words.
struct CheckInFacts {
    mark: Mark,
    at: Moment,
    version: String,
    message: String,
    labels: Vec<(String, String)>,
}

/// A certificate of the host.
struct CertificateRow {
    mark: Mark,
    is_ended: bool,
    serial: String,
    from: Moment,
    until: Moment,
}

/// The state of the host's key at an output.
struct OutputRow {
    name: String,
    mark: Mark,
    since: Option<Moment>,
}

/// Shows a host.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let host = of_path(&call).await?;
    let (authority, now) = (&call.authority, call.authority.time.now());
    let frame = Frame::of(&call, grant::host_name(&host), "/hosts").await?;
    let lineage = authority.hosts.lineage(&host).await?;
    let entries = match frame.may.read_ledger {
        true => {
            let filter = EntryFilter { host: Some(host.id), ..EntryFilter::default() };
            Some(ledger::newest(&call, filter, ledger::NEWEST).await?)
        }
        false => None,
    };
    let moment = |at| Moment::new(at, now);
    let conflict = |Quarantine { at, from, .. }| Conflict { at: moment(at), from };
    let state = host.state(now);
    frame::ok(&HostPage {
        id: host.id.to_string(),
        name: grant::host_name(&host),
        mark: hosts::state_mark(state),
        is_revoked: state == HostState::Revoked,
        revoked: host.revoked_at.map(moment),
        seen: moment(host.contact.at),
        seen_from: host.contact.from,
        quarantine: host.quarantine.filter(|_| state == HostState::Quarantined).map(conflict),
        role_for_changes: least_role(Permission::WriteHosts).to_string(),
        identity: Identity::of(&host, &lineage, moment),
        contact: ContactFacts::of(&host, state, moment),
        admission: HostAdmission::of(&call, &host).await?,
        certificates: lineage.into_iter().map(|one| CertificateRow::of(one, moment)).collect(),
        outputs: outputs(&call, &host, moment).await?,
        entries,
        frame,
    })
}

/// The host that the path names.
///
/// # Errors
/// 404: there is no such host.
async fn of_path(call: &Call) -> Result<HostRecord, Problem> {
    let id = call.id("id", "host", HostId::parse)?;
    Ok(call.authority.hosts.show_host(id).await?)
}

impl Identity {
    fn of(host: &HostRecord, lineage: &[LineageCertificate], moment: impl Fn(Timestamp) -> Moment) -> Self {
        let HostRecord { facts, label, reported, .. } = host;
        let report = reported.as_ref().map(|Reported { report, .. }| report);
        let machine = report.map(|report| {
            let version = report.version.as_ref().map(|version| format!("gatepass {version}"));
            let parts = [report.hostname.clone(), report.os.clone(), report.arch.clone(), version];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        });
        Self {
            spiffe_id: lineage.first().map(|newest| newest.spiffe_id.clone()),
            roles: grant::roles(&facts.roles),
            dns_name: facts.name.as_ref().map(ToString::to_string),
            cluster: facts.cluster.as_ref().map(ToString::to_string),
            policy: hosts::policy(host).zip(facts.policy.map(|id| id.to_string())),
            label: label.as_ref().map(ToString::to_string),
            reported: machine.filter(|machine| !machine.is_empty()),
            reported_label: report.and_then(|report| report.label.clone()),
            opaque_key: host.opaque_key.as_ref().map(|key| moment(key.issued_at)),
        }
    }
}

impl ContactFacts {
    fn of(host: &HostRecord, state: HostState, moment: impl Fn(Timestamp) -> Moment) -> Self {
        let checkin = |checkin: &CheckIn| CheckInFacts {
            mark: match checkin.status {
                HostHealth::Healthy => Mark(Tone::Good, "healthy"),
                HostHealth::Degraded => Mark(Tone::Warn, "degraded"),
                HostHealth::Failed => Mark(Tone::Bad, "failed"),
            },
            at: moment(checkin.at),
            version: checkin.version.clone(),
            message: checkin.message.clone(),
            labels: checkin.labels.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect(),
        };
        Self {
            expires: moment(host.newest.not_after),
            renews: (state == HostState::Active).then(|| moment(host.newest.renew_after())),
            reached: host.reached_url.clone(),
            checkin: host.checkin.as_ref().map(checkin),
        }
    }
}

impl CertificateRow {
    fn of(certificate: LineageCertificate, moment: impl Fn(Timestamp) -> Moment) -> Self {
        let mark = match certificate.state {
            LineageState::Newest => Mark(Tone::Good, "newest"),
            LineageState::Former => Mark(Tone::Plain, "former"),
            LineageState::Revoked => Mark(Tone::Bad, "revoked"),
        };
        Self {
            mark,
            is_ended: certificate.state != LineageState::Newest,
            serial: certificate.serial.to_string(),
            from: moment(certificate.not_before),
            until: moment(certificate.not_after),
        }
    }
}

/// The states of the host's keys at the outputs of its policy.
async fn outputs(
    call: &Call,
    host: &HostRecord,
    moment: impl Fn(Timestamp) -> Moment,
) -> Result<Vec<OutputRow>, Problem> {
    let outputs = call.authority.output_keys.states_of_host(host.id).await?;
    let row = |HostOutputState { name, state, since, .. }| OutputRow {
        name: name.to_string(),
        mark: key_mark(state),
        since: since.map(&moment),
    };
    Ok(outputs.into_iter().map(row).collect())
}

/// The word and the colour of a host's key at an output.
pub(super) const fn key_mark(state: Option<OutputState>) -> Mark {
    match state {
        None => Mark(Tone::Plain, "not requested"),
        Some(OutputState::Ready) => Mark(Tone::Good, "ready"),
        Some(OutputState::Preparing) => Mark(Tone::Wait, "preparing"),
        Some(OutputState::Unreachable) => Mark(Tone::Warn, "unreachable"),
        Some(OutputState::Refused) => Mark(Tone::Bad, "refused"),
        Some(OutputState::Invalid) => Mark(Tone::Bad, "invalid"),
    }
}
