//! `status` compares every part of an identity with the others.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use gatepass::client::directory::FILES;
use rustix::process::geteuid;
use serde_json::Value;

use crate::support::served::{complaint, run};
use crate::support::site::{Site, good, host};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Replaces the text of a file, for every program that reads it.
fn change(path: &Path, change: impl Fn(&str) -> String) {
    fs::write(path, change(&fs::read_to_string(path).unwrap())).unwrap();
}

/// A copy of the identity, with plain files.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for name in FILES {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

/// The output of `status` for an identity that cannot be used.
fn unusable(certs: &Path) -> String {
    let output = run(&mut host(&["status"], certs));
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), complaint(output))
}

#[test]
fn status_finds_every_part_that_does_not_fit() {
    let mut site = Site::start();
    let (whole, other) = (site.enrolled(), site.enrolled());
    good(&mut host(&["status"], &whole));
    let mut elsewhere = Site::start();
    let elsewhere_certs = elsewhere.enrolled();
    let from = |source: &Path, name: &'static str| {
        let source = source.join(name);
        move |certs: &Path| fs::write(certs.join(name), fs::read(&source).unwrap()).unwrap()
    };
    let year = |file: &str| {
        let mut file: Value = serde_json::from_str(file).unwrap();
        file["expires_at"] = "2099-01-01T00:00:00Z".into();
        file.to_string()
    };
    let roles = |file: &str| file.replace("proxy", "director");
    type Case<'a> = (&'a str, Box<dyn Fn(&Path) + 'a>);
    let cases: Vec<Case<'_>> = vec![
        ("host.key is not the key of host.pem", Box::new(from(&other, "host.key"))),
        ("host.key is not the key of host.pem", Box::new(from(&other, "host.pem"))),
        ("host.pem is the certificate of host", Box::new(from(&other, "host.json"))),
        ("host.json says 2099", Box::new(move |certs| change(&certs.join("host.json"), year))),
        ("other roles", Box::new(move |certs| change(&certs.join("host.json"), roles))),
        ("root.pem has the fingerprint", Box::new(from(&elsewhere_certs, "root.pem"))),
        ("no signatures lead", Box::new(from(&elsewhere_certs, "chain.pem"))),
        ("no signatures lead", Box::new(|certs| fs::write(certs.join("chain.pem"), "").unwrap())),
        ("host.pem does not hold", Box::new(|certs| fs::write(certs.join("host.pem"), "").unwrap())),
        ("it holds no private key", Box::new(|certs| fs::write(certs.join("host.key"), "").unwrap())),
        ("holds no certificate", Box::new(|certs| fs::write(certs.join("root.pem"), "").unwrap())),
        ("chain.pem: it is missing", Box::new(|certs| fs::remove_file(certs.join("chain.pem")).unwrap())),
        ("other users may read", Box::new(|certs| set_mode(&certs.join("host.key"), 0o644))),
        ("other users may read", Box::new(|certs| set_mode(&certs.join("host.key"), 0o604))),
        ("other users can change", Box::new(|certs| set_mode(&certs.join("host.key"), 0o660))),
    ];
    for (number, (expected, spoil)) in cases.iter().enumerate() {
        let certs = site.path(&format!("spoiled-{number}"));
        copy(&whole, &certs);
        spoil(&certs);
        let said = unusable(&certs);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn status_compares_files_of_other_programs() {
    let mut site = Site::start();
    let certs = site.enrolled();
    change(&certs.join("fullchain.pem"), |text| text.repeat(2));
    assert!(unusable(&certs).contains("fullchain.pem is not host.pem with"));
    let output = run(host(&["status"], &certs).args(["-o", "json"]));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(shown["faults"][0].as_str().unwrap().starts_with("fullchain.pem"), "{shown}");
}

#[test]
fn status_fails_without_access_to_the_key() {
    let mut site = Site::start();
    let certs = site.enrolled();
    for open in [site.dir.path().to_owned(), certs.clone()] {
        set_mode(&open, 0o755);
    }
    let mut status = host(&["status"], &certs);
    match geteuid().is_root() {
        true => drop(status.uid(65_533).gid(65_533)),
        false => set_mode(&certs.join("host.key"), 0),
    }
    let output = run(&mut status);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("Permission denied"), "{}", text(&output));
}

/// The paths of the identity in `certs` that a backup restores as plain files.
fn restored(certs: &Path) -> Vec<PathBuf> {
    FILES.iter().map(|name| certs.join(name)).collect()
}

#[test]
fn restored_plain_files_are_used() {
    let mut site = Site::start();
    let certs = site.enrolled();
    let backup = site.path("backup");
    copy(&certs, &backup);
    for path in restored(&certs) {
        fs::remove_file(&path).unwrap();
        fs::copy(backup.join(path.file_name().unwrap()), &path).unwrap();
    }
    good(&mut host(&["status"], &certs));
    assert!(restored(&certs).iter().all(|path| path.is_symlink()));
    good(&mut host(&["renew"], &certs));
}
