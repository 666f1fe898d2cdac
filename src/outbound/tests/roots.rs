//! The roots of the system.

use super::stand::pem;
use crate::outbound::roots::{NO_SYSTEM_ROOTS, Roots};

fn root() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    pem(rcgen::CertificateParams::default().self_signed(&key).unwrap().der())
}

#[test]
fn a_changed_file_of_roots_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let (missing, file) = (dir.path().join("missing.crt"), dir.path().join("roots.crt"));
    let (roots, first) = (Roots::default(), root());
    let read = || roots.system(&[&missing, &file]);
    assert_eq!(read().err(), Some(NO_SYSTEM_ROOTS));
    std::fs::write(&file, &first).unwrap();
    let before = read().unwrap();
    assert!(std::sync::Arc::ptr_eq(&before, &read().unwrap()), "the file is the same");
    std::fs::write(&file, first + &root()).unwrap();
    assert!(!std::sync::Arc::ptr_eq(&before, &read().unwrap()));
}
