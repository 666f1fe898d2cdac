//! Removing a service.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::unit::{Kind, unit_name, unit_names};
use super::{files, systemd};
use crate::cli::ask::confirm;
use crate::cli::error::CliError;
use crate::cli::output::{self, Format};

/// Stop a service, disable it and remove its units
///
/// Data, keys, the identity of the host and the user stay.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass service uninstall serve
  gatepass service uninstall renew")]
pub(crate) struct Uninstall {
    /// The service
    #[arg(value_enum, value_name = "SERVICE")]
    kind: Kind,
    /// Name of the unit; default: gatepass for serve, gatepass-renew for renew
    #[arg(long, value_name = "NAME", value_parser = unit_name)]
    unit: Option<String>,
    /// Remove the units from this directory and stop nothing, for an image of a machine
    #[arg(long, value_name = "DIR")]
    unit_dir: Option<PathBuf>,
    /// Remove units that gatepass did not write
    #[arg(long)]
    force: bool,
    /// Skip the confirmation
    #[arg(short, long)]
    yes: bool,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Uninstall {
    /// Removes the service. A service that is not installed is removed already.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let (directory, machine) = (systemd::units(self.unit_dir.as_deref()), self.unit_dir.is_none());
        if machine {
            systemd::check("uninstall", self.kind)?;
        }
        let found = self.found(directory)?;
        if machine && !found.is_empty() {
            confirm(&self.question(), self.yes)?;
        }
        for name in &found {
            if machine {
                systemd::disable(name)?;
            }
            files::remove(directory, name)?;
        }
        if machine && !found.is_empty() {
            systemd::systemctl(&["daemon-reload"])?;
        }
        let paths = found.iter().map(|name| directory.join(name).display().to_string()).collect::<Vec<_>>();
        let told = match paths.is_empty() {
            true => format!("{} is not installed", self.unit()),
            false => format!("removed {}; data, keys and identity stay", paths.join(" and ")),
        };
        output::done(self.output, &json!({ "removed": paths }), told)
    }

    /// The question before a service stops.
    fn question(&self) -> String {
        let consequence = match self.kind {
            Kind::Serve => "No host can enroll or renew until the server runs again.",
            Kind::Renew => "The certificate of this host expires unless something else renews it.",
        };
        format!("Stop {} and remove it? {consequence}", self.unit())
    }

    fn unit(&self) -> &str {
        self.unit.as_deref().unwrap_or(self.kind.unit())
    }

    /// The units that exist.
    fn found(&self, directory: &Path) -> Result<Vec<String>, CliError> {
        let mut found = Vec::new();
        for name in unit_names(self.unit()) {
            match files::text(directory, &name)? {
                None => {}
                Some(text) if files::is_ours(&text) || self.force => found.push(name),
                Some(_) => {
                    return Err(CliError::Unsound(format!(
                        "{} was not written by gatepass: give --force to remove it",
                        directory.join(name).display()
                    )));
                }
            }
        }
        Ok(found)
    }
}
