//! `/hosts/{id}/release`: the end of a quarantine.

use std::net::IpAddr;

use super::of_path;
use crate::clock::Timestamp;
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::grant;
use crate::dashboard::parts::{Icon, Moment};
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::Serial;
use crate::service::{HostError, ServiceError};
use crate::store::KeptCertificate;

#[derive(askama::Template)]
#[template(path = "host_release.html")]
struct ReleasePage<'a> {
    frame: Frame<'a>,
    id: String,
    name: String,
    revision: u64,
    machines: [Machine; 2],
    faults: Vec<String>,
}

/// One of the two machines.
struct Machine {
    name: &'static str,
    hint: &'static str,
    serial: String,
    at: Moment,
    from: Option<IpAddr>,
}

/// Shows the form.
pub(in crate::dashboard) async fn show(call: Call) -> Result<Reply, Problem> {
    form(&call, None).await
}

/// Releases the host with the chosen certificate.
pub(in crate::dashboard) async fn release(call: Call) -> Result<Reply, Problem> {
    let (host, fields) = (of_path(&call).await?, Form::parse(&call.body)?);
    let revision = fields.get("revision").map(|revision| revision.parse().unwrap_or(0));
    let released = match fields.get("serial").and_then(Serial::parse) {
        Some(serial) => {
            let kept = KeptCertificate { host: host.id, serial, revision };
            call.authority.hosts.release_host(&call.caller, kept).await.map_err(Problem::from)
        }
        None => Err(Problem::bad_request("select the machine that stays")),
    };
    match released {
        Ok(_) => Ok(Reply::see_other(&format!("/hosts/{}", host.id))),
        Err(problem) => form(&call, Some(Refusal::of(problem)?)).await,
    }
}

async fn form(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let (host, now) = (of_path(call).await?, call.authority.time.now());
    let Some(conflict) = host.quarantine.filter(|_| host.revoked_at.is_none()) else {
        return Err(ServiceError::from(HostError::NotQuarantined).into());
    };
    let name = grant::host_name(&host);
    let frame = Frame::of(call, format!("Release {name}"), "/hosts").await?;
    let (status, faults) = refusal::parts(refused);
    let machine = |(name, hint), serial: Serial, (at, from): (Timestamp, Option<IpAddr>)| Machine {
        name,
        hint,
        serial: serial.to_string(),
        at: Moment::new(at, now),
        from,
    };
    let newest = ("The machine with the newest certificate", "Select it if the other machine is a clone.");
    let older = (
        "The machine with the older certificate",
        "Select it if this machine was rolled back to a snapshot.",
    );
    let machines = [
        machine(newest, host.newest.serial, (host.contact.at, host.contact.from)),
        machine(older, conflict.serial, (conflict.at, conflict.from)),
    ];
    frame::page(
        status,
        &ReleasePage { frame, id: host.id.to_string(), name, revision: host.revision, machines, faults },
    )
}
