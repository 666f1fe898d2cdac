//! Operations on a data directory that no server runs on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::local::keys_elsewhere;
use super::preflight::{exposed, foreign_data, foreign_keys};
use super::{StartError, identity};
use crate::access::password;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::{DATABASE, DEFAULT_DATA_DIR};
use crate::ledger::{Action, Subjects};
use crate::ownership::check_found;
use crate::secret::Secret;
use crate::service::Caller;
use crate::service::ca::files::Manifest;
use crate::service::overview::DataDirectory;
use crate::service::vault::Vault;
use crate::store::sqlite::{Fuse, LedgerFile, OpenError, SqliteStore};
use crate::store::{AccountReads as _, HostReads as _, SetPassword, SetTrustDomain, Store, Verbs as _};

/// Sets a user's password. Returns whether the user is disabled.
///
/// # Errors
/// A server runs on the data directory, the user is unknown, or the password may not be set.
pub async fn reset_password(
    data_dir: &Path,
    user: &str,
    secret: &Secret<String>,
) -> Result<bool, StartError> {
    let hash = password::hash(secret, user).map_err(StartError::of)?;
    let database = existing(data_dir)?;
    let at = SystemClock.read().wall;
    let store = open(&database, at).map_err(StartError::of)?;
    let Some(known) = store.user(user.to_owned()).await.map_err(StartError::of)? else {
        return Err(StartError::of(format!("there is no user {user:?}: the first one is called admin")));
    };
    let subjects = Subjects::user(user);
    let entry = Caller::SYSTEM.did(Action::PasswordSet, at).about(subjects).with("offline", true);
    let command = SetPassword { user: user.to_owned(), hash, entry };
    let store: &dyn Store = store.as_ref();
    store.set_password(command).await.map_err(StartError::of)?;
    Ok(known.disabled_at.is_some())
}

/// The trust domain of an authority that is not running.
pub struct TrustDomain {
    store: Arc<SqliteStore>,
    /// The trust domain of its certificates; `None` before its first start.
    pub current: Option<String>,
    /// Number of live hosts, whose certificates have it.
    pub live_hosts: u64,
}

impl TrustDomain {
    /// Opens the database of a data directory.
    ///
    /// # Errors
    /// A server runs on the data directory, or its database cannot be read.
    pub async fn open(data_dir: &Path) -> Result<Self, StartError> {
        let now = SystemClock.read().wall;
        let store = open(&existing(data_dir)?, now).map_err(StartError::of)?;
        let current = identity::known_trust_domain(store.as_ref()).await?;
        let urls = store.reached_urls(now).await.map_err(StartError::of)?;
        Ok(Self { store, current, live_hosts: urls.iter().map(|(_, hosts)| hosts).sum() })
    }

    /// Changes it. Hosts get it with their next certificate.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn set(self, name: &str) -> Result<(), StartError> {
        let entry = Caller::SYSTEM.did(Action::TrustDomainChanged, SystemClock.read().wall);
        let entry = entry.with("offline", true).with("live_hosts", self.live_hosts);
        let command = SetTrustDomain { name: name.to_owned(), entry };
        self.store.set_trust_domain(command).await.map_err(StartError::of)
    }
}

/// Opens the ledger of a data directory for reading. A server may run on it.
///
/// # Errors
/// There is no database, or it cannot be read.
pub fn open_ledger(data_dir: &Path) -> Result<LedgerFile, StartError> {
    SqliteStore::open_read_only(&existing(data_dir)?).map_err(StartError::of)
}

/// Reads the whole database of a data directory. Returns its file and its faults. A server may run on it.
///
/// # Errors
/// There is no database, or it cannot be opened.
pub fn check_integrity(data_dir: &Path) -> Result<(PathBuf, Vec<String>), StartError> {
    let database = existing(data_dir)?;
    let faults = SqliteStore::check_integrity(&database).map_err(StartError::of)?;
    Ok((database, faults))
}

/// The facts of a server's directories that show without the server.
pub struct Inspection {
    /// Reasons why files may be the work of somebody else, or may be read by others. Nothing was opened then.
    pub foreign: Vec<String>,
    /// The keys directory.
    pub keys_dir: PathBuf,
    /// True if the private key of the current root is there.
    pub has_root_key: bool,
    /// Secrets of the first start, and the room on the disk.
    pub directory: DataDirectory,
}

/// Looks at a data directory and its keys directory. A server may run on them.
///
/// # Errors
/// There is no database, or this user may not look.
pub fn inspect(data_dir: &Path) -> Result<Inspection, StartError> {
    existing_file(data_dir)?;
    let mut foreign = match found_by_chance(data_dir) {
        Err(problem) => vec![problem],
        Ok(()) => foreign_data(data_dir),
    };
    let keys_dir = match foreign.is_empty() {
        true => keys_of(data_dir),
        // The file that names it may be the work of somebody else.
        false => data_dir.join("keys"),
    };
    foreign.extend(foreign_keys(&keys_dir));
    if foreign.is_empty() {
        foreign.extend(exposed(&keys_dir));
    }
    let has_root_key = foreign.is_empty() && Manifest::has_root_key(&Vault::at(&keys_dir));
    Ok(Inspection { foreign, has_root_key, keys_dir, directory: DataDirectory::at(data_dir) })
}

/// The private key of the current root, in the keys directory of this machine.
pub struct RootKey {
    /// The key, PEM.
    pub key: Secret<String>,
    /// Its file.
    pub path: PathBuf,
    /// The root's expiry.
    pub expires_at: Timestamp,
    /// The expiry of the current issuing CA.
    pub issuing_expires_at: Timestamp,
    vault: Vault,
    name: String,
}

impl RootKey {
    /// Reads the key. A server may run on the directory.
    ///
    /// # Errors
    /// The directory holds no CA, the key is not there, or others may read it.
    pub fn open(keys_dir: &Path) -> Result<Self, StartError> {
        let no_ca = || {
            StartError::of(format!(
                "{} holds no CA of a server: give its keys directory, such as gatepass-data/keys; the root's key of an imported \
                 CA is where the CA was made",
                keys_dir.display()
            ))
        };
        // Opening would create it.
        if !keys_dir.is_dir() {
            return Err(no_ca());
        }
        let problems = foreign_keys(keys_dir);
        if !problems.is_empty() {
            return Err(StartError::all(problems));
        }
        let vault = Vault::open(keys_dir).map_err(StartError::of)?;
        if !Manifest::is_in(&vault) {
            return Err(no_ca());
        }
        let manifest = Manifest::load(&vault).map_err(StartError::of)?;
        let name = manifest.current_root_key().ok_or_else(no_ca)?;
        if !vault.holds(&name) {
            return Err(StartError::of(format!(
                "the root's private key {name} is not in {}: it was moved away before; nothing was done",
                keys_dir.display()
            )));
        }
        let cas = manifest.open(&vault, SystemClock.read().wall).map_err(StartError::of)?;
        let (expires_at, issuing_expires_at) =
            (cas.current().root_not_after(), cas.current().issuing_not_after());
        let key = vault.load(&name).map_err(StartError::of)?;
        Ok(Self { key, path: vault.path(&name), expires_at, issuing_expires_at, vault, name })
    }

    /// Checks that the key may leave the server.
    ///
    /// # Errors
    /// The root has no CRL yet, which only this key can sign.
    pub fn may_go(&self) -> Result<(), StartError> {
        match Manifest::load(&self.vault).map_err(StartError::of)?.has_root_crl(&self.vault) {
            true => Ok(()),
            false => Err(StartError::of(
                "the root has no CRL yet, which only its private key can sign: start the server once, which signs it, then try \
                 again; nothing was done",
            )),
        }
    }

    /// Destroys the key in the directory: overwrites the file, then removes it.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn destroy(&self) -> Result<(), StartError> {
        self.vault.destroy(&self.name).map_err(StartError::of)
    }
}

/// The keys directory of the server with this data directory.
pub(super) fn keys_of(data_dir: &Path) -> PathBuf {
    keys_elsewhere(data_dir).unwrap_or_else(|| data_dir.join("keys"))
}

/// Opens the database of a stopped server, whose configuration is not known here: it may accept FUSE.
pub(super) fn open(database: &Path, now: Timestamp) -> Result<Arc<SqliteStore>, OpenError> {
    SqliteStore::open_on(database, now, Fuse::Allowed)
}

pub(super) fn existing(data_dir: &Path) -> Result<PathBuf, StartError> {
    found_by_chance(data_dir).map_err(StartError::of)?;
    let problems = foreign_data(data_dir);
    if !problems.is_empty() {
        return Err(StartError::all(problems));
    }
    existing_file(data_dir)
}

/// Checks a data directory that no flag names.
fn found_by_chance(data_dir: &Path) -> Result<(), String> {
    if data_dir != Path::new(DEFAULT_DATA_DIR) {
        return Ok(());
    }
    check_found(&data_dir.join(DATABASE))
        .map_err(|error| format!("{error}; or give --data-dir with its whole path to use it all the same"))
}

/// The database, which must be there.
fn existing_file(data_dir: &Path) -> Result<PathBuf, StartError> {
    let database = data_dir.join(DATABASE);
    match database.try_exists() {
        Ok(true) => Ok(database),
        Ok(false) => {
            Err(StartError::of(format!("{} is not there: name the server's --data-dir", database.display())))
        }
        // A directory of another user is not an empty one.
        Err(error) => Err(StartError::of(format!(
            "{}: {error}: run the command as the server's user",
            database.display()
        ))),
    }
}
