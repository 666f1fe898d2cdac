//! The directory of a host's identity: five files, replaced together or not at all.
//!
//! A change is prepared in `.pending`, the key first, so that a repeated request is the same request. Once every file is
//! on the disk, `.pending` is renamed to `.ready`. From then on `.ready` *is* the identity: the next process that opens
//! the directory moves the files up. After a crash, the same command completes the change.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::error::ClientError;
use super::host::HostFile;
use super::key::{HostKey, certificates, identity};
use super::servers::Servers;
use crate::connect::Identity;
use crate::file_lock::FileLock;
use crate::id::{HostId, TokenId};
use crate::ownership::{check, check_directory};
use crate::secret::Secret;
use crate::wire::EnrollAnswer;

const KEY: &str = "host.key";
const REQUEST: &str = "request.json";
const LOCK: &str = ".lock";
const PENDING: &str = ".pending";
const READY: &str = ".ready";
/// A changed host file until it takes the place of the other.
const BESIDE: &str = ".host.json";

/// The files of an identity, in the order of writing: an existing `host.json` means that the others exist.
pub const FILES: [&str; 5] = [KEY, "host.pem", "chain.pem", "root.pem", "host.json"];

/// Bytes reserved for each file before the request; more than the largest file of a server.
const ROOM: [(&str, usize); 4] =
    [("host.pem", 8192), ("chain.pem", 16_384), ("root.pem", 8192), ("host.json", 8192)];

/// The purpose of a prepared key. The same purpose finds the same key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To redeem this token.
    Enroll(TokenId),
    /// To renew the certificate of this host.
    Renew(HostId),
}

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
    /// If the directory cannot be created or written, or another process changes it.
    pub fn open(path: &Path) -> Result<Self, ClientError> {
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed(path, "the directory cannot be made"))?;
        check_directory(path)?;
        // Before anything is opened: opening a FIFO waits, and a link leads elsewhere.
        for name in FILES.into_iter().chain([LOCK, PENDING, READY, BESIDE]) {
            check(&path.join(name))?;
        }
        let lock = path.join(LOCK);
        let file = options(0o600).open(&lock).map_err(failed(&lock, "the directory cannot be written"))?;
        let lock = FileLock::try_new(file).map_err(|error| match error {
            TryLockError::WouldBlock => ClientError::Busy { dir: path.to_owned() },
            TryLockError::Error(source) => failed(&lock, "the directory cannot be locked")(source),
        })?;
        let dir = Self { path: path.to_owned(), _lock: lock };
        dir.put_in_place()?;
        Ok(dir)
    }

    /// Path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The attempt for `purpose`: the interrupted one, or a new one with `key` or a new key. An attempt for another purpose
    /// is dropped.
    ///
    /// # Errors
    /// If the files cannot be written, or other users may read the existing key.
    pub fn begin(&self, purpose: &Purpose, key: Option<HostKey>) -> Result<KeyAttempt<'_>, ClientError> {
        let pending = self.path.join(PENDING);
        if let Some(key) = resume(&pending, purpose)? {
            return Ok(KeyAttempt { dir: self, key });
        }
        remove_all(&pending)?;
        let made = fs::DirBuilder::new().mode(0o700).create(&pending);
        made.map_err(failed(&pending, "the directory cannot be made"))?;
        let key = key.map_or_else(HostKey::generate, Ok)?;
        let request =
            serde_json::to_vec(purpose).map_err(|error| ClientError::Key { why: error.to_string() })?;
        write(&pending.join(REQUEST), &request, 0o600)?;
        write(&pending.join(KEY), key.to_pem().expose().as_bytes(), 0o600)?;
        sync(&pending)?;
        sync(&self.path)?;
        Ok(KeyAttempt { dir: self, key })
    }

    /// Replaces the authority's addresses in the host file.
    ///
    /// # Errors
    /// If there is no identity, or the file cannot be written.
    pub fn store_servers(&self, servers: &Servers) -> Result<(), ClientError> {
        let host = HostFile { servers: servers.clone(), ..load_enrolled(&self.path)? };
        let (beside, path) = (self.path.join(BESIDE), self.path.join("host.json"));
        write(&beside, &text(&host)?, 0o644)?;
        fs::rename(&beside, &path).map_err(failed(&path, "the file cannot be put in place"))?;
        sync(&self.path)
    }

    /// Removes the identity and any attempt.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn clear(self) -> Result<(), ClientError> {
        // `host.json` last: while it is there, `leave` can be run again.
        for name in FILES {
            remove(&self.path.join(name))?;
        }
        remove_all(&self.path.join(PENDING))?;
        remove(&self.path.join(BESIDE))?;
        remove(&self.path.join(LOCK))?;
        sync(&self.path)
    }

    fn put_in_place(&self) -> Result<(), ClientError> {
        let ready = self.path.join(READY);
        if !ready.is_dir() {
            return Ok(());
        }
        for name in FILES {
            let from = ready.join(name);
            // A missing file was moved before the crash.
            there(fs::rename(&from, self.path.join(name)))
                .map_err(failed(&from, "the file cannot be put in place"))?;
        }
        sync(&self.path)?;
        remove_all(&ready)?;
        sync(&self.path)
    }
}

/// A key that waits for its certificate.
pub struct KeyAttempt<'a> {
    dir: &'a CertDir,
    key: HostKey,
}

impl KeyAttempt<'_> {
    /// The key.
    pub const fn key(&self) -> &HostKey {
        &self.key
    }

    /// Reserves disk space for the answer, so that a full disk fails before a use is taken.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn reserve(&self) -> Result<(), ClientError> {
        let pending = self.dir.path.join(PENDING);
        for (name, size) in ROOM {
            write(&pending.join(name), &vec![b'\n'; size], 0o644)?;
        }
        sync(&pending)
    }

    /// Writes the answer and makes it the identity.
    ///
    /// # Errors
    /// If a file cannot be written; the attempt stays, and can be repeated.
    pub fn complete(self, answer: &EnrollAnswer, host: &HostFile) -> Result<(), ClientError> {
        self.prepare(answer, host)?;
        self.commit()?;
        self.dir.put_in_place()
    }

    fn prepare(&self, answer: &EnrollAnswer, host: &HostFile) -> Result<(), ClientError> {
        let pending = self.dir.path.join(PENDING);
        write(&pending.join("host.pem"), answer.certificate.as_bytes(), 0o644)?;
        write(&pending.join("chain.pem"), answer.chain.as_bytes(), 0o644)?;
        write(&pending.join("root.pem"), answer.ca_certificate.as_bytes(), 0o644)?;
        write(&pending.join("host.json"), &text(host)?, 0o644)?;
        sync(&pending)
    }

    /// The atomic step of the change.
    fn commit(&self) -> Result<(), ClientError> {
        let pending = self.dir.path.join(PENDING);
        fs::rename(&pending, self.dir.path.join(READY))
            .map_err(failed(&pending, "the new files cannot be taken"))?;
        sync(&self.dir.path)
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
    let Some(text) = read(dir, "host.json")? else { return Ok(None) };
    serde_json::from_str(text.expose()).map(Some).map_err(|error| ClientError::Damaged {
        path: dir.join("host.json"),
        why: format!("it is not what gatepass wrote: {error}"),
    })
}

/// The host file of a directory with an identity.
///
/// # Errors
/// If there is no identity, or the file is damaged.
pub fn load_enrolled(dir: &Path) -> Result<HostFile, ClientError> {
    load(dir)?.ok_or_else(|| ClientError::NotEnrolled { dir: dir.to_owned() })
}

/// The client certificate of this directory.
///
/// # Errors
/// If the directory has no identity, a file is damaged, or other users may read the key.
pub fn load_identity(dir: &Path) -> Result<Identity, ClientError> {
    let part = |name| read(dir, name)?.ok_or_else(|| ClientError::NotEnrolled { dir: dir.to_owned() });
    identity(dir, &part(KEY)?, part("host.pem")?.expose(), part("chain.pem")?.expose())
}

/// The certificates of the authority in this directory: its root, and the chain with every former root in use.
///
/// # Errors
/// If the directory has no identity, or a file cannot be read.
pub fn load_certificates(dir: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let part = |name| read(dir, name)?.ok_or_else(|| ClientError::NotEnrolled { dir: dir.to_owned() });
    Ok([certificates(part("root.pem")?.expose()), certificates(part("chain.pem")?.expose())].concat())
}

/// The key of this directory, if there is one.
///
/// # Errors
/// If it cannot be read, or others may read it.
pub fn load_key(dir: &Path) -> Result<Option<HostKey>, ClientError> {
    read(dir, KEY)?.map(|pem| HostKey::from_pem(&pem)).transpose()
}

/// A file of the identity: from `.ready` after an interrupted change, else from the directory.
fn read(dir: &Path, name: &str) -> Result<Option<Secret<String>>, ClientError> {
    check_directory(dir)?;
    check(&dir.join(READY))?;
    for path in [dir.join(READY).join(name), dir.join(name)] {
        check(&path)?;
        let found = match name {
            KEY => read_key(&path)?,
            _ => there(fs::read_to_string(&path)).map_err(failed(&path, "the file cannot be read"))?,
        };
        if let Some(text) = found {
            return Ok(Some(Secret::new(text)));
        }
    }
    Ok(None)
}

/// A key's file, unless other users may read it.
fn read_key(path: &Path) -> Result<Option<String>, ClientError> {
    let open = || -> io::Result<(u32, String)> {
        let mut file = File::open(path)?;
        let mut text = String::new();
        let mode = file.metadata()?.permissions().mode() & 0o7777;
        file.read_to_string(&mut text)?;
        Ok((mode, text))
    };
    match there(open()).map_err(failed(path, "the file cannot be read"))? {
        Some((mode, _)) if mode & 0o077 != 0 => Err(ClientError::Exposed { path: path.to_owned(), mode }),
        found => Ok(found.map(|(_, text)| text)),
    }
}

/// `None` if there is no such file.
fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        other => other.map(Some),
    }
}

fn resume(pending: &Path, purpose: &Purpose) -> Result<Option<HostKey>, ClientError> {
    let request = fs::read(pending.join(REQUEST)).ok();
    let begun = request.and_then(|request| serde_json::from_slice::<Purpose>(&request).ok());
    if begun.as_ref() != Some(purpose) {
        return Ok(None);
    }
    // An incomplete key was never sent: a new key replaces it.
    Ok(read_key(&pending.join(KEY))?.and_then(|key| HostKey::from_pem(&Secret::new(key)).ok()))
}

fn options(mode: u32) -> fs::OpenOptions {
    let mut options = File::options();
    options.create(true).truncate(false).write(true).mode(mode);
    options
}

/// Overwrites a file in its reserved space, and waits for the disk.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), ClientError> {
    let write = || {
        let mut file = options(mode).open(path)?;
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()
    };
    write().map_err(failed(path, "the file cannot be written"))
}

fn sync(dir: &Path) -> Result<(), ClientError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed(dir, "the directory cannot be synced"))
}

fn remove(path: &Path) -> Result<(), ClientError> {
    there(fs::remove_file(path)).map(drop).map_err(failed(path, "the file cannot be removed"))
}

fn remove_all(path: &Path) -> Result<(), ClientError> {
    there(fs::remove_dir_all(path)).map(drop).map_err(failed(path, "the directory cannot be removed"))
}

/// The error of a step with the file or directory `path`.
pub(super) fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> ClientError {
    let path = path.to_owned();
    move |source| ClientError::File { path, doing, source }
}

#[cfg(test)]
pub(crate) mod tests;
