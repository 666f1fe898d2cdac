//! The users who may read a file: owner, group, mode and access list.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use rustix::fs::{XattrFlags, getxattr, removexattr, setxattr};
use rustix::io::Errno;

use super::files::{EXPOSED, there};
use super::readers::KeyReaders;

/// The access list of a file (acl(5)), as the kernel stores it.
const ACL: &str = "system.posix_acl_access";
/// More than an access list of any file system; the kernel refuses longer attributes.
const MOST_ACL_BYTES: usize = 65_536;

/// Owner, group, mode and access list of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileAccess {
    owner: u32,
    group: u32,
    mode: u32,
    acl: Option<Vec<u8>>,
}

impl FileAccess {
    /// Those of the file at `path`, if there is one.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        let Some(data) = there(fs::metadata(path))? else { return Ok(None) };
        let mode = data.mode() & 0o777;
        Ok(Some(Self { owner: data.uid(), group: data.gid(), mode, acl: acl_of(path)? }))
    }

    /// The same owner with the access that the flags give.
    pub(super) fn with(self, readers: &KeyReaders) -> Self {
        let mode = readers.mode.or(readers.group.map(|_| 0o640));
        match readers.is_empty() {
            true => self,
            false => Self {
                group: readers.group.unwrap_or(self.group),
                mode: mode.unwrap_or(self.mode),
                acl: None,
                ..self
            },
        }
    }

    /// Returns true if nobody but the owner and a group may read the file, and nobody but the owner may write it.
    pub(super) fn is_private(&self) -> bool {
        self.mode & EXPOSED == 0
    }

    /// Gives them to the file at `path`.
    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        let has = fs::metadata(path)?;
        if (has.uid(), has.gid()) != (self.owner, self.group) {
            chown(path, Some(self.owner), Some(self.group))?;
        }
        match (&self.acl, removexattr(path, ACL)) {
            (_, Err(error)) if !is_without_list(error) => return Err(error.into()),
            (Some(acl), _) => setxattr(path, ACL, acl, XattrFlags::empty())?,
            (None, _) => {}
        }
        // Last, because a list changes the mode, and the mode a list.
        fs::set_permissions(path, fs::Permissions::from_mode(self.mode))
    }
}

fn acl_of(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut acl = vec![0; MOST_ACL_BYTES];
    match getxattr(path, ACL, acl.as_mut_slice()) {
        Ok(length) => {
            acl.truncate(length);
            Ok(Some(acl))
        }
        Err(error) if is_without_list(error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The file has no list, or its file system has none.
const fn is_without_list(error: Errno) -> bool {
    matches!(error, Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS)
}
