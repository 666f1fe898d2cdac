//! The directory of a host's identity: its files are replaced together, by one `rename`.
//!
//! A change is prepared in `.pending`, the key first, so that a repeated request is the same request. Once every file is
//! on the disk, `.pending` is renamed to `.identity-<n>`, a new generation, and the link `current` to that one. `host.key` and
//! the others are links into `current`. After a crash, the next open completes the change.

mod attempt;
mod examine;
mod file_access;
mod files;
mod holds;
mod layout;
mod owned;
mod readers;
mod stored;

use std::fs::{self, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;

pub(in crate::client) use self::attempt::is_enrolling;
pub use self::attempt::{KeyAttempt, Purpose};
use self::attempt::{resume, set_purpose, waiting_key};
pub use self::examine::{Fault, examine};
use self::file_access::FileAccess;
use self::files::{options, remove, remove_all, sync, write};
pub use self::holds::Hold;
pub use self::readers::KeyReaders;
use self::readers::let_in;
pub use self::stored::{Parts, Stored, whole};
use super::error::ClientError;
use super::host::HostFile;
use super::key::{HostKey, certificates};
use super::servers::Servers;
use crate::connect::Identity;
use crate::file_lock::FileLock;
use crate::id::Thumbprint;

const KEY: &str = "host.key";
const LEAF: &str = "host.pem";
const CHAIN: &str = "chain.pem";
const FULL_CHAIN: &str = "fullchain.pem";
const ROOT: &str = "root.pem";
const HOST: &str = "host.json";
const REQUEST: &str = "request.json";
const LOCK: &str = ".lock";
/// An attempt to enroll, and to renew in earlier versions.
const PENDING: &str = ".pending";
/// An attempt to renew. It must not drop the key of an enrollment whose answer was lost.
const RENEWING: &str = ".renewing";
/// A complete identity that an earlier version was moving into the directory.
const READY: &str = ".ready";
/// A changed host file until it takes the place of the other.
const BESIDE: &str = ".host.json";

/// The files of an identity.
pub const FILES: [&str; 6] = [KEY, LEAF, CHAIN, FULL_CHAIN, ROOT, HOST];

/// A certificate directory that this process alone may change.
#[derive(Debug)]
pub struct CertDir {
    path: PathBuf,
    /// Held until dropped.
    _lock: FileLock,
}

impl CertDir {
    /// Opens the directory for a change, creates it if needed, and completes an interrupted change.
    ///
    /// # Errors
    /// If the directory cannot be created or written, a file in it cannot be replaced, or another process changes it.
    pub fn open(path: &Path) -> Result<Self, ClientError> {
        make(path).map_err(failed(path, "the directory cannot be made"))?;
        owned::check_owned(path)?;
        holds::check_holds(path)?;
        let lock = path.join(LOCK);
        let file = options(0o600).open(&lock).map_err(failed(&lock, "the directory cannot be written"))?;
        let lock = FileLock::try_new(file).map_err(|error| match error {
            TryLockError::WouldBlock => ClientError::Busy { dir: path.to_owned() },
            TryLockError::Error(source) => failed(&lock, "the directory cannot be locked")(source),
        })?;
        layout::settle(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The attempt for `purpose`: the interrupted one, or a new one with `key` or a new key. An attempt to enroll with another
    /// token, or to renew another host, is dropped.
    ///
    /// # Errors
    /// If the files cannot be written, or other users may read the existing key.
    pub fn begin(&self, purpose: &Purpose, key: Option<HostKey>) -> Result<KeyAttempt<'_>, ClientError> {
        for place in [PENDING, purpose.place()] {
            if let Some(key) = resume(&self.path.join(place), purpose)? {
                return Ok(KeyAttempt { dir: self, place, key });
            }
        }
        let place = purpose.place();
        let pending = self.path.join(place);
        let key = key.map_or_else(HostKey::generate, Ok)?;
        // A token may be minted for the key that waits: a crash must not lose it.
        if !matches!(waiting_key(&pending), Ok(Some(waiting)) if waiting.hash() == key.hash()) {
            self.place_key(&pending, &key)?;
        }
        set_purpose(&pending, purpose)?;
        Ok(KeyAttempt { dir: self, place, key })
    }

    /// Begins an attempt's directory with its key, in place of a former attempt.
    fn place_key(&self, pending: &Path, key: &HostKey) -> Result<(), ClientError> {
        remove_all(pending)?;
        let made = fs::DirBuilder::new().mode(0o700).create(pending);
        made.map_err(failed(pending, "the directory cannot be made"))?;
        write(&pending.join(KEY), key.to_pem().expose().as_bytes(), 0o600)?;
        sync(&self.path)
    }

    /// The key that waits for a token. For a token that is bound to a key it can also be that of another attempt: a wrong token
    /// must not lose it.
    ///
    /// # Errors
    /// If other users may read it.
    pub(in crate::client) fn prepared(
        &self,
        bound: Option<Thumbprint>,
    ) -> Result<Option<HostKey>, ClientError> {
        let pending = self.path.join(PENDING);
        let Some(bound) = bound else { return resume(&pending, &Purpose::Prepare) };
        let is_bound = |key: &HostKey| key.thumbprint().is_ok_and(|thumbprint| thumbprint == bound);
        Ok(waiting_key(&pending)?.filter(is_bound))
    }

    /// The thumbprint of the key that the next enrollment uses. A begun one keeps its key, because its answer may be lost.
    ///
    /// # Errors
    /// If the files cannot be written, or other users may read the existing key.
    pub(in crate::client) fn prepare_key(&self) -> Result<Thumbprint, ClientError> {
        match waiting_key(&self.path.join(PENDING))? {
            Some(key) => key.thumbprint(),
            None => self.begin(&Purpose::Prepare, None)?.key().thumbprint(),
        }
    }

    /// Gives the key in use to the readers that the flags name.
    ///
    /// # Errors
    /// If this process may not, or the group cannot reach the key.
    pub fn share(&self, readers: &KeyReaders) -> Result<(), ClientError> {
        match readers.is_empty() {
            true => Ok(()),
            false => self.give(&layout::used(&self.path)?.join(KEY), readers),
        }
    }

    /// Gives `key` to the users who may read the key in use, or those that the flags name.
    fn give(&self, key: &Path, readers: &KeyReaders) -> Result<(), ClientError> {
        let access = |path: &Path| FileAccess::of(path).map_err(failed(path, "its mode cannot be read"));
        let used = access(&layout::used(&self.path)?.join(KEY))?.filter(FileAccess::is_private);
        if let Some(access) = used.map_or_else(|| access(key), |used| Ok(Some(used)))? {
            let given = access.with(readers).give(key);
            given.map_err(failed(key, "its owner, group and mode cannot be set"))?;
        }
        readers.group.map_or(Ok(()), |group| let_in(&self.path, group))
    }

    /// Replaces the authority's addresses in the host file.
    ///
    /// # Errors
    /// If there is no identity, or the file cannot be written.
    pub fn store_servers(&self, servers: &Servers) -> Result<(), ClientError> {
        let host = HostFile { servers: servers.clone(), ..load_enrolled(&self.path)? };
        let place = layout::used(&self.path)?;
        let (beside, path) = (place.join(BESIDE), place.join(HOST));
        write(&beside, &text(&host)?, 0o644)?;
        fs::rename(&beside, &path).map_err(failed(&path, "the file cannot be put in place"))?;
        sync(&place)
    }

    /// Removes the identity and any attempt.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn clear(self) -> Result<(), ClientError> {
        layout::clear(&self.path)?;
        remove(&self.path.join(LOCK))?;
        sync(&self.path)
    }
}

/// Makes the directory of an identity, for its owner alone. Those above it have the usual mode.
fn make(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Completes an interrupted change in the directory, if there is one and this process may.
///
/// # Errors
/// As [`CertDir::open`].
pub fn repair(dir: &Path) -> Result<(), ClientError> {
    match layout::is_settled(dir)? {
        true => Ok(()),
        false => CertDir::open(dir).map(drop),
    }
}

/// The text of `host.json`.
fn text(host: &HostFile) -> Result<Vec<u8>, ClientError> {
    let json = serde_json::to_string_pretty(host);
    let json = json.map_err(|error| ClientError::Answer { what: error.to_string() })?;
    Ok(format!("{json}\n").into_bytes())
}

/// The host file of a directory, or `None` before enrollment. Needs no lock.
///
/// # Errors
/// If the file cannot be read, or is not what gatepass wrote.
pub fn load(dir: &Path) -> Result<Option<HostFile>, ClientError> {
    whole(dir, Stored::host)
}

/// The host file of a directory with an identity.
///
/// # Errors
/// If there is no identity, or the file is damaged.
pub fn load_enrolled(dir: &Path) -> Result<HostFile, ClientError> {
    whole(dir, Stored::enrolled)
}

/// The client certificate of this directory.
///
/// # Errors
/// If the directory has no identity, a file is damaged, or other users may read the key.
pub fn load_identity(dir: &Path) -> Result<Identity, ClientError> {
    whole(dir, Stored::parts)?.identity()
}

/// The certificates of the authority in this directory: its root, and the chain with every former root in use.
///
/// # Errors
/// If the directory has no identity, or a file cannot be read.
pub fn load_certificates(dir: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    whole(dir, |stored| {
        stored.enrolled()?;
        let (root, chain) = (stored.part(ROOT)?, stored.part(CHAIN)?);
        Ok([certificates(root.expose()), certificates(chain.expose())].concat())
    })
}

/// The key of this directory, if there is one.
///
/// # Errors
/// If it cannot be read, or others may read it.
pub fn load_key(dir: &Path) -> Result<Option<HostKey>, ClientError> {
    whole(dir, Stored::key)
}

/// The error of a step with the file or directory `path`.
pub(super) fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> ClientError {
    let path = path.to_owned();
    move |source| ClientError::File { path, doing, source }
}

#[cfg(test)]
pub(crate) mod tests;
