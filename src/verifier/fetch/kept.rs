//! The snapshot file. A service starts from it when the authority cannot be reached.
//!
//! Its content is public. Lists and CRLs are signed, but the key set is not: a user who can write the file can make the
//! service accept any token. Only its owner may write it, and it is replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use hyper::header::HeaderValue;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::random;
use crate::verifier::SnapshotError;

/// The version of the file format.
const FORM: u32 = 1;
/// Maximum size of the file.
const MOST_BYTES: u64 = 256 << 20;

/// The state of a refresher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    form: u32,
    /// Keys and lists.
    pub(super) verifier: String,
    /// The issuing CAs, PEM.
    pub(super) chain: Option<String>,
    pub(super) crls: Vec<KeptCrl>,
}

/// One fetched CRL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptCrl {
    pub(super) ski: String,
    #[serde(with = "base64_text")]
    pub(super) der: Vec<u8>,
    pub(super) confirmed_at: Timestamp,
    /// The entity tag, until the next start.
    #[serde(skip)]
    pub(super) tag: Option<HeaderValue>,
}

mod base64_text {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A snapshot was not read or not written.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The file cannot be read or written.
    #[error("the snapshot {} cannot be used: {source}; check the path and its owner", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Other users may write the file.
    #[error(
        "the snapshot {} is another user's, or may be written by others (mode {mode:o}), who could put in their own keys; remove it",
        path.display()
    )]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not a snapshot.
    #[error("the snapshot {} cannot be read: {why}; remove it: a new one is written", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The defect.
        why: String,
    },
    /// The content is refused.
    #[error("the snapshot {} is not used: {source}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: SnapshotError,
    },
}

impl Kept {
    /// The state to keep.
    pub(super) const fn new(verifier: String, chain: Option<String>, crls: Vec<KeptCrl>) -> Self {
        Self { form: FORM, verifier, chain, crls }
    }

    /// Reads the snapshot in `path`; `None` if the file does not exist.
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

    /// Writes a temporary file (mode 0600) beside `path` and renames it.
    pub(super) fn write(&self, path: &Path) -> Result<(), KeptError> {
        let file = |source| KeptError::File { path: path.to_owned(), source };
        let text = serde_json::to_vec(self).map_err(|error| file(error.into()))?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{:08x}", u32::from_be_bytes(random())));
        let beside = PathBuf::from(beside);
        let written = write_whole(&beside, &text).and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            // A failure to remove the temporary file is ignored: the first error is reported.
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

/// Checks that this process or root wrote the file: its writer decides which keys are accepted.
const fn may_decide(owner: u32, own: u32) -> bool {
    owner == own || owner == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        let confirmed_at = Timestamp::from_secs(1_900_000_000);
        let crl = KeptCrl { ski: "0f".to_owned(), der: vec![0; 3], confirmed_at, tag: None };
        Kept::new("{}".to_owned(), Some("-----BEGIN".to_owned()), vec![crl])
    }

    #[test]
    fn a_written_snapshot_is_read_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("snapshot.json");
        assert_eq!(Kept::read(&path).unwrap(), None);
        Kept::new("before".to_owned(), None, Vec::new()).write(&path).unwrap();
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
    fn a_file_that_is_not_a_snapshot_is_refused() {
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
