//! The end of an enrollment: the renewals are installed, or the command for them is named.

use std::path::{self, Path};

use clap::Args;
use rustix::process::geteuid;

use super::files;
use super::init::Init;
use super::install::{InstallFlags, Installation};
use super::renew::RenewService;
use super::repeated::Repeated;
use super::systemd;
use super::unit::Kind;
use super::words::exec_word;
use crate::cli::error::CliError;
use crate::client::enroll::CERT_DIR;
use crate::client::hook::Hooks;
use crate::client::host::HostFile;
use crate::client::renewal::{RenewalStatus, Renewer};
use crate::clock::Timestamp;
use crate::config::Environment;
use crate::ownership::user_name;
use crate::shell_word::shell_word;

/// The refusal of a directory that no unit and no script can name.
const NOT_UTF8: &str = "a service takes only UTF-8: choose another --cert-dir";

/// Flags of `enroll` for the service that renews.
#[derive(Args)]
pub(crate) struct ServiceFlags {
    /// Install and start the service that renews the certificate (systemd, as root)
    #[arg(long)]
    install_service: bool,
    #[command(flatten)]
    hooks: Repeated<Hooks>,
}

impl ServiceFlags {
    /// The installation for this identity, checked before the token is used; `None` if it was not asked for.
    pub(crate) fn check(
        self,
        cert_dir: &Path,
        environment: &Environment,
    ) -> Result<Option<Installation>, CliError> {
        match (self.install_service, self.hooks.words.first()) {
            (false, Some(flag)) => {
                Err(CliError::Usage(format!("{flag} needs --install-service: nothing was done")))
            }
            (false, None) => Ok(None),
            (true, _) => {
                let words = [self.hooks.words, flags(cert_dir)?].concat();
                let service = RenewService::of(words)?.service(environment)?;
                Installation::check(service, InstallFlags::default()).map(Some)
            }
        }
    }
}

/// The line about the renewals of this identity: the process that renews it, or the command that sets one up.
pub(crate) fn renewals(cert_dir: &Path, host: &HostFile, now: Timestamp) -> Result<String, CliError> {
    let unit = Kind::Renew.unit();
    match RenewalStatus::read(cert_dir, &host.life, now).by {
        Renewer::Daemon { .. } => return Ok("renewed by the daemon that runs".to_owned()),
        Renewer::Timer { .. } => return Ok("renewed by the timer of `gatepass renew --if-due`".to_owned()),
        Renewer::Nobody => {}
    }
    if cert_dir.to_str().is_none() {
        return Ok(format!("nothing renews this certificate yet: {NOT_UTF8}"));
    }
    let init = Init::of_machine();
    let installed = if init == Init::Systemd { installed(cert_dir)? } else { None };
    Ok(match installed {
        Some(unit) if systemd::is_active(&unit) => format!("renewed by {unit}"),
        // The unit of a revoked host has ended, and this is the host's way back.
        Some(unit) if systemd::start_again(&unit) => format!("renewed by {unit}, which was started again"),
        Some(unit) => format!("nothing renews this certificate yet: systemctl enable --now {unit}"),
        None => format!("nothing renews this certificate yet: {}", command(init, unit, &flags(cert_dir)?)),
    })
}

/// The command that sets the renewals up.
fn command(init: Init, unit: &str, flags: &[String]) -> String {
    let flags = flags.iter().map(|word| format!(" {}", shell_word(word))).collect::<String>();
    let own = geteuid();
    let (user, sudo) = match own.is_root() {
        true => (String::new(), ""),
        false => (format!(" --user {}", user_name(own.as_raw())), "sudo "),
    };
    let print = format!("gatepass service print renew --for {init}{user}{flags} | {sudo}tee");
    match init {
        Init::Systemd => format!("{sudo}gatepass service install renew{user}{flags}"),
        Init::Openrc => format!("{print} /etc/init.d/{unit}; see docs/hosts.md"),
        Init::Runit => format!("{print} /etc/sv/{unit}/run; see docs/hosts.md"),
        Init::Cron => format!("{print} /etc/cron.d/{unit}"),
    }
}

/// The flag that names the directory, unless it is the usual one.
fn flags(cert_dir: &Path) -> Result<Vec<String>, CliError> {
    let whole =
        path::absolute(cert_dir).map_err(|source| CliError::File { path: cert_dir.to_owned(), source })?;
    match whole == Path::new(CERT_DIR) {
        true => Ok(Vec::new()),
        false => {
            let whole = whole.into_os_string().into_string();
            let whole = whole.map_err(|_| CliError::Usage(NOT_UTF8.to_owned()))?;
            Ok(vec!["--cert-dir".to_owned(), whole])
        }
    }
}

/// The usual unit, if it renews this directory.
fn installed(cert_dir: &Path) -> Result<Option<String>, CliError> {
    let (directory, own) = (systemd::units(None), flags(cert_dir)?);
    let service = format!("{}.service", Kind::Renew.unit());
    let Some(text) = files::text(directory, &service)? else { return Ok(None) };
    // A whole word: the name of another directory can begin with this one's.
    let names = |dir: &str| {
        let flag = format!(" --cert-dir {} ", exec_word(dir));
        text.lines().any(|line| format!("{line} ").contains(&flag))
    };
    let renews = match own.last() {
        Some(own) => names(own),
        None => !text.contains(" --cert-dir ") || names(CERT_DIR),
    };
    let timer = format!("{}.timer", Kind::Renew.unit());
    let timed = files::text(directory, &timer)?.is_some();
    Ok(renews.then_some(if timed { timer } else { service }))
}
