//! The published lists as files, for a start that cannot sign any: the clock is in doubt, or the disk is full.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::published::{IssuerLists, Published, SignedList, aggregation, document};
use crate::id::{Fingerprint, ListId};
use crate::service::vault::{VaultError, write_public};
use crate::service::verification::issuers::Issuers;
use crate::token::{KeyRing, SignedStatusList, status_uri};

/// The directory, in the data directory.
const DIRECTORY: &str = "status-lists";

/// The files of the published lists: one per list and external URL.
pub(super) struct KeptLists {
    directory: PathBuf,
    /// The lists in the files. It is locked while files are written, so that no older list replaces a newer one.
    written: Mutex<Arc<Published>>,
}

impl KeptLists {
    pub(super) fn in_data_dir(data_dir: &Path) -> Self {
        Self { directory: data_dir.join(DIRECTORY), written: Mutex::default() }
    }

    /// Reads the lists that one of the keys has signed. The first round of signing replaces all of them.
    pub(super) fn load(&self, ring: &KeyRing, issuers: &Issuers, lists: &[ListId]) -> Published {
        let mut found = Published::default();
        for issuer in issuers.current_first() {
            let mut place = IssuerLists::empty(issuer.into());
            place.lists = lists
                .iter()
                .filter_map(|list| Some((*list, Arc::new(self.read(ring, issuer, *list)?))))
                .collect();
            if !place.lists.is_empty() {
                place.aggregation = aggregation(&place);
                found.places.push(place);
            }
        }
        found.signed_at = found.oldest();
        found
    }

    fn read(&self, ring: &KeyRing, issuer: &str, list: ListId) -> Option<SignedList> {
        let text = fs::read_to_string(self.directory.join(file(issuer, list))).ok()?;
        let uri = status_uri(issuer, list);
        let signed_at = SignedStatusList::authenticate(&text, &uri, ring.verifying()).ok()?.issued_at();
        Some(SignedList { uri, document: document("application/statuslist+jwt", text), signed_at })
    }

    /// Writes the lists that differ from their files, and removes the files of lists that are no longer published.
    pub(super) fn write(&self, published: &Arc<Published>) -> Result<(), VaultError> {
        let mut written = self.written.lock();
        let failed = |error: std::io::Error| VaultError::Io {
            path: self.directory.display().to_string(),
            cause: error.to_string(),
        };
        // Without its parents: a data directory that was moved away comes back to its place.
        match DirBuilder::new().mode(0o700).create(&self.directory) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        let mut names = BTreeSet::new();
        for (issuer, list, signed) in published.signed() {
            let name = file(issuer, list);
            if !written.find(issuer, list).is_some_and(|before| Arc::ptr_eq(before, signed)) {
                write_public(&self.directory.join(&name), &signed.document.plain.bytes)?;
            }
            names.insert(name);
        }
        self.remove_others(&names).map_err(failed)?;
        *written = Arc::clone(published);
        Ok(())
    }

    fn remove_others(&self, names: &BTreeSet<String>) -> std::io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| is_own(name) && !names.contains(name)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// The name of a list's file. URLs have characters that file names must not have.
fn file(issuer: &str, list: ListId) -> String {
    format!("{list}-{}.jwt", Fingerprint::of(issuer.as_bytes()))
}

/// Returns whether this module gave a file its name. The directory may hold or lead to files of others.
fn is_own(name: &str) -> bool {
    let stem = name.strip_suffix(".new").unwrap_or(name).strip_suffix(".jwt");
    let parts = stem.and_then(|stem| stem.rsplit_once('-'));
    parts.is_some_and(|(list, issuer)| ListId::parse(list).is_some() && Fingerprint::parse(issuer).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn only_files_of_former_lists_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let lists = KeptLists::in_data_dir(dir.path());
        fs::create_dir_all(lists.directory.join("folder")).unwrap();
        let former = file("https://gate.test", ListId::generate(Timestamp::from_secs(1_900_000_000)));
        for name in [&*former, "index.html", "passwd.jwt", &format!("{former}.new")] {
            fs::write(lists.directory.join(name), "text").unwrap();
        }
        lists.write(&Arc::default()).unwrap();
        let left = fs::read_dir(&lists.directory).unwrap().map(|entry| entry.unwrap().file_name());
        let left = left.map(|name| name.into_string().unwrap()).collect::<BTreeSet<_>>();
        assert_eq!(left.into_iter().collect::<Vec<_>>(), ["folder", "index.html", "passwd.jwt"]);
    }

    #[test]
    fn a_moved_data_directory_is_not_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let lists = KeptLists::in_data_dir(&data);
        assert!(lists.write(&Arc::default()).is_err());
        assert!(!data.exists());
        fs::create_dir(&data).unwrap();
        lists.write(&Arc::default()).unwrap();
    }
}
