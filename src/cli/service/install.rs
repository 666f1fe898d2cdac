//! Installing a service.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::unit::{Service, unit_names};
use super::{binary, files, serve, systemd};
use crate::cli::error::CliError;
use crate::cli::output::Format;

/// Flags of `service install`.
#[derive(Args, Default)]
pub(crate) struct InstallFlags {
    /// Write the units to this directory and start nothing, for an image of a machine
    #[arg(long, value_name = "DIR")]
    unit_dir: Option<PathBuf>,
    /// Replace units of the same name that differ
    #[arg(long)]
    force: bool,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) output: Format,
}

/// A service that can be installed: every check has passed, and nothing is written.
pub(crate) struct Installation {
    service: Service,
    unit_dir: Option<PathBuf>,
    /// Units of the service that exist and differ, or that it no longer has.
    stale: Vec<String>,
}

/// An installed service.
#[derive(Serialize)]
pub(crate) struct Installed {
    files: Vec<PathBuf>,
    /// The unit that is enabled.
    unit: String,
    started: bool,
    /// The command that removes it again.
    undo: String,
}

impl Installation {
    /// Checks this machine.
    pub(super) fn check(service: Service, how: InstallFlags) -> Result<Self, CliError> {
        if how.unit_dir.is_none() {
            systemd::check("install", service.kind)?;
            binary::check(&service.binary, service.user == "root")?;
        }
        let directory = systemd::units(how.unit_dir.as_deref());
        let (units, mut stale) = (service.units(), Vec::new());
        for name in unit_names(&service.unit) {
            let wanted = units.iter().find(|unit| unit.name == name).map(|unit| &unit.text);
            match files::text(directory, &name)? {
                Some(found) if Some(&found) != wanted => stale.push(name),
                _ => {}
            }
        }
        match stale.first() {
            Some(name) if !how.force => Err(CliError::Unsound(format!(
                "{} exists and differs: replace it with `gatepass service install {} --force` and all flags, or choose another name \
                 with --unit",
                directory.join(name).display(),
                service.kind
            ))),
            _ => Ok(Self { service, unit_dir: how.unit_dir, stale }),
        }
    }

    /// Writes the units, and starts the service unless they are for an image.
    pub(crate) fn install(self) -> Result<Installed, CliError> {
        let (directory, started) = (systemd::units(self.unit_dir.as_deref()), self.unit_dir.is_none());
        if started {
            self.prepare()?;
        }
        for name in &self.stale {
            if started {
                systemd::disable(name)?;
            }
            files::remove(directory, name)?;
        }
        let units = self.service.units();
        units.iter().try_for_each(|unit| files::write(directory, unit))?;
        let files = units.iter().map(|unit| directory.join(&unit.name)).collect();
        let unit = units.into_iter().next_back().map(|unit| unit.name).unwrap_or_default();
        if started {
            start(&unit)?;
        }
        Ok(Installed { files, unit, started, undo: self.undo() })
    }

    /// Creates the user and the directories.
    fn prepare(&self) -> Result<(), CliError> {
        let Service { user, directories, .. } = &self.service;
        systemd::need_user(user, Path::new(serve::DATA_DIR))?;
        let mut others = directories.iter().filter(|path| serve::state(path).is_none());
        others.try_for_each(|path| systemd::need_directory(path, user))
    }

    fn undo(&self) -> String {
        let Service { kind, unit, .. } = &self.service;
        let unit = if unit == kind.unit() { String::new() } else { format!(" --unit {unit}") };
        let place = self.unit_dir.as_deref();
        let place = place.map_or(String::new(), |place| format!(" --unit-dir {}", place.display()));
        format!("gatepass service uninstall {kind}{unit}{place}")
    }
}

impl Installed {
    /// The lines for people.
    pub(crate) fn lines(&self) -> [String; 3] {
        let Self { files, unit, started, undo } = self;
        let files = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" and ");
        let next = match started {
            true => format!("enabled and started {unit}; its state: systemctl status {unit}"),
            false => format!("next, for an image: systemctl --root=ROOT enable {unit}"),
        };
        [format!("wrote {files}"), next, format!("undo: {undo}")]
    }
}

fn start(unit: &str) -> Result<(), CliError> {
    systemd::systemctl(&["daemon-reload"])?;
    systemd::systemctl(&["enable", "--now", unit]).map_err(|error| {
        CliError::Unsound(format!("{error}: see `systemctl status {unit}` and `journalctl --unit {unit}`"))
    })
}
