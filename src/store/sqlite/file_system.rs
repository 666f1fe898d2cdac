//! The file system of the database. SQLite needs locks and shared memory that all its writers share.

use std::path::Path;

use super::lock::directory_of;
use super::open_error::OpenError;

/// The choice about file systems in user space. Two mounts of one directory share no locks, and their servers would destroy the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fuse {
    /// Refuses to open a database there.
    Refused,
    /// Opens it: an operator said that only this machine writes there.
    Allowed,
}

/// Refuses a database on a network file system.
pub(super) fn refuse_network(path: &Path, fuse: Fuse) -> Result<(), OpenError> {
    // A directory that is to be created will be where its parents are.
    let mut above = directory_of(path).ancestors();
    let directory = above.find(|directory| directory.exists()).unwrap_or(Path::new("."));
    let unusable = |source| OpenError::NotWritable { path: directory.to_owned(), source };
    judge(number(directory).map_err(unusable)?, directory, fuse)
}

fn judge(number: u32, directory: &Path, fuse: Fuse) -> Result<(), OpenError> {
    let path = || directory.to_owned();
    if number == FUSE && fuse == Fuse::Refused {
        let kind = user_space_kind(directory).unwrap_or_else(|| "FUSE".to_owned());
        return Err(OpenError::UserSpaceFileSystem { path: path(), kind });
    }
    match network_kind(number) {
        Some(kind) => Err(OpenError::NetworkFileSystem { path: path(), kind }),
        None => Ok(()),
    }
}

/// The number of file systems in user space.
const FUSE: u32 = 0x6573_5546;

/// Returns the number of a directory's file system (statfs(2)).
#[cfg(target_os = "linux")]
fn number(directory: &Path) -> std::io::Result<u32> {
    Ok(rustix::fs::statfs(directory)?.f_type as u32)
}

/// Other systems have no such number.
#[cfg(not(target_os = "linux"))]
fn number(directory: &Path) -> std::io::Result<u32> {
    std::fs::metadata(directory).map(|_| 0)
}

/// The name of a network file system.
fn network_kind(number: u32) -> Option<&'static str> {
    KINDS.iter().find(|(known, _)| *known == number).map(|(_, kind)| *kind)
}

const KINDS: &[(u32, &str)] = &[
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x564c, "NCP"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
    (0x0102_1997, "9P"),
];

/// Returns the name that mount(8) shows for the directory's file system, such as `fuse.bindfs`.
fn user_space_kind(directory: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let device = std::fs::metadata(directory).ok()?.dev();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    kind_of_device(&mounts, rustix::fs::major(device), rustix::fs::minor(device)).map(str::to_owned)
}

/// Finds the type of a device in `mounts`, which has the form of proc_pid_mountinfo(5).
fn kind_of_device(mounts: &str, major: u32, minor: u32) -> Option<&str> {
    let device = format!("{major}:{minor}");
    let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some(&device))?;
    mount.split_once(" - ")?.1.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
        28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n\
        97 28 0:52 / /srv/a\\040b rw,nosuid shared:50 - fuse.bindfs /srv/data rw,user_id=0,group_id=0\n\
        98 28 0:53 / / rw,nodev - fuse.fuse-overlayfs fuse-overlayfs rw,user_id=0\n";

    #[test]
    fn the_subtype_of_a_mount_is_named() {
        assert_eq!(kind_of_device(MOUNTS, 0, 52), Some("fuse.bindfs"));
        assert_eq!(kind_of_device(MOUNTS, 0, 53), Some("fuse.fuse-overlayfs"));
        assert_eq!(kind_of_device(MOUNTS, 254, 1), Some("ext4"));
        assert_eq!(kind_of_device(MOUNTS, 0, 5), None);
    }

    #[test]
    fn fuse_is_refused_until_it_is_allowed() {
        let here = Path::new("/");
        let refused = judge(FUSE, here, Fuse::Refused).unwrap_err().to_string();
        assert!(refused.contains("server.allow_fuse = true"), "{refused}");
        assert!(judge(FUSE, here, Fuse::Allowed).is_ok());
        assert!(matches!(judge(0x6969, here, Fuse::Allowed), Err(OpenError::NetworkFileSystem { .. })));
    }

    #[test]
    fn a_local_directory_is_accepted_and_has_a_kind() {
        let directory = tempfile::tempdir().unwrap();
        assert!(refuse_network(&directory.path().join("gatepass.db"), Fuse::Refused).is_ok());
        assert!(user_space_kind(directory.path()).is_some());
    }
}
