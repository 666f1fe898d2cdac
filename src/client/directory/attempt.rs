//! A prepared change of an identity: a key, its purpose, and space for the answer.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{read_key, remove_all, sync, try_link, write};
use super::layout::{self, Foreign};
use super::readers::KeyReaders;
use super::{
    CHAIN, CertDir, ClientError, FULL_CHAIN, HOST, KEY, LEAF, PENDING, RENEWING, REQUEST, ROOT, text,
};
use crate::client::host::HostFile;
use crate::client::key::{HostKey, full_chain};
use crate::id::{HostId, TokenId};
use crate::wire::EnrollAnswer;

/// Bytes reserved for each file before the request; more than the largest file of a server.
const ROOM: [(&str, usize); 5] =
    [(LEAF, 8192), (CHAIN, 16_384), (FULL_CHAIN, 24_576), (ROOT, 8192), (HOST, 8192)];

/// The purpose of a prepared key. The same purpose finds the same key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To redeem this token.
    Enroll(TokenId),
    /// To redeem a token that is minted for the key.
    Prepare,
    /// To renew the certificate of this host.
    Renew(HostId),
}

impl Purpose {
    pub(super) const fn place(&self) -> &'static str {
        match self {
            Self::Enroll(_) | Self::Prepare => PENDING,
            Self::Renew(_) => RENEWING,
        }
    }
}

/// A key that waits for its certificate.
pub struct KeyAttempt<'a> {
    pub(super) dir: &'a CertDir,
    /// Name of the attempt's directory.
    pub(super) place: &'static str,
    pub(super) key: HostKey,
}

impl KeyAttempt<'_> {
    /// The key.
    pub const fn key(&self) -> &HostKey {
        &self.key
    }

    /// Reserves disk space for the answer, so that a full disk fails before a use is taken. The new key gets the readers of the
    /// one in use, or those that the flags name.
    ///
    /// # Errors
    /// If the disk is full, or this process may not give the key to its readers.
    pub fn reserve(&self, readers: &KeyReaders) -> Result<(), ClientError> {
        let pending = self.pending();
        for (name, size) in ROOM {
            write(&pending.join(name), &vec![b'\n'; size], 0o644)?;
        }
        try_link(&self.dir.path, &self.dir.path.join(layout::LINK))?;
        self.dir.give(&pending.join(KEY), readers)?;
        sync(&pending)
    }

    /// Writes the answer and makes it the identity.
    ///
    /// # Errors
    /// If a file cannot be written; the attempt stays, and can be repeated.
    pub fn complete(self, answer: &EnrollAnswer, host: &HostFile) -> Result<(), ClientError> {
        self.prepare(answer, host)?;
        // A re-enrolled host keeps its id, and the server refuses the key of a renewal that began before.
        if self.place != RENEWING {
            remove_all(&self.dir.path.join(RENEWING))?;
        }
        self.commit()?;
        layout::use_newest(&self.dir.path, Foreign::Goes)
    }

    /// Removes the key: the server refuses it for good.
    ///
    /// # Errors
    /// If the files cannot be removed.
    pub fn discard(self) -> Result<(), ClientError> {
        remove_all(&self.pending())?;
        sync(&self.dir.path)
    }

    pub(super) fn prepare(&self, answer: &EnrollAnswer, host: &HostFile) -> Result<(), ClientError> {
        let pending = self.pending();
        let full_chain = full_chain(&answer.certificate, &answer.chain);
        write(&pending.join(LEAF), answer.certificate.as_bytes(), 0o644)?;
        write(&pending.join(CHAIN), answer.chain.as_bytes(), 0o644)?;
        write(&pending.join(FULL_CHAIN), full_chain.as_bytes(), 0o644)?;
        write(&pending.join(ROOT), answer.ca_certificate.as_bytes(), 0o644)?;
        write(&pending.join(HOST), &text(host)?, 0o644)
    }

    /// From here on, the next open of the directory uses the new files.
    pub(super) fn commit(&self) -> Result<(), ClientError> {
        layout::add(&self.dir.path, &self.pending())
    }

    fn pending(&self) -> PathBuf {
        self.dir.path.join(self.place)
    }
}

/// Returns true if an enrollment into the directory was begun, and its answer has not arrived.
pub(in crate::client) fn is_enrolling(dir: &Path) -> bool {
    matches!(begun(&dir.join(PENDING)), Some(Purpose::Enroll(_)))
}

fn begun(pending: &Path) -> Option<Purpose> {
    serde_json::from_slice(&fs::read(pending.join(REQUEST)).ok()?).ok()
}

/// Writes the purpose of the key in an attempt's directory.
pub(super) fn set_purpose(pending: &Path, purpose: &Purpose) -> Result<(), ClientError> {
    let request = serde_json::to_vec(purpose).map_err(|error| ClientError::Key { why: error.to_string() })?;
    write(&pending.join(REQUEST), &request, 0o600)?;
    sync(pending)
}

/// The key of an interrupted attempt for `purpose`.
pub(super) fn resume(pending: &Path, purpose: &Purpose) -> Result<Option<HostKey>, ClientError> {
    if begun(pending).as_ref() != Some(purpose) {
        return Ok(None);
    }
    waiting_key(pending)
}

/// The key that waits in an attempt's directory, whatever its purpose.
pub(super) fn waiting_key(pending: &Path) -> Result<Option<HostKey>, ClientError> {
    // An incomplete key was never sent: a new key replaces it.
    let path = pending.join(KEY);
    Ok(read_key(&path, &path)?.and_then(|key| HostKey::from_pem(&key).ok()))
}
