//! The service that renews a host's certificate.

use std::path::Path;

use clap::Args;

use super::repeated::Repeated;
use super::unit::{Kind, STRICT, Service, UnitFlags};
use super::variables::Variables;
use super::words::setting_word;
use crate::cli::error::CliError;
use crate::client::hook::{Hooks, PolicyFlags};
use crate::client::host::ThisHost;
use crate::config::Environment;

/// The capabilities for files that keep their owner and group.
const FILES: &str = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER";

/// The renewals as a service.
#[derive(Args)]
pub(crate) struct RenewService {
    #[command(flatten)]
    unit: UnitFlags,
    /// Start each renewal from an hourly timer, instead of a daemon
    #[arg(long)]
    timer: bool,
    #[command(flatten)]
    renew: Repeated<RenewFlags>,
}

/// The flags of `renew` that a service repeats.
#[derive(Args)]
struct RenewFlags {
    #[command(flatten)]
    host: ThisHost,
    #[command(flatten)]
    hooks: Hooks,
    #[command(flatten)]
    policy: PolicyFlags,
}

impl RenewService {
    /// The daemon with these flags of `renew`.
    pub(super) fn of(words: Vec<String>) -> Result<Self, CliError> {
        let renew = Repeated::read(words).map_err(|error| CliError::Usage(error.to_string()))?;
        Ok(Self { unit: UnitFlags::default(), timer: false, renew })
    }

    /// Its command line and its sandbox.
    pub(super) fn service(self, environment: &Environment) -> Result<Service, CliError> {
        let Repeated { words, flags } = self.renew;
        if self.timer && flags.policy.policy_out.is_some() {
            let why = "--policy-out needs the daemon: leave --timer out";
            return Err(CliError::Usage(why.to_owned()));
        }
        let mut service = Service::new(Kind::Renew, self.unit, words)?;
        service.timer = self.timer;
        service.settings = settings(&flags);
        service.variables = Variables::of(environment)?;
        service.checked()
    }
}

/// The sandbox. The identity can name files of any other place, such as a CA file, so those stay visible. A command of the
/// operator may do anything, and its background processes live on: it gets the restrictions of every service alone.
fn settings(RenewFlags { host, hooks, policy }: &RenewFlags) -> String {
    if hooks.on_renew.is_some() || policy.policy_hook.is_some() {
        return "KillMode=process\n".to_owned();
    }
    // systemd reloads a unit only for a caller with all capabilities of root.
    let capabilities = match (hooks.reload.reload_unit.is_empty(), hooks.reload.signal) {
        (false, _) => String::new(),
        (true, None) => format!("CapabilityBoundingSet={FILES}\n"),
        (true, Some(_)) => format!("CapabilityBoundingSet={FILES} CAP_KILL\n"),
    };
    // The directory may be missing until the host enrolls.
    let policies = policy.policy_out.as_deref().and_then(Path::parent);
    let writes = [Some(host.cert_dir.as_path()), policies]
        .into_iter()
        .flatten()
        .map(|directory| format!("ReadWritePaths=-{}\n", setting_word(&directory.display().to_string())));
    let writes = writes.collect::<String>();
    format!("ProtectHome=read-only\n{writes}{capabilities}SystemCallFilter=@system-service\n{STRICT}")
}
