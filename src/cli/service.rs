//! `gatepass service`: the server and a host's renewals as services of the system.

pub(crate) mod advice;
mod binary;
mod files;
mod init;
pub(crate) mod install;
mod renew;
mod repeated;
mod serve;
mod systemd;
mod uninstall;
mod unit;
mod variables;
mod words;

use clap::{Args, Subcommand};
use serde_json::json;

use self::init::Init;
use self::install::{InstallFlags, Installation};
use self::renew::RenewService;
pub(super) use self::serve::DATA_DIR as SERVICE_DATA_DIR;
use self::serve::ServeService;
use self::uninstall::Uninstall;
use self::unit::{Service, ServiceFile};
use super::error::CliError;
use super::output::{self, text};
use crate::config::Environment;

/// Run the server or the renewals as a service of the system
///
/// The units for systemd have absolute paths, a user, readiness, a watchdog and a sandbox. The flags after `serve` and `renew`
/// are those of these commands.
#[derive(Subcommand)]
#[command(after_long_help = "Examples:
  gatepass service install serve --listen 0.0.0.0:8443 --external-url https://gate.example.org:8443
  gatepass service install renew --reload-unit proxy
  gatepass service print renew --for openrc > /etc/init.d/gatepass-renew
  gatepass service uninstall renew

Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration")]
pub(crate) enum ServiceCommand {
    /// Write the units of a service, enable it and start it
    #[command(subcommand)]
    Install(Which<InstallFlags>),
    Uninstall(Uninstall),
    /// Print the units of a service, or its files for another init system
    #[command(subcommand)]
    Print(Which<PrintFlags>),
}

/// A service, and the flags of an act on it.
#[derive(Subcommand)]
pub(crate) enum Which<F: Args> {
    #[command(after_long_help = "Examples:
  gatepass service install serve --listen 0.0.0.0:8443 --external-url https://gate.example.org:8443
  gatepass service print serve --listen 0.0.0.0:8443")]
    /// The server, as `gatepass serve`; its flags are in `gatepass serve --help`
    Serve {
        #[command(flatten)]
        how: F,
        #[command(flatten)]
        service: Box<ServeService>,
    },
    #[command(after_long_help = "Examples:
  gatepass service install renew --reload-unit proxy
  gatepass service print renew --for openrc > /etc/init.d/gatepass-renew")]
    /// The renewals of this host's certificate, as `gatepass renew --daemon`
    ///
    /// With --on-renew the service keeps the file system and the capabilities of root, because the command may need them.
    /// Otherwise it can write to the certificate directory alone. Capabilities for changing files stay, with --signal also the
    /// one for signals, and with --reload-unit all.
    Renew {
        #[command(flatten)]
        how: F,
        #[command(flatten)]
        service: Box<RenewService>,
    },
}

/// Flags of `service print`.
#[derive(Args)]
pub(crate) struct PrintFlags {
    /// Init system
    #[arg(long = "for", value_enum, default_value_t, value_name = "SYSTEM")]
    init: Init,
}

impl<F: Args> Which<F> {
    fn service(self, environment: &Environment) -> Result<(Service, F), CliError> {
        Ok(match self {
            Self::Serve { how, service } => (service.service()?, how),
            Self::Renew { how, service } => (service.service(environment)?, how),
        })
    }
}

impl ServiceCommand {
    /// Runs the command.
    pub(crate) fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::Install(which) => {
                let (service, how) = which.service(environment)?;
                let format = how.output;
                let installed = Installation::check(service, how)?.install()?;
                output::done(format, &json!(installed), installed.lines().join("\n"))
            }
            Self::Uninstall(uninstall) => uninstall.run(),
            Self::Print(which) => {
                let (service, PrintFlags { init }) = which.service(environment)?;
                print(&init.files(service)?)
            }
        }
    }
}

/// Prints one file as it is, and several with their names.
fn print(files: &[ServiceFile]) -> Result<(), CliError> {
    match files {
        [file] => text(&file.text),
        files => files.iter().try_for_each(|file| text(&format!("# {}\n{}\n", file.name, file.text))),
    }
}
