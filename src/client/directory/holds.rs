//! Files that cannot be replaced: a mount, or an attribute of the file system, holds them. They are found before a
//! request, because its answer could not be stored.

use std::fs;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

use super::layout::{CURRENT, generations, name_of};
use super::{ClientError, FILES, LOCK, PENDING, READY, RENEWING, failed};

/// The reason why a file cannot be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hold {
    /// Something is mounted at this path alone.
    #[error("this one file is a mount, and cannot be replaced: mount the directory of the identity instead")]
    Mounted,
    /// `chattr +i`.
    #[error("it is immutable, and cannot be replaced: run `chattr -i` on it")]
    Immutable,
    /// `chattr +a`.
    #[error("it is append-only, and cannot be replaced: run `chattr -a` on it")]
    AppendOnly,
}

/// Checks that nothing holds a file of the identity in `dir`. The directory itself may be a mount.
///
/// # Errors
/// [`ClientError::Held`], with the first one.
pub(super) fn check_holds(dir: &Path) -> Result<(), ClientError> {
    free(dir, attributes(dir).difference(StatxAttributes::MOUNT_ROOT))?;
    for name in FILES.into_iter().chain([CURRENT, LOCK]) {
        let path = dir.join(name);
        free(&path, attributes(&path))?;
    }
    let generations = generations(dir)?.into_iter().map(name_of);
    for place in generations.chain([PENDING, RENEWING, READY].map(str::to_owned)).map(|name| dir.join(name)) {
        free(&place, attributes(&place))?;
        let Ok(entries) = fs::read_dir(&place) else { continue };
        for entry in entries {
            let path = entry.map_err(failed(&place, "the directory cannot be read"))?.path();
            free(&path, attributes(&path))?;
        }
    }
    Ok(())
}

/// The attributes of a file; none if it is missing, or its file system knows none.
fn attributes(path: &Path) -> StatxAttributes {
    let asked = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE);
    asked.map_or(StatxAttributes::empty(), |found| found.stx_attributes & found.stx_attributes_mask)
}

fn free(path: &Path, attributes: StatxAttributes) -> Result<(), ClientError> {
    let holds = [
        (StatxAttributes::MOUNT_ROOT, Hold::Mounted),
        (StatxAttributes::IMMUTABLE, Hold::Immutable),
        (StatxAttributes::APPEND, Hold::AppendOnly),
    ];
    match holds.into_iter().find(|(attribute, _)| attributes.contains(*attribute)) {
        Some((_, hold)) => Err(ClientError::Held { path: path.to_owned(), hold }),
        None => Ok(()),
    }
}
