//! The users who may read a key: `enroll` sets them, and renewals keep them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use rustix::fs::{XattrFlags, getxattr, setxattr};
use rustix::process::{getegid, geteuid};

use crate::support::served::{complaint, run};
use crate::support::site::{Site, good, host};

/// A group that this process may give files to.
fn group() -> u32 {
    if geteuid().is_root() { 65_533 } else { getegid().as_raw() }
}

/// Group and mode of the file or directory.
fn access(path: &Path) -> (u32, u32) {
    let data = fs::metadata(path).unwrap();
    (data.gid(), data.mode() & 0o7777)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A site whose directory a group can pass.
fn site() -> Site {
    let site = Site::start();
    set_mode(site.dir.path(), 0o711);
    site
}

#[test]
fn a_group_reads_the_key_after_enrolling_and_renewing() {
    let mut site = site();
    let (token, group) = (site.token(), group());
    let certs = site.certs();
    let group_name = group.to_string();
    let arguments = ["enroll", "--token-file", token.to_str().unwrap(), "--group", &group_name];
    good(&mut host(&arguments, &certs));
    assert_eq!(access(&certs), (group, 0o710));
    for command in ["status", "renew", "status", "renew"] {
        good(&mut host(&[command], &certs));
        assert_eq!(access(&certs.join("host.key")), (group, 0o640), "{command}");
        assert_eq!(access(&fs::canonicalize(certs.join("current")).unwrap()).1, 0o755, "{command}");
    }
    good(&mut host(&arguments, &certs));
    good(&mut host(&["leave", "--yes"], &certs));
    assert!(!certs.join("host.key").exists());
}

#[test]
fn an_enrolled_host_is_given_a_group() {
    let mut site = site();
    let (token, group) = (site.token(), group().to_string());
    let certs = site.certs();
    let arguments = ["enroll", "--token-file", token.to_str().unwrap()];
    good(&mut host(&arguments, &certs));
    assert_eq!(access(&certs.join("host.key")).1, 0o600);
    good(host(&arguments, &certs).args(["--group", &group]));
    assert_eq!(access(&certs.join("host.key")).1, 0o640);
    good(host(&arguments, &certs).args(["--mode", "0600"]));
    assert_eq!(access(&certs.join("host.key")).1, 0o600);
}

#[test]
fn a_group_that_cannot_reach_the_key_is_named() {
    let mut site = site();
    let token = site.token();
    set_mode(site.dir.path(), 0o700);
    let enroll = |group: &str| {
        let arguments = ["enroll", "--token-file", token.to_str().unwrap(), "--group", group];
        let output = run(&mut host(&arguments, &site.certs()));
        (output.status.code(), complaint(&output))
    };
    let (code, said) = enroll(&group().to_string());
    assert_eq!(code, Some(1), "{said}");
    let path = fs::canonicalize(site.dir.path()).unwrap();
    assert!(said.contains(&format!("may not enter {} (mode 0700)", path.display())), "{said}");
    let (code, said) = enroll("no-such-group");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("getent group no-such-group"), "{said}");
}

/// An access list (acl(5)) in the form of the kernel: user 65533 may read.
fn reader_list() -> Vec<u8> {
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 4, 65_533), (4, 0, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permission, id) in entries {
        list.extend([&tag.to_le_bytes()[..], &permission.to_le_bytes(), &id.to_le_bytes()].concat());
    }
    list
}

#[test]
fn renewals_keep_an_access_list() {
    let certs_of = |site: &mut Site| site.enrolled();
    let mut site = Site::start();
    let certs = certs_of(&mut site);
    let key = certs.join("host.key");
    setxattr(&key, "system.posix_acl_access", &reader_list(), XattrFlags::empty()).unwrap();
    for _ in 0..2 {
        good(&mut host(&["renew"], &certs));
        let mut list = [0; 256];
        let length = getxattr(&key, "system.posix_acl_access", list.as_mut_slice()).unwrap();
        assert_eq!(list[..length], reader_list());
        good(&mut host(&["status"], &certs));
    }
}

#[test]
fn renewals_keep_owner_group_and_mode() {
    let mut site = Site::start();
    let certs = site.enrolled();
    let key = certs.join("host.key");
    let owner = if geteuid().is_root() { 65_533 } else { geteuid().as_raw() };
    for mode in [0o640, 0o440, 0o400, 0o600] {
        chown(&key, Some(owner), Some(group())).unwrap();
        set_mode(&key, mode);
        let before = fs::read(&key).unwrap();
        good(&mut host(&["renew"], &certs));
        assert_eq!(access(&key), (group(), mode));
        assert_eq!(fs::metadata(&key).unwrap().uid(), owner);
        assert_ne!(fs::read(&key).unwrap(), before);
        good(&mut host(&["status"], &certs));
    }
}

#[test]
fn a_strict_umask_hides_no_certificate() {
    let mut site = Site::start();
    let (token, certs) = (site.token(), site.certs());
    let mut enroll = Command::new("sh");
    enroll.args(["-c", "umask 077 && exec \"$@\"", "sh"]);
    let command = host(&["enroll", "--token-file", token.to_str().unwrap()], &certs);
    good(enroll.arg(command.get_program()).args(command.get_args()));
    for name in ["host.pem", "chain.pem", "fullchain.pem", "root.pem", "host.json"] {
        assert_eq!(access(&certs.join(name)).1, 0o644, "{name}");
    }
    assert_eq!((access(&certs).1, access(&certs.join("host.key")).1), (0o700, 0o600));
}

#[test]
fn a_new_group_replaces_an_access_list() {
    let mut site = site();
    let (token, certs) = (site.token(), site.certs());
    let arguments = ["enroll", "--token-file", token.to_str().unwrap()];
    good(&mut host(&arguments, &certs));
    let key = certs.join("host.key");
    setxattr(&key, "system.posix_acl_access", &reader_list(), XattrFlags::empty()).unwrap();
    good(host(&arguments, &certs).args(["--group", &group().to_string()]));
    assert_eq!(access(&key), (group(), 0o640));
    let list = getxattr(&key, "system.posix_acl_access", [0; 256].as_mut_slice());
    assert_eq!(list, Err(rustix::io::Errno::NODATA));
}

#[test]
fn a_key_open_to_others_is_refused() {
    let mut site = Site::start();
    let certs = site.enrolled();
    let key = certs.join("host.key");
    for mode in [0o644, 0o604, 0o660, 0o620] {
        set_mode(&key, mode);
        for (command, code) in [("status", 2), ("renew", 1)] {
            let output = run(&mut host(&[command], &certs));
            assert_eq!(output.status.code(), Some(code), "{command} {mode:o}: {}", complaint(&output));
        }
    }
}
