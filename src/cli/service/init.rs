//! Other init systems than systemd: OpenRC, runit and cron.

use std::path::{Path, PathBuf};

use super::systemd;
use super::unit::{Kind, Service, ServiceFile};
use super::words::line;
use crate::cli::error::CliError;
use crate::shell_word::shell_word;

/// The systems that start services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::Display, clap::ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Init {
    /// A unit of systemd
    #[default]
    Systemd,
    /// A script for /etc/init.d
    Openrc,
    /// The scripts run and finish of a service directory
    Runit,
    /// A line for /etc/cron.d: renewals alone
    Cron,
}

impl Init {
    /// The init system of this machine. Every other one has cron, or can start a daemon.
    pub(crate) fn of_machine() -> Self {
        let has = |path: &str| Path::new(path).is_dir();
        match () {
            () if systemd::is_running() => Self::Systemd,
            () if has("/run/openrc") => Self::Openrc,
            () if has("/etc/runit") => Self::Runit,
            () => Self::Cron,
        }
    }

    /// The files of a service, with their paths.
    pub(super) fn files(self, mut service: Service) -> Result<Vec<ServiceFile>, CliError> {
        if service.timer && self != Self::Systemd {
            return Err(CliError::Usage("--timer is for systemd: give --for cron alone".to_owned()));
        }
        if !service.variables.secret.is_empty() {
            return Err(CliError::Usage(
                "a variable for a proxy has a password, which this output would show: run the command without the variable, and set \
                 it in a file that only root can read"
                    .to_owned(),
            ));
        }
        service.timer |= self == Self::Cron;
        let unit = &service.unit;
        let file = |name: String, text: String| vec![ServiceFile { name, text, secret: false }];
        match (self, service.kind) {
            (Self::Systemd, _) => Ok(service.units()),
            (Self::Openrc, _) => Ok(file(format!("/etc/init.d/{unit}"), openrc(&service))),
            (Self::Runit, _) => Ok(runit(&service)),
            (Self::Cron, Kind::Renew) => Ok(file(format!("/etc/cron.d/{unit}"), cron(&service))),
            (Self::Cron, Kind::Serve) => {
                Err(CliError::Usage("cron starts no server: choose another system with --for".to_owned()))
            }
        }
    }
}

/// The supervisor of OpenRC does not know the exit status of a revoked host. So it gives up after an hour of failures.
const RESPAWN: &str = "respawn_delay=60\nrespawn_max=60\nrespawn_period=86400\n";

/// The script of OpenRC evaluates `command_args` again, so that line is quoted twice.
fn openrc(service: &Service) -> String {
    let words = service.command();
    let arguments = shell_word(&line(&words[1..], shell_word));
    let (head, description, user) = (service.head(), service.kind.description(), &service.user);
    let (binary, unit) = (shell_word(&words[0]), &service.unit);
    let make = |path: &PathBuf| {
        let path = shell_word(&path.display().to_string());
        format!("    checkpath --directory --mode 0700 --owner {user} {path}\n")
    };
    let made = match service.directories.iter().map(make).collect::<String>() {
        none if none.is_empty() => none,
        made => format!("\nstart_pre() {{\n{made}}}\n"),
    };
    format!(
        "#!/sbin/openrc-run\n{head}\ndescription=\"{description}\"\nsupervisor=supervise-daemon\n{RESPAWN}{}\
         command={binary}\ncommand_args={arguments}\ncommand_user={user}\n\
         output_log=/var/log/{unit}.log\nerror_log=/var/log/{unit}.log\nextra_started_commands=\"reload\"\n\n\
         depend() {{\n    need net\n    after ntp-client\n}}\n{made}\n\
         reload() {{\n    supervise-daemon \"$RC_SVCNAME\" --signal HUP\n}}\n",
        exports(service)
    )
}

/// Lines of a shell that set the variables.
fn exports(service: &Service) -> String {
    service.variables.public.iter().map(|variable| format!("export {}\n", shell_word(variable))).collect()
}

/// The script `finish` gets the exit status: 77 means that the host is revoked.
fn runit(service: &Service) -> Vec<ServiceFile> {
    let (head, user, unit) = (service.head(), &service.user, &service.unit);
    let command = line(&service.command(), shell_word);
    let exports = exports(service);
    let run = format!("#!/bin/sh\n{head}\n{exports}exec 2>&1\nexec chpst -u {user} {command}\n");
    let finish = format!("#!/bin/sh\n{head}\n[ \"$1\" = 77 ] && sv down .\nsleep 60\n");
    let file = |name: &str, text| ServiceFile { name: format!("/etc/sv/{unit}/{name}"), text, secret: false };
    vec![file("run", run), file("finish", finish)]
}

/// Each machine has a minute of its own, so that hosts do not renew together. cron ends a line at `%`.
fn cron(service: &Service) -> String {
    let minute = crate::id::random::<1>()[0] % 60;
    let (head, user) = (service.head(), &service.user);
    let command = line(&service.command(), shell_word).replace('%', "\\%");
    let variables =
        service.variables.public.iter().map(|variable| format!("{variable}\n")).collect::<String>();
    format!("{head}\n{variables}{minute} * * * * {user} {command}\n")
}
