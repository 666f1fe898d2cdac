//! `gatepass doctor`: checks of a server or a host on this machine, each with its remedy.

mod check;
mod host;
mod server;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use self::check::{CheckState, DoctorCheck};
use super::error::CliError;
use super::output::{self, Format, line};
use super::progress;
use super::service::SERVICE_DATA_DIR;
use super::together::count;
use crate::client::directory::FILES;
use crate::client::enroll::CERT_DIR;
use crate::config::{DATABASE, DEFAULT_DATA_DIR, Environment};
use crate::server::offline;

/// Check a server or a host on this machine, and name the remedy of each problem
///
/// Without flags it checks what it finds here: a server's ./gatepass-data and /var/lib/gatepass, and the identity of this host
/// in /etc/gatepass. It reads files, asks the server, and changes nothing. Run it as the user of the server, or as root.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass doctor
  gatepass doctor --data-dir /var/lib/gatepass -o json
  gatepass doctor --cert-dir /etc/gatepass
  gatepass doctor --integrity --data-dir /var/lib/gatepass

While --integrity reads a large database, the write-ahead log of a running server grows.

Exit codes: 0 no check failed; 1 a check failed; 2 usage, nothing to check, or the database cannot be opened")]
pub(crate) struct Doctor {
    /// Check the server with this data directory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Check the identity in this directory
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    /// Only read the whole database, and check its structure, indexes, constraints and references
    #[arg(long, conflicts_with = "cert_dir")]
    integrity: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// The checks of one directory.
struct Patient {
    title: String,
    checks: Vec<DoctorCheck>,
}

impl Doctor {
    /// Runs the checks.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let patients =
            if self.integrity { vec![self.read_database()?] } else { self.look(environment).await? };
        let all = || patients.iter().flat_map(|patient| &patient.checks);
        let number = |standing| all().filter(|check| check.state == standing).count() as u64;
        let (failed, warnings) = (number(CheckState::Failed), number(CheckState::Warning));
        if self.output == Format::Json {
            let checks = all().collect::<Vec<_>>();
            output::json(&json!({ "ok": failed == 0, "checks": checks }))?;
        } else {
            patients.iter().try_for_each(|patient| output::text(&page(patient)))?;
            let (checks, warnings) = (count(all().count() as u64, "check"), count(warnings, "warning"));
            line(format!("{checks}: {failed} failed, {warnings}"))?;
        }
        if failed > 0 { Err(CliError::Code(1)) } else { Ok(()) }
    }

    async fn look(&self, environment: &Environment) -> Result<Vec<Patient>, CliError> {
        let (servers, hosts) = self.places();
        let mut patients = Vec::new();
        for data_dir in servers {
            let checks = server::checks(&data_dir).await?;
            patients.push(Patient { title: format!("server in {}", data_dir.display()), checks });
        }
        for cert_dir in hosts {
            let checks = host::checks(&cert_dir, environment).await;
            patients.push(Patient { title: format!("host in {}", cert_dir.display()), checks });
        }
        match patients.is_empty() {
            false => Ok(patients),
            true => Err(CliError::Usage(format!(
                "nothing to check: no server in {DEFAULT_DATA_DIR} or {SERVICE_DATA_DIR}, and no identity in {CERT_DIR}: give \
                 --data-dir DIR or --cert-dir DIR"
            ))),
        }
    }

    /// The data directories and the directories of identities to check.
    fn places(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let found = |places: &[&str], is_there: fn(&Path) -> bool| {
            places.iter().map(PathBuf::from).filter(|place| is_there(place)).collect::<Vec<_>>()
        };
        match (&self.data_dir, &self.cert_dir) {
            (None, None) => (
                found(&[DEFAULT_DATA_DIR, SERVICE_DATA_DIR], |place| place.join(DATABASE).exists()),
                found(&[CERT_DIR], |place| FILES.iter().any(|file| place.join(file).exists())),
            ),
            (server, host) => (server.iter().cloned().collect(), host.iter().cloned().collect()),
        }
    }

    /// Reads the whole database.
    fn read_database(&self) -> Result<Patient, CliError> {
        let data_dir = self.data_dir.as_deref().unwrap_or(Path::new(DEFAULT_DATA_DIR));
        let spinner = progress::spinner(String::from("reading the whole database"));
        let checked = offline::check_integrity(data_dir);
        spinner.finish_and_clear();
        let (database, faults) = checked.map_err(CliError::Offline)?;
        let remedy = "stop the server, keep a copy of the file, check the disk, and restore a backup";
        let checks = match faults.is_empty() {
            true => vec![DoctorCheck::ok("integrity", format!("{} is sound", database.display()))],
            false => faults.iter().map(|fault| DoctorCheck::failed("integrity", fault, remedy)).collect(),
        };
        Ok(Patient { title: format!("database {}", database.display()), checks })
    }
}

/// The lines of a directory's checks.
fn page(patient: &Patient) -> String {
    let lines = patient.checks.iter().map(ToString::to_string).collect::<String>();
    format!("{}\n{lines}\n", patient.title)
}
