//! Access lists of files (acl(5)), which systemd gives to credentials.

use std::path::Path;

use rustix::fs::getxattr;
use rustix::process::geteuid;

/// The attribute that holds a file's access list.
const ACCESS_LIST: &str = "system.posix_acl_access";
/// The first bytes of an access list.
const VERSION: [u8; 4] = [2, 0, 0, 0];

/// Returns true if an access list (acl(5)) lets the process's user read the file, and nobody else but its owner. The group's
/// bits of the mode are then the mask of the list.
pub(super) fn is_listed_for_us(path: &Path) -> bool {
    const OWNER: u16 = 0x01;
    const USER: u16 = 0x02;
    const MASK: u16 = 0x10;
    let mut list = [0; 256];
    let Ok(length) = getxattr(path, ACCESS_LIST, &mut list[..]) else { return false };
    let entries = list[..length].get(VERSION.len()..).unwrap_or_default().chunks_exact(8);
    list.starts_with(&VERSION)
        && entries.map(|entry| (u16_at(entry, 0), u16_at(entry, 2), entry[4..].to_owned())).all(
            |(tag, right, id)| match tag {
                OWNER | MASK => true,
                USER => right == 0o4 && id == geteuid().as_raw().to_le_bytes(),
                _ => right == 0,
            },
        )
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use rustix::fs::{XattrFlags, setxattr};

    use super::super::{load_imported, load_private, write_private};
    use super::*;

    #[test]
    fn an_access_list_for_us_alone_passes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tls.key");
        write_private(&path, b"key").unwrap();
        let set = |user: u32, group: u16| {
            let entry = |tag: u16, right: u16, id: u32| {
                [&tag.to_le_bytes()[..], &right.to_le_bytes(), &id.to_le_bytes()].concat()
            };
            let nobody = u32::MAX;
            let list = [
                VERSION.to_vec(),
                entry(0x01, 4, nobody),
                entry(0x02, 4, user),
                entry(0x04, group, nobody),
                entry(0x10, 4, nobody),
                entry(0x20, 0, nobody),
            ];
            setxattr(&path, ACCESS_LIST, &list.concat(), XattrFlags::empty()).unwrap();
        };
        let us = geteuid().as_raw();
        set(us, 0);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o440);
        assert_eq!(load_imported(&path).unwrap().expose(), "key");
        assert!(load_private(&path).is_err(), "the vault's own files have no access list");
        for (user, group) in [(us + 1, 0), (us, 4)] {
            set(user, group);
            assert!(!is_listed_for_us(&path), "{user} {group}");
        }
    }
}
