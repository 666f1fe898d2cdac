//! Links of gatepass and of others, and directories of earlier versions.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::client::directory::tests::{enrolled, host};
use crate::client::directory::{
    CertDir, Fault, HOST, KEY, LOCK, Stored, examine, load, load_enrolled, load_identity, load_key, repair,
    whole,
};

/// The names in a directory, without the lock.
fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != LOCK).collect();
    names.sort_unstable();
    names
}

fn text(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap_or_default()
}

/// Every name has the content of the identity in use, and nothing else is there.
fn assert_settled(dir: &Path) {
    assert!(is_settled(dir).unwrap());
    let number = current(dir).unwrap().unwrap();
    let mut expected: Vec<String> = FILES.iter().map(|&name| name.to_owned()).collect();
    expected.extend([name_of(number), CURRENT.to_owned()]);
    expected.sort_unstable();
    assert_eq!(names(dir), expected);
    for name in FILES {
        assert_eq!(fs::read_link(dir.join(name)).unwrap(), target_of(name));
        assert!(!text(dir, name).is_empty(), "{name}");
    }
}

/// Makes the directory what an earlier version left: plain files without `fullchain.pem`.
fn flatten(dir: &Path) {
    let used = used(dir).unwrap();
    for name in FILES {
        fs::remove_file(dir.join(name)).unwrap();
        if name != FULL_CHAIN {
            fs::rename(used.join(name), dir.join(name)).unwrap();
        }
    }
    fs::remove_dir_all(used).unwrap();
    fs::remove_file(dir.join(CURRENT)).unwrap();
}

fn key(dir: &Path) -> String {
    load_key(dir).unwrap().unwrap().to_pem().expose().clone()
}

#[test]
fn an_enrolled_directory_is_settled() {
    let dir = enrolled();
    assert_settled(dir.path());
    let blocks = |name| text(dir.path(), name).matches("BEGIN CERTIFICATE").count();
    assert_eq!((blocks("host.pem"), blocks("chain.pem"), blocks("fullchain.pem")), (1, 1, 1), "no root");
}

#[test]
fn a_directory_of_an_earlier_version_is_moved() {
    let dir = enrolled();
    let before = key(dir.path());
    flatten(dir.path());
    assert!(load_identity(dir.path()).is_ok() && key(dir.path()) == before);
    assert_eq!(load_enrolled(dir.path()).unwrap(), host());
    fs::set_permissions(dir.path().join(KEY), fs::Permissions::from_mode(0o640)).unwrap();
    repair(dir.path()).unwrap();
    assert_settled(dir.path());
    assert_eq!(key(dir.path()), before);
    let mode = fs::metadata(dir.path().join(KEY)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "the mode of the key");
}

#[test]
fn an_interrupted_move_goes_on() {
    for linked in 0..FILES.len() {
        let dir = enrolled();
        let before = key(dir.path());
        flatten(dir.path());
        add(dir.path(), &compose(dir.path(), dir.path()).unwrap()).unwrap();
        link(Path::new(&name_of(1)), &dir.path().join(CURRENT), &dir.path().join(LINK)).unwrap();
        for name in &FILES[..linked] {
            link(&target_of(name), &dir.path().join(name), &dir.path().join(LINK)).unwrap();
        }
        assert_eq!(key(dir.path()), before);
        repair(dir.path()).unwrap();
        assert_settled(dir.path());
        assert_eq!(key(dir.path()), before);
    }
}

/// An earlier version moved the files of a new identity one after another.
#[test]
fn a_change_of_an_earlier_version_is_completed() {
    for moved in 0..=5 {
        let (old, new) = (enrolled(), enrolled());
        flatten(old.path());
        flatten(new.path());
        let ready = old.path().join(READY);
        fs::create_dir(&ready).unwrap();
        for (place, name) in FILES.into_iter().filter(|name| *name != FULL_CHAIN).enumerate() {
            let to = if place < moved { old.path() } else { &ready };
            fs::copy(new.path().join(name), to.join(name)).unwrap();
        }
        assert_eq!(key(old.path()), key(new.path()), "a reader has the new identity, {moved}");
        repair(old.path()).unwrap();
        assert_settled(old.path());
        for name in [KEY, LEAF, CHAIN, HOST] {
            assert_eq!(text(old.path(), name), text(new.path(), name), "{name}, {moved}");
        }
    }
}

#[test]
fn a_file_put_in_place_of_a_link_counts() {
    let (dir, other) = (enrolled(), enrolled());
    for name in [KEY, LEAF, CHAIN, "root.pem", HOST] {
        fs::remove_file(dir.path().join(name)).unwrap();
        fs::copy(other.path().join(name), dir.path().join(name)).unwrap();
    }
    drop(CertDir::open(dir.path()).unwrap());
    assert_settled(dir.path());
    assert_eq!(key(dir.path()), key(other.path()));
}

#[test]
fn a_file_that_does_not_fit_destroys_nothing() {
    for name in [KEY, LEAF] {
        let (dir, other) = (enrolled(), enrolled());
        let (before, path) = (key(dir.path()), dir.path().join(name));
        fs::remove_file(&path).unwrap();
        fs::copy(other.path().join(name), &path).unwrap();
        repair(dir.path()).unwrap();
        assert_eq!(key(dir.path()), before, "the identity in use stays");
        assert_eq!(text(dir.path(), name), text(other.path(), name), "the file stays where it is");
        let (_, faults) = examine(dir.path()).unwrap();
        assert!(faults.iter().any(|fault| matches!(fault, Fault::OtherFile(other) if *other == name)));
        use_newest(dir.path(), Foreign::Goes).unwrap();
        assert_settled(dir.path());
    }
}

#[test]
fn links_that_gatepass_did_not_make_are_refused() {
    let elsewhere = enrolled();
    let absolute = |name: &str| elsewhere.path().join(name);
    let targets = [
        (CURRENT, elsewhere.path().to_owned()),
        (CURRENT, PathBuf::from("..")),
        (CURRENT, PathBuf::from(".identity-01")),
        (CURRENT, PathBuf::from(".identity-1/../..")),
        (KEY, absolute(KEY)),
        (KEY, PathBuf::from("current/host.pem")),
        (KEY, PathBuf::from("../current/host.key")),
        (LEAF, PathBuf::from(".identity-1/host.pem")),
    ];
    for (name, target) in targets {
        let dir = enrolled();
        fs::remove_file(dir.path().join(name)).unwrap();
        symlink(&target, dir.path().join(name)).unwrap();
        let refused = CertDir::open(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("is a link"), "{name} to {}: {refused}", target.display());
    }
    let dir = enrolled();
    let place = used(dir.path()).unwrap();
    fs::rename(&place, dir.path().join("kept")).unwrap();
    symlink("kept", &place).unwrap();
    for refused in [CertDir::open(dir.path()).map(drop), load(dir.path()).map(drop)] {
        assert!(refused.unwrap_err().to_string().contains("is a link"));
    }
}

#[test]
fn a_reader_sees_a_whole_pair_during_changes() {
    let dir = enrolled();
    let other = enrolled();
    let identities = [dir.path(), other.path()].map(|from| (key(from), text(from, LEAF)));
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0..200 {
                let made = dir.path().join(COPY);
                fs::create_dir(&made).unwrap();
                let (key, leaf) = &identities[turn % 2];
                write(&made.join(KEY), key.as_bytes(), 0o600).unwrap();
                write(&made.join(LEAF), leaf.as_bytes(), 0o644).unwrap();
                for name in [CHAIN, "root.pem", HOST] {
                    fs::copy(other.path().join(name), made.join(name)).unwrap();
                }
                add(dir.path(), &made).unwrap();
                use_newest(dir.path(), Foreign::Stays).unwrap();
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let mut reads = 0;
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            let parts = whole(dir.path(), Stored::parts).unwrap();
            let pair = (parts.key.expose().clone(), parts.leaf.expose().clone());
            assert!(identities.contains(&pair));
            reads += 1;
        }
        assert!(reads > 10, "{reads}");
    });
}

#[test]
fn an_interrupted_leave_is_completed() {
    let dir = enrolled();
    fs::rename(used(dir.path()).unwrap(), dir.path().join(LEFT)).unwrap();
    assert_eq!(load(dir.path()).unwrap(), None, "the identity is gone at once");
    assert!(!is_settled(dir.path()).unwrap());
    repair(dir.path()).unwrap();
    assert_eq!(names(dir.path()), Vec::<String>::new());
}
