//! Ownership: files and directories that nobody but the caller or root can have written.
//!
//! Checked is what lies inside a directory of gatepass, and the directory itself. The path to the directory may be a link.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

/// Write permission of group and others.
const OTHERS_WRITE: u32 = 0o022;

/// The reason why a file or directory may be the work of somebody else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnershipError {
    /// It belongs to another user.
    #[error(
        "{} belongs to {owner}, not to {}: run the command as {owner}, or give the path to its right owner with chown",
        path.display(), user_name(geteuid().as_raw())
    )]
    Foreign {
        /// The file or directory.
        path: PathBuf,
        /// The name of its owner.
        owner: String,
    },
    /// Other users can put files into the directory.
    #[error(
        "other users can write to {0} (mode {mode:04o}): use a subdirectory, such as {0}/gatepass, which gatepass creates with mode \
         0700, or run `chmod go-w {0}`",
        path.display()
    )]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Other users can change the file.
    #[error("other users can change {0} (mode {mode:04o}): check its content, then run `chmod go-w {0}`", path.display())]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A link, a FIFO, a socket or a device stands in place of a file.
    #[error("{} is {kind}: gatepass reads only files that it wrote there; remove it, or put the file itself in its place", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// The word for a file of this type, with its article.
        kind: &'static str,
    },
    /// The file has a second name, under which somebody else may reach it.
    #[error("{0} has {links} names (hard links): copy it to a new file, and put that in its place", path.display())]
    HardLink {
        /// The file.
        path: PathBuf,
        /// Number of its names.
        links: u64,
    },
    /// The system refused to look.
    #[error("{}: {cause}", path.display())]
    Unknown {
        /// The file or directory.
        path: PathBuf,
        /// The message of the system.
        cause: String,
    },
}

/// Checks a directory: its owner, and that nobody else can write to it. A missing one passes.
///
/// # Errors
/// The reason why somebody else may have put files into it.
pub fn check_directory(path: &Path) -> Result<(), OwnershipError> {
    let Some(data) = there(path, fs::metadata(path))? else { return Ok(()) };
    if !data.is_dir() {
        return Err(OwnershipError::Kind { path: path.to_owned(), kind: "not a directory" });
    }
    check_owner(path, &data)?;
    match data.mode() & OTHERS_WRITE {
        0 => Ok(()),
        _ => Err(OwnershipError::Open { path: path.to_owned(), mode: data.mode() & 0o7777 }),
    }
}

/// Checks a file in a directory of gatepass, or a directory there with everything in it. A missing one passes. It is not
/// opened: opening a FIFO would wait for its writer.
///
/// # Errors
/// The reason why it may be the work of somebody else.
pub fn check(path: &Path) -> Result<(), OwnershipError> {
    let Some(data) = there(path, fs::symlink_metadata(path))? else { return Ok(()) };
    if data.is_dir() {
        check_directory(path)?;
        let unknown = |error: std::io::Error| unknown(path, &error);
        let mut entries = fs::read_dir(path).map_err(unknown)?;
        return entries.try_for_each(|entry| check(&entry.map_err(unknown)?.path()));
    }
    check_owner(path, &data)?;
    check_file(path, &data)
}

/// Checks a private key as [`check`] does. Root may have given it to the user of a service.
///
/// # Errors
/// The reason why it may be the work of somebody else.
pub fn check_key(path: &Path) -> Result<(), OwnershipError> {
    let Some(data) = there(path, fs::symlink_metadata(path))? else { return Ok(()) };
    // Nobody but root can give a file away, and the directory is not that user's.
    if !geteuid().is_root() {
        check_owner(path, &data)?;
    }
    check_file(path, &data)
}

/// The target of the link at `path`, if a link is there. It is not followed.
///
/// # Errors
/// It is the link of somebody else, or its target is not the `own` one.
pub fn check_link(path: &Path, own: impl FnOnce(&Path) -> bool) -> Result<Option<PathBuf>, OwnershipError> {
    let Some(data) = there(path, fs::symlink_metadata(path))? else { return Ok(None) };
    if data.is_symlink() {
        check_owner(path, &data)?;
        let target = fs::read_link(path).map_err(|error| unknown(path, &error))?;
        if own(&target) {
            return Ok(Some(target));
        }
    }
    Err(OwnershipError::Kind { path: path.to_owned(), kind: kind_of(&data) })
}

/// Checks that this is a plain file with one name, which nobody but its owner can write.
fn check_file(path: &Path, data: &Metadata) -> Result<(), OwnershipError> {
    if !data.is_file() {
        return Err(OwnershipError::Kind { path: path.to_owned(), kind: kind_of(data) });
    }
    match (data.mode() & OTHERS_WRITE, data.nlink()) {
        (0, 0..=1) => Ok(()),
        (0, links) => Err(OwnershipError::HardLink { path: path.to_owned(), links }),
        _ => Err(OwnershipError::Writable { path: path.to_owned(), mode: data.mode() & 0o7777 }),
    }
}

/// Checks a file that was only found in the working directory, by its relative path, and every directory up to there. It may
/// be a link. A group may write if it has the number of the owner.
///
/// # Errors
/// The reason why somebody else may have put it there.
pub fn check_found(path: &Path) -> Result<(), OwnershipError> {
    let above = path.ancestors().skip(1).filter(|directory| !directory.as_os_str().is_empty());
    for directory in above.chain([Path::new(".")]) {
        check_found_at(directory)?;
    }
    check_found_at(path)
}

fn check_found_at(path: &Path) -> Result<(), OwnershipError> {
    let link = there(path, fs::symlink_metadata(path))?;
    link.map_or(Ok(()), |link| check_owner(path, &link))?;
    let Some(data) = there(path, fs::metadata(path))? else { return Ok(()) };
    check_owner(path, &data)?;
    // Many systems give each user a group of the same number, and let it write.
    let trusted = if data.gid() == data.uid() { 0o020 } else { 0 };
    match (data.mode() & OTHERS_WRITE & !trusted, data.is_dir()) {
        (0, _) => Ok(()),
        (_, true) => Err(OwnershipError::Open { path: path.to_owned(), mode: data.mode() & 0o7777 }),
        (_, false) => Err(OwnershipError::Writable { path: path.to_owned(), mode: data.mode() & 0o7777 }),
    }
}

/// Checks the owner of a file with these metadata: the caller or root.
///
/// # Errors
/// It belongs to another user.
pub fn check_owner(path: &Path, data: &Metadata) -> Result<(), OwnershipError> {
    match data.uid() {
        0 => Ok(()),
        own if own == geteuid().as_raw() => Ok(()),
        other => Err(OwnershipError::Foreign { path: path.to_owned(), owner: user_name(other) }),
    }
}

/// The name of a user in /etc/passwd, else the number.
pub fn user_name(uid: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("the user with id {uid}"))
}

/// The number of a group in /etc/group; a number is one.
pub fn group_id(name: &str) -> Option<u32> {
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let known = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    });
    known.or_else(|| name.parse().ok())
}

/// The name of a group in /etc/group, else the number.
pub fn group_name(gid: u32) -> String {
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let name = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(gid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| gid.to_string())
}

fn kind_of(data: &Metadata) -> &'static str {
    let kind = data.file_type();
    match () {
        () if kind.is_symlink() => "a link",
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () if kind.is_file() => "a plain file",
        () if kind.is_dir() => "a directory",
        () => "a device",
    }
}

fn there(path: &Path, data: std::io::Result<Metadata>) -> Result<Option<Metadata>, OwnershipError> {
    match data {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        // Reading it fails too, and that error names the user who may.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(None),
        data => data.map(Some).map_err(|error| unknown(path, &error)),
    }
}

fn unknown(path: &Path, error: &std::io::Error) -> OwnershipError {
    OwnershipError::Unknown { path: path.to_owned(), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_user_is_named_as_the_system_does() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_294_967_000), "the user with id 4294967000");
    }

    #[test]
    fn only_plain_files_with_one_name_pass() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "text").unwrap();
        fs::set_permissions(path("file"), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(check(&path("file")), Ok(()));
        assert_eq!(check(&path("missing")), Ok(()));
        symlink(path("file"), path("link")).unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();
        for (name, expected) in [("link", "a link"), ("socket", "a socket")] {
            assert!(matches!(check(&path(name)), Err(OwnershipError::Kind { kind, .. }) if kind == expected));
        }
        assert!(matches!(check(Path::new("/dev/null")), Err(OwnershipError::Kind { kind: "a device", .. })));
        fs::hard_link(path("file"), path("second")).unwrap();
        assert!(matches!(check(&path("file")), Err(OwnershipError::HardLink { links: 2, .. })));
        fs::remove_file(path("second")).unwrap();
        for mode in [0o664, 0o646] {
            fs::set_permissions(path("file"), fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(check(&path("file")), Err(OwnershipError::Writable { .. })), "{mode:o}");
        }
    }

    #[test]
    fn a_directory_that_others_write_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |mode| fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        for closed in [0o700, 0o755, 0o2750] {
            mode(closed);
            assert_eq!(check_directory(dir.path()), Ok(()), "{closed:o}");
        }
        for open in [0o777, 0o1777, 0o770, 0o2775] {
            mode(open);
            let refused = check_directory(dir.path()).unwrap_err().to_string();
            assert!(refused.contains("use a subdirectory"), "{refused}");
        }
        mode(0o700);
        let link = dir.path().with_extension("link");
        symlink(dir.path(), &link).unwrap();
        assert_eq!(check_directory(&link), Ok(()), "the path to it may be a link");
        fs::remove_file(link).unwrap();
    }

    #[test]
    fn everything_inside_a_directory_is_checked() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).unwrap();
        symlink("/etc/passwd", inner.join("planted")).unwrap();
        assert!(matches!(check(&inner), Err(OwnershipError::Kind { kind: "a link", .. })));
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        // Every system has files of root, which pass for everyone.
        assert_eq!(check(Path::new("/etc/passwd")), Ok(()));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "planted").unwrap();
        if geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65_533), None).unwrap();
            assert!(matches!(check(&path), Err(OwnershipError::Foreign { .. })));
        } else {
            // Without root, the kernel's own files under /proc show another owner.
            let mut processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap());
            let own = geteuid().as_raw();
            let foreign =
                processes.find(|entry| entry.metadata().is_ok_and(|data| ![0, own].contains(&data.uid())));
            let foreign = foreign.expect("run this test as root, or beside a process of another user").path();
            let data = fs::metadata(&foreign).unwrap();
            assert!(matches!(check_owner(&foreign, &data), Err(OwnershipError::Foreign { .. })));
        }
    }
}
