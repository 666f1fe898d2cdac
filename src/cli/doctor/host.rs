//! The checks of this host's identity.

use std::path::{self, Path};

use super::check::DoctorCheck;
use crate::cli::remote::network;
use crate::client::host::ThisHost;
use crate::client::renewal::Renewer;
use crate::client::status::{HostStatus, Reached, is_skewed, status};
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::shell_word::shell_word;

/// The checks of the identity in `cert_dir`.
pub(super) async fn checks(cert_dir: &Path, environment: &Environment) -> Vec<DoctorCheck> {
    let this = ThisHost { network: network(environment), ..ThisHost::at(cert_dir) };
    // A remedy can be pasted anywhere, also into cron.
    let at = path::absolute(cert_dir).unwrap_or_else(|_| cert_dir.to_owned());
    let at = &shell_word(&at.display().to_string());
    let status = match status(&this, SystemClock::now()).await {
        Ok(status) => status,
        Err(error) => return vec![DoctorCheck::failed("identity", error, enroll_again(at))],
    };
    let mut checks = identity(&status, at);
    checks.push(certificate(&status, at));
    checks.push(server(&status, at));
    checks.extend(clock(&status));
    checks.push(renewals(&status, at));
    checks.extend(hook(&status, at));
    checks
}

/// The remedy of an identity that does not work.
fn enroll_again(at: &str) -> String {
    format!(
        "do what the line above names; if it names no command, restore the directory from a backup, or run `gatepass enroll \
         --replace --cert-dir {at}` with a new token"
    )
}

fn identity(status: &HostStatus, at: &str) -> Vec<DoctorCheck> {
    match status.faults.is_empty() {
        true => vec![DoctorCheck::ok("identity", format!("host {} in {at}", status.host.host_id))],
        false => status
            .faults
            .iter()
            .map(|fault| DoctorCheck::failed("identity", fault, enroll_again(at)))
            .collect(),
    }
}

fn certificate(status: &HostStatus, at: &str) -> DoctorCheck {
    let end = status.host.life.expires_at;
    match status.seconds_left {
        0 => DoctorCheck::failed(
            "certificate",
            format!("expired at {end}, and can no longer be renewed"),
            format!(
                "run `gatepass enroll --cert-dir {at}` with a token of `gatepass host reenroll {}`",
                status.host.host_id
            ),
        ),
        _ if status.late => DoctorCheck::warning(
            "certificate",
            format!("expires at {end}, and its renewal is late"),
            format!("run `gatepass renew --cert-dir {at}`"),
        ),
        _ => DoctorCheck::ok("certificate", format!("good until {end}")),
    }
}

fn server(status: &HostStatus, at: &str) -> DoctorCheck {
    let id = status.host.host_id;
    match &status.server {
        Reached::Good => {
            let url = status.answered_by.as_deref().unwrap_or_default();
            DoctorCheck::ok("server", format!("{url} knows this host"))
        }
        Reached::Refused(why) => DoctorCheck::failed(
            "server",
            why,
            format!(
                "ask an administrator: `gatepass host show {id}` and `gatepass ledger list --host {id}` show the reason"
            ),
        ),
        Reached::Unreachable(why) => DoctorCheck::failed(
            "server",
            why,
            format!(
                "check DNS, firewall, proxy and the server itself; `gatepass renew --server URL --cert-dir {at}` takes another of \
                 its addresses"
            ),
        ),
        Reached::NotAsked => DoctorCheck::failed(
            "server",
            "not asked: the identity cannot be used",
            "the lines above name the reason",
        ),
    }
}

fn clock(status: &HostStatus) -> Option<DoctorCheck> {
    let ahead = status.clock_ahead?;
    Some(match is_skewed(ahead) {
        false => DoctorCheck::ok("clock", "agrees with the server's"),
        true => DoctorCheck::failed(
            "clock",
            format!(
                "{} s {} the server's",
                ahead.unsigned_abs(),
                if ahead > 0 { "ahead of" } else { "behind" }
            ),
            "start a time service, such as chrony or systemd-timesyncd",
        ),
    })
}

fn renewals(status: &HostStatus, at: &str) -> DoctorCheck {
    let install = format!(
        "`gatepass service install renew --cert-dir {at}`, or `gatepass renew --if-due --cert-dir {at}` from cron"
    );
    match (status.renewal.by, &status.renewal.attempt.error) {
        (Renewer::Nobody, _) => DoctorCheck::warning("renewals", "nobody renews the certificate", install),
        (_, Some(error)) => {
            let remedy =
                format!("the other lines name the reason; `gatepass renew --cert-dir {at}` tries again now");
            DoctorCheck::warning("renewals", format!("the last attempt failed: {error}"), remedy)
        }
        (Renewer::Daemon { .. }, None) => DoctorCheck::ok("renewals", "by the daemon"),
        (Renewer::Timer { looked_at }, None) => {
            DoctorCheck::ok("renewals", format!("by `gatepass renew --if-due`, last run at {looked_at}"))
        }
    }
}

fn hook(status: &HostStatus, at: &str) -> Option<DoctorCheck> {
    let owed = status.renewal.hook_owed.as_ref()?;
    let failed = owed.attempt.error.as_deref().map_or_else(String::new, |error| format!(": {error}"));
    let remedy =
        format!("mend the hook; `gatepass renew --if-due --cert-dir {at}` with its flags runs it again");
    Some(DoctorCheck::warning("hook", format!("it has not succeeded with this certificate{failed}"), remedy))
}
