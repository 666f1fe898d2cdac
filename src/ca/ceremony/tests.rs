//! Making CAs, with their chains verified by rustls.

use super::*;
use crate::ca::fixture::{NOW, issue, load, profile, rustls_accepts, short_root};
use crate::ca::{CaFileError, ImportError, IssuedCertificate, pem_to_der};

fn der(pem: &str) -> Vec<u8> {
    pem_to_der("CERTIFICATE", pem).unwrap()
}

fn leaf(ca: &CertificateAuthority) -> IssuedCertificate {
    issue(ca, profile(&["proxy"]))
}

#[test]
fn a_new_authority_lives_ten_and_three_years() {
    let made = CertificateAuthority::generate("gatepass example.org", NOW).unwrap();
    let ca = load(&made);
    assert_eq!(ca.root_not_after(), NOW.plus(DAY * 3652));
    assert_eq!(ca.issuing_not_after(), NOW.plus(DAY * 1095));
    assert_eq!(ca.root_fingerprint(), crate::id::Fingerprint::of(&der(&made.root_pem)));
    assert_eq!((ca.root_pem(), ca.issuing_pem()), (made.root_pem.as_str(), made.issuing_pem.as_str()));
    assert_eq!(ca.chain_pem(), format!("{}{}", made.issuing_pem, made.root_pem));
}

#[test]
fn an_authority_may_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<CertificateAuthority>();
}

#[test]
fn a_second_issuing_ca_has_another_name() {
    let made = CertificateAuthority::generate("gatepass", NOW).unwrap();
    let later = NOW.plus(DAY * 3000);
    let (pem, key) =
        CertificateAuthority::new_issuing(&made.root_pem, &made.root_key, "gatepass", later).unwrap();
    let next = CertificateAuthority::from_pem(&made.root_pem, &pem, &key, later).unwrap();
    assert_eq!(next.issuing_not_after(), next.root_not_after(), "never past the root");
    assert_ne!(load(&made).subject(), next.subject());
}

#[test]
fn an_issuing_ca_needs_the_roots_own_key() {
    let made = CertificateAuthority::generate("gatepass", NOW).unwrap();
    let refused = CertificateAuthority::new_issuing(&made.root_pem, &made.issuing_key, "gatepass", NOW).err();
    assert_eq!(
        refused,
        Some(IssueError::Authority(ImportError::File { what: "root key", problem: CaFileError::OtherKey }))
    );
}

#[test]
fn the_old_root_vouches_for_the_new_one() {
    let old = CertificateAuthority::generate("gatepass", NOW).unwrap();
    let new = CertificateAuthority::new_root("other name", NOW, &old.root_pem, &old.root_key, &[]).unwrap();
    let (pem, key) =
        CertificateAuthority::new_issuing(&new.root_pem, &new.root_key, "gatepass", NOW).unwrap();
    let ca = CertificateAuthority::from_pem(&new.root_pem, &pem, &key, NOW).unwrap();
    let issued = leaf(&ca);
    assert_eq!(rustls_accepts(ca.root_der(), &[ca.issuing_der()], &issued.der, &[], NOW), Ok(()));
    let chain: [&[u8]; 2] = [ca.issuing_der(), &der(&new.cross_pem)];
    assert_eq!(rustls_accepts(&der(&old.root_pem), &chain, &issued.der, &[], NOW), Ok(()));
    assert!(rustls_accepts(&der(&old.root_pem), &chain[..1], &issued.der, &[], NOW).is_err());
}

fn subject_of(pem: &str) -> Name {
    import::root_at(pem, NOW).unwrap().subject().clone()
}

#[test]
fn each_new_root_has_a_subject_of_its_own() {
    let old = CertificateAuthority::generate("gatepass", NOW).unwrap();
    let new = CertificateAuthority::new_root("gatepass", NOW, &old.root_pem, &old.root_key, &[]).unwrap();
    assert_ne!(subject_of(&new.root_pem), subject_of(&old.root_pem));
    for pem in [&old.root_pem, &new.root_pem] {
        assert_eq!(import::root_at(pem, NOW).unwrap().path_length, None);
    }
}

#[test]
fn successors_of_a_short_root_keep_its_subject() {
    let (first, key) = short_root();
    let new_root = |pem: &str, key: &Secret<String>, former: &[Secret<String>]| {
        CertificateAuthority::new_root("other name", NOW, pem, key, former).unwrap()
    };
    let second = new_root(first.expose(), &key, &[]);
    let former = [Secret::new(first.expose().clone())];
    let third = new_root(&second.root_pem, &second.root_key, &former);
    let mut chain = vec![der(&second.cross_pem)];
    for root in [&second, &third] {
        assert_eq!(subject_of(&root.root_pem), subject_of(first.expose()));
        if root.root_pem == third.root_pem {
            chain.insert(0, der(&third.cross_pem));
        }
        let (pem, key) =
            CertificateAuthority::new_issuing(&root.root_pem, &root.root_key, "gatepass", NOW).unwrap();
        let ca = CertificateAuthority::from_pem(&root.root_pem, &pem, &key, NOW).unwrap();
        let chain = std::iter::once(ca.issuing_der()).chain(chain.iter().map(Vec::as_slice));
        let chain = chain.collect::<Vec<_>>();
        assert_eq!(rustls_accepts(&der(first.expose()), &chain, &leaf(&ca).der, &[], NOW), Ok(()));
    }
    let fourth = new_root(&third.root_pem, &third.root_key, &[]);
    assert_ne!(subject_of(&fourth.root_pem), subject_of(first.expose()), "the short root has left");
}

#[test]
fn the_first_root_vouches_for_the_third() {
    let first = CertificateAuthority::generate("gatepass", NOW).unwrap();
    let second =
        CertificateAuthority::new_root("gatepass", NOW, &first.root_pem, &first.root_key, &[]).unwrap();
    let third =
        CertificateAuthority::new_root("gatepass", NOW, &second.root_pem, &second.root_key, &[]).unwrap();
    let (pem, key) =
        CertificateAuthority::new_issuing(&third.root_pem, &third.root_key, "gatepass", NOW).unwrap();
    let ca = CertificateAuthority::from_pem(&third.root_pem, &pem, &key, NOW).unwrap();
    let chain: [&[u8]; 3] = [ca.issuing_der(), &der(&third.cross_pem), &der(&second.cross_pem)];
    assert_eq!(rustls_accepts(&der(&first.root_pem), &chain, &leaf(&ca).der, &[], NOW), Ok(()));
    assert_eq!(rustls_accepts(&der(&second.root_pem), &chain[..2], &leaf(&ca).der, &[], NOW), Ok(()));
}
