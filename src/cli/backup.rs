//! `gatepass backup`: a verified copy of database and keys, while the server runs or is stopped.

mod made;
mod secret;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use self::made::{Bars, Made};
use self::secret::SealFlags;
use super::destination::is_stdout;
use super::error::CliError;
use super::local::Local;
use super::output::Format;
use crate::backup::Sealing;
use crate::config::DEFAULT_DATA_DIR;
use crate::server::backup::{BackupJob, HELD, MadeBackup, ServerFiles};
use crate::server::local::LOCAL_FILE;

/// The route that holds rotations.
const HOLD: &str = "/api/v1/backup/hold";

/// The route that records a backup.
const MADE: &str = "/api/v1/backup/made";

/// Back up the authority on this machine, while the server runs or is stopped
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass backup /backup/gatepass.db
  gatepass backup /backup/gatepass.age --with-keys
  gatepass backup nightly.age --with-keys --recipient age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa

Without --with-keys the file is a database, and its keys directory must be kept too. With it, the file is an age file \
with database, keys, configuration and CRLs. Keep the passphrase or identity away from this machine.

Run it as the server's user. A running server holds rotations of keys and CA for a moment, and serves on. The copy is \
verified before it gets its name.")]
pub(crate) struct BackupCommand {
    /// New file of the backup, mode 0600
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    seal: SealFlags,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
    /// Data directory of the server; default: ./gatepass-data
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Keys directory of the server; default: the one that the server used last
    #[arg(long, value_name = "DIR")]
    keys_dir: Option<PathBuf>,
    /// Configuration file to include; default: the one of the running server, else gatepass.toml in the data directory
    #[arg(long, value_name = "FILE", requires = "with_keys")]
    config: Option<PathBuf>,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl BackupCommand {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<(), CliError> {
        self.check_target()?;
        let data_dir = self.data_dir.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR));
        let files = ServerFiles::find(&data_dir, self.keys_dir.as_deref()).map_err(CliError::Offline)?;
        let sealing = self.seal.read()?;
        match files.is_served() {
            true => self.beside_server(&files, sealing).await,
            false => self.of_stopped(&files, sealing).await,
        }
    }

    /// Refuses what cannot be written, before a passphrase is typed.
    fn check_target(&self) -> Result<(), CliError> {
        let file = self.file.display();
        if is_stdout(&self.file) || self.file.is_dir() {
            return Err(CliError::Usage(format!(
                "{file}: name a file for the backup, which is verified there"
            )));
        }
        // A file that was found may be missing, but not one that was named.
        if let Some(config) = self.config.as_ref().filter(|config| !config.is_file()) {
            return Err(CliError::Usage(format!("{} is no file: name another --config", config.display())));
        }
        match self.file.symlink_metadata() {
            Ok(found) if !self.force || !found.is_file() => Err(CliError::Usage(format!(
                "{file} exists already: name another file, or give --force to replace it; nothing was done"
            ))),
            _ => Ok(()),
        }
    }

    async fn beside_server(self, files: &ServerFiles, sealing: Option<Sealing>) -> Result<(), CliError> {
        let credential = files.keys_dir.join(LOCAL_FILE);
        let missing = || {
            CliError::Usage(format!(
                "a server has the database open, but {} is not there: name its keys directory with --keys-dir",
                credential.display()
            ))
        };
        if !credential.exists() {
            return Err(missing());
        }
        // The lock is held, so the credential belongs to a running server.
        let local = Local::load(Some(&files.keys_dir))?.ok_or_else(missing)?;
        let (job, hold) = self.hold(&local, files, sealing).await?;
        let made = self.write(job)?;
        // Copying can take longer than an idle connection lives.
        let recorded = local.connect()?.post(MADE, &made.request(&hold)).await;
        if let Err(error) = recorded {
            return Err(CliError::Unsound(format!(
                "{} is a good backup, but the server did not record it: {error}",
                self.file.display()
            )));
        }
        made.show(&self.file, self.output)
    }

    /// Chooses the moment of the backup while the server holds rotations.
    async fn hold(
        &self,
        local: &Local,
        files: &ServerFiles,
        sealing: Option<Sealing>,
    ) -> Result<(BackupJob, Value), CliError> {
        let api = local.connect()?;
        let began = Instant::now();
        let held = api.post(HOLD, &json!({})).await?;
        let config = self.config.clone().or_else(|| held["configuration"].as_str().map(PathBuf::from));
        let seal = sealing.map(|sealing| (sealing, config.as_deref()));
        let job = files.begin(seal).map_err(CliError::Offline)?;
        // The hold began later than the request.
        match began.elapsed() < HELD {
            true => Ok((job, held["hold"].clone())),
            false => Err(CliError::Unsound(format!(
                "the keys could not be read within {} seconds, and a rotation may have begun: try again",
                HELD.as_secs()
            ))),
        }
    }

    async fn of_stopped(self, files: &ServerFiles, sealing: Option<Sealing>) -> Result<(), CliError> {
        let stopped = files.open().map_err(CliError::Offline)?;
        let config = self.config.clone().or_else(|| files.config_file());
        let seal = sealing.map(|sealing| (sealing, config.as_deref()));
        let job = stopped.begin(files, seal).await.map_err(CliError::Offline)?;
        let made = self.write(job)?;
        stopped.record(&made.made).await.map_err(|error| CliError::Unsound(error.to_string()))?;
        made.show(&self.file, self.output)
    }

    fn write(&self, job: BackupJob) -> Result<Made, CliError> {
        let with_keys = job.sealed.is_some();
        let mut bars = Bars::default();
        let written = job.write(&self.file, self.force, &mut |stage, done, all| bars.show(stage, done, all));
        bars.clear();
        let written = written.map_err(|error| CliError::Unsound(error.to_string()))?;
        Ok(Made { made: MadeBackup::of(&written, with_keys) })
    }
}
