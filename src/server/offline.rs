//! Operations on a data directory that no server runs on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::preflight::DATABASE;
use super::{StartError, identity};
use crate::access::password;
use crate::clock::{Clock, SystemClock};
use crate::ledger::{Action, Subjects};
use crate::secret::Secret;
use crate::service::Caller;
use crate::service::ca::files::Manifest;
use crate::service::vault::Vault;
use crate::store::sqlite::{LedgerFile, SqliteStore};
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
    let store = SqliteStore::open(&database, at).map_err(StartError::of)?;
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
        let store = SqliteStore::open(&existing(data_dir)?, now).map_err(StartError::of)?;
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

/// Returns the root's private key, so that it can be stored elsewhere.
///
/// # Errors
/// It is not there, or others may read it.
pub fn root_key(keys_dir: &Path) -> Result<Secret<String>, StartError> {
    let (vault, name) = root_key_file(keys_dir)?;
    vault.load(&name).map_err(StartError::of)
}

/// Returns the path of the root's private key, whether the file exists or not.
///
/// # Errors
/// The directory holds no CA.
pub fn root_key_path(keys_dir: &Path) -> Result<PathBuf, StartError> {
    root_key_file(keys_dir).map(|(vault, name)| vault.path(&name))
}

/// Destroys the root's private key in this directory once it is stored elsewhere: overwrites it, then removes it.
///
/// # Errors
/// It cannot be removed, or the root has no CRL yet, which only this key can sign.
pub fn remove_root_key(keys_dir: &Path) -> Result<(), StartError> {
    let (vault, name) = root_key_file(keys_dir)?;
    if !Manifest::load(&vault).map_err(StartError::of)?.has_root_crl(&vault) {
        return Err(StartError::of(
            "the root has no CRL yet: start the server once, which signs it, then remove the key",
        ));
    }
    vault.destroy(&name).map_err(StartError::of)
}

fn root_key_file(keys_dir: &Path) -> Result<(Vault, String), StartError> {
    let vault = Vault::open(keys_dir).map_err(StartError::of)?;
    let manifest = Manifest::load(&vault).map_err(StartError::of)?;
    let name =
        manifest.current_root_key().ok_or_else(|| StartError::of("the keys directory names no root"))?;
    Ok((vault, name))
}

fn existing(data_dir: &Path) -> Result<PathBuf, StartError> {
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
