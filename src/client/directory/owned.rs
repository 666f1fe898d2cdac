//! The owners of an identity's files, and the links among them: only those of gatepass.

use std::fs;
use std::path::Path;

use super::files::there;
use super::layout::{current, generations, name_of, target_of};
use super::{ClientError, FILES, KEY, LOCK, PENDING, READY, RENEWING, failed};
use crate::ownership::{OwnershipError, check, check_directory, check_key, check_link};

/// Checks the owner and kind of every file in `dir`, before one is opened. Opening a FIFO waits, and a foreign link leads
/// elsewhere.
pub(super) fn check_owned(dir: &Path) -> Result<(), ClientError> {
    check_directory(dir)?;
    for name in FILES {
        check_name(dir, name)?;
    }
    current(dir)?;
    let generations = generations(dir)?.into_iter().map(name_of);
    for parts in generations.chain([PENDING, RENEWING, READY].map(str::to_owned)) {
        check_parts(&dir.join(parts))?;
    }
    Ok(check(&dir.join(LOCK))?)
}

/// Checks a file that is read by other programs: the link to the generation in use, or the file of an earlier version.
fn check_name(dir: &Path, name: &str) -> Result<(), ClientError> {
    let path = dir.join(name);
    match fs::symlink_metadata(&path).is_ok_and(|data| data.is_symlink()) {
        true => check_link(&path, |target| target == target_of(name)).map(drop)?,
        false if path.is_dir() => return Err(OwnershipError::Kind { path, kind: "a directory" }.into()),
        false => check_part(&path)?,
    }
    Ok(())
}

/// Checks the directory of a generation, and the files in it.
pub(super) fn check_parts(place: &Path) -> Result<(), ClientError> {
    if !fs::symlink_metadata(place).is_ok_and(|data| data.is_dir()) {
        return Ok(check(place)?);
    }
    check_directory(place)?;
    let unreadable = || failed(place, "the directory cannot be read");
    let entries = there(fs::read_dir(place)).map_err(unreadable())?;
    for entry in entries.into_iter().flatten() {
        check_part(&entry.map_err(unreadable())?.path())?;
    }
    Ok(())
}

/// Checks a file of an identity. Its key may belong to a user to which root gave it.
pub(super) fn check_part(path: &Path) -> Result<(), ClientError> {
    match path.ends_with(KEY) {
        true => Ok(check_key(path)?),
        false => Ok(check(path)?),
    }
}
