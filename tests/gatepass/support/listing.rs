//! Everything in a directory, with the hash and the mode of each file: to see that nothing was changed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use gatepass::id::Fingerprint;

/// A directory as it was at one moment.
pub(crate) type Listing = BTreeMap<PathBuf, String>;

/// The content of `directory`, at any depth.
pub(crate) fn listing(directory: &Path) -> Listing {
    let mut found = Listing::new();
    collect(directory, &mut found);
    found
}

fn collect(directory: &Path, found: &mut Listing) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        if path.is_dir() {
            found.insert(path.clone(), format!("directory {mode:o}"));
            collect(&path, found);
        } else {
            let content = Fingerprint::of(&fs::read(&path).unwrap());
            found.insert(path, format!("{content} {mode:o}"));
        }
    }
}
