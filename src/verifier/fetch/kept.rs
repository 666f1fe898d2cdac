//! What a service knew, in a file: it starts from that when the authority cannot be reached.
//!
//! Everything in it is public, and lists and CRLs are signed; the key set is not, so whoever can write the file can make
//! the service believe what they like. It is written for its owner alone, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::random;
use crate::verifier::SnapshotError;

/// The form of the file; another is not read.
const FORM: u32 = 1;
/// The longest file that is read.
const MOST_BYTES: u64 = 256 << 20;

/// All that a refresher has learnt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    form: u32,
    /// What the verifier makes of itself.
    pub(super) verifier: String,
    /// The issuing CAs, PEM.
    pub(super) chain: Option<String>,
    pub(super) crls: Vec<KeptCrl>,
}

/// A CRL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptCrl {
    pub(super) ski: String,
    /// Base64.
    der: String,
    pub(super) confirmed_at: Timestamp,
}

impl KeptCrl {
    pub(super) fn of(ski: &str, der: &[u8], confirmed_at: Timestamp) -> Self {
        Self { ski: ski.to_owned(), der: STANDARD.encode(der), confirmed_at }
    }

    /// The bytes of the list; `None` if they are no base64.
    #[cfg(feature = "hosts")]
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.der).ok()
    }
}

/// Why a snapshot was not used, or not written.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The file cannot be read or written.
    #[error("the snapshot {} cannot be used: {source}; check the path and its owner", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may write it.
    #[error(
        "the snapshot {} is another user's, or may be written by others (mode {mode:o}), who could put in their own keys; remove it",
        path.display()
    )]
    Writable {
        /// Where.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is no snapshot.
    #[error("the snapshot {} cannot be read: {why}; remove it, a new one is made", path.display())]
    Malformed {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// What is in it is refused.
    #[error("the snapshot {} is not used: {source}", path.display())]
    Refused {
        /// Where.
        path: PathBuf,
        /// Why.
        source: SnapshotError,
    },
}

impl Kept {
    /// What the verifier makes of itself, without hosts yet.
    pub(super) fn of(verifier: String) -> Self {
        Self { form: FORM, verifier, ..Self::default() }
    }

    /// Reads the snapshot in `path`; `None` if there is none yet.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, KeptError> {
        let file = |source| KeptError::File { path: path.to_owned(), source };
        let malformed = |why: String| KeptError::Malformed { path: path.to_owned(), why };
        let opened = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(file)?,
        };
        let metadata = opened.metadata().map_err(file)?;
        let mode = metadata.mode() & 0o777;
        if mode & 0o022 != 0 || !may_decide(metadata.uid(), rustix::process::geteuid().as_raw()) {
            return Err(KeptError::Writable { path: path.to_owned(), mode });
        }
        let mut text = String::new();
        opened.take(MOST_BYTES).read_to_string(&mut text).map_err(file)?;
        let kept: Self = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        match kept.form {
            FORM => Ok(Some(kept)),
            form => Err(malformed(format!("it has the form {form}, not {FORM}"))),
        }
    }

    /// Writes it beside `path` and renames it into place, for the owner alone (0600).
    pub(super) fn write(&self, path: &Path) -> Result<(), KeptError> {
        let file = |source| KeptError::File { path: path.to_owned(), source };
        let text = serde_json::to_vec(self).map_err(|error| file(error.into()))?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{:08x}", u32::from_be_bytes(random())));
        let beside = PathBuf::from(beside);
        let written = write_whole(&beside, &text).and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            // Nothing half-written is left behind; that it cannot be removed either changes nothing.
            let _ = fs::remove_file(&beside);
        }
        written.map_err(file)
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Whoever wrote the file decides which keys are believed: this process itself, or root for it.
const fn may_decide(owner: u32, own: u32) -> bool {
    owner == own || owner == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        let mut kept = Kept::of("{}".to_owned());
        kept.chain = Some("-----BEGIN".to_owned());
        let confirmed_at = Timestamp::from_secs(1_900_000_000);
        kept.crls = vec![KeptCrl { ski: "0f".to_owned(), der: "AAAA".to_owned(), confirmed_at }];
        kept
    }

    #[test]
    fn what_is_written_is_read_and_for_the_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("snapshot.json");
        assert_eq!(Kept::read(&path).unwrap(), None);
        Kept::of("before".to_owned()).write(&path).unwrap();
        kept().write(&path).unwrap();
        assert_eq!(Kept::read(&path).unwrap(), Some(kept()));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_others_may_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("snapshot.json");
        kept().write(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        assert!(matches!(Kept::read(&path), Err(KeptError::Writable { mode: 0o620, .. })));
    }

    #[test]
    fn the_snapshot_of_another_user_decides_nothing() {
        assert!(may_decide(1000, 1000) && may_decide(0, 1000));
        assert!(!may_decide(1001, 1000) && !may_decide(1000, 0));
    }

    #[test]
    fn what_is_no_snapshot_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("snapshot.json");
        for wrong in ["", "{}", "[]", r#"{"form":2,"verifier":"{}","chain":null,"crls":[]}"#] {
            write_whole(&path, wrong.as_bytes()).unwrap();
            let refused = Kept::read(&path);
            assert!(matches!(refused, Err(KeptError::Malformed { .. })), "{wrong}: {refused:?}");
            fs::remove_file(&path).unwrap();
        }
        let nowhere = dir.path().join("no/where.json");
        assert!(matches!(kept().write(&nowhere), Err(KeptError::File { .. })));
    }
}
