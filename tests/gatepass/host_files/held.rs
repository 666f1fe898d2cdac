//! Files that a mount or an attribute holds in place: found before a request.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::support::served::{complaint, run};
use crate::support::site::{Site, good, host};

/// Sets or removes the attribute; chattr(1) does the same.
fn set(path: &Path, attribute: IFlags, held: bool) {
    let file = File::open(path).unwrap();
    let mut flags = ioctl_getflags(&file).unwrap();
    flags.set(attribute, held);
    let needed =
        "this test needs root, and a directory for temporary files with attributes (ext4, xfs, btrfs)";
    ioctl_setflags(&file, flags).expect(needed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_file_is_found_before_a_request() {
    let mut site = Site::start();
    let certs = site.enrolled();
    let before = fs::read(certs.join("host.pem")).unwrap();
    let used = certs.canonicalize().unwrap().join(fs::read_link(certs.join("current")).unwrap());
    for (path, attribute, remedy) in [
        (used.join("host.key"), IFlags::IMMUTABLE, "chattr -i"),
        (used.clone(), IFlags::IMMUTABLE, "chattr -i"),
        (certs.clone(), IFlags::IMMUTABLE, "chattr -i"),
        (used.join("host.pem"), IFlags::APPEND, "chattr -a"),
        (certs.clone(), IFlags::APPEND, "chattr -a"),
    ] {
        set(&path, attribute, true);
        for arguments in [&["renew"][..], &["leave", "--yes"]] {
            let output = run(&mut host(arguments, &certs));
            assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
            let said = complaint(&output);
            assert!(said.contains(remedy) && said.contains("nothing was sent"), "{arguments:?}: {said}");
        }
        let status = run(&mut host(&["status"], &certs));
        set(&path, attribute, false);
        assert!(status.status.success(), "it can be used: {}", complaint(&status));
    }
    assert_eq!(fs::read(certs.join("host.pem")).unwrap(), before);
    let hosts = site.server.admin().get("/api/v1/hosts?state=live").await;
    assert_eq!(hosts.json["items"].as_array().unwrap().len(), 1, "{}", hosts.text);
    good(&mut host(&["renew"], &certs));
}

/// Runs a command where `path` is a mount: unshare(1) gives it mounts of its own.
fn mounted(path: &Path, command: &Command) -> std::process::Output {
    let mut unshare = Command::new("unshare");
    let script = "mount --bind \"$0\" \"$0\" && exec \"$@\"";
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(path);
    run(unshare.arg(command.get_program()).args(command.get_args()))
}

#[test]
fn a_mounted_file_is_found_before_a_request() {
    let mut site = Site::start();
    let certs = site.enrolled();
    let flat = site.path("flat");
    fs::create_dir(&flat).unwrap();
    for name in ["host.key", "host.pem", "chain.pem", "root.pem", "host.json"] {
        fs::copy(certs.join(name), flat.join(name)).unwrap();
    }
    for dir in [&certs, &flat] {
        for path in [dir.join("host.key"), dir.join("chain.pem")] {
            let output = mounted(&path, &host(&["renew"], dir));
            let said = complaint(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("is a mount") && said.contains("nothing was sent"), "{said}");
        }
    }
    let whole = mounted(&certs, &host(&["renew"], &certs));
    assert!(whole.status.success(), "the whole directory: {}", complaint(&whole));
    good(&mut host(&["status"], &certs));
}
