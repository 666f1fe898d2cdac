//! Sets of CRLs before and after rotations, and sets that may not replace another.

use super::*;
use crate::ca::{CertificateAuthority, NewAuthority, der_to_pem, sign_root_crl};
use crate::secret::Secret;

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);
const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

/// A root and its issuing CA.
struct Made {
    root: (String, Secret<String>),
    issuing: CertificateAuthority,
}

impl Made {
    fn new(name: &str) -> Self {
        let NewAuthority { root_key, root_pem, issuing_key, issuing_pem } =
            CertificateAuthority::generate(name, NOW).unwrap();
        let issuing = CertificateAuthority::from_pem(&root_pem, &issuing_pem, &issuing_key, NOW).unwrap();
        Self { root: (root_pem, root_key), issuing }
    }

    /// The next root with its issuing CA, and the cross certificate to it.
    fn next(&self) -> (Self, String) {
        let made = CertificateAuthority::new_root("gatepass", NOW, &self.root.0, &self.root.1, &[]).unwrap();
        let (pem, key) =
            CertificateAuthority::new_issuing(&made.root_pem, &made.root_key, "gatepass", NOW).unwrap();
        let issuing = CertificateAuthority::from_pem(&made.root_pem, &pem, &key, NOW).unwrap();
        (Self { root: (made.root_pem, made.root_key), issuing }, made.cross_pem)
    }

    fn crls(&self, number: u64) -> String {
        self.issuing_crl(number) + &self.root_crl()
    }

    fn root_crl(&self) -> String {
        pem(&sign_root_crl(&self.root.0, &self.root.1, 1, &[], NOW).unwrap())
    }

    fn issuing_crl(&self, number: u64) -> String {
        pem(&self.issuing.sign_crl(number, &[], NOW).unwrap())
    }

    fn bundle(&self) -> String {
        self.issuing.chain_pem()
    }

    fn check(&self, crls: &str, bundle: &str) -> Result<CrlSet, CrlSetError> {
        CrlSet::check(crls, bundle, &certificates(&self.root.0).unwrap(), NOW)
    }

    fn set(&self, number: u64) -> CrlSet {
        self.check(&self.crls(number), &self.bundle()).ok().unwrap()
    }
}

fn pem(der: &[u8]) -> String {
    der_to_pem("X509 CRL", der)
}

fn refusal(outcome: Result<CrlSet, CrlSetError>) -> Option<CrlError> {
    match outcome.err()? {
        CrlSetError::Crl { why, .. } => Some(why),
        other => panic!("{other}"),
    }
}

#[test]
fn every_crl_leads_to_the_root_before_a_rotation() {
    let old = Made::new("gatepass");
    let (new, cross) = old.next();
    let (crls, bundle) = (old.crls(7) + &new.crls(1), new.bundle() + &cross + &old.bundle());
    let set = old.check(&crls, &bundle).ok().unwrap();
    assert_eq!((set.der().count(), set.left_out().len()), (4, 0));
    assert_eq!(set.summaries()[0].number, "7");
    let set = new.check(&crls, &bundle).ok().unwrap();
    assert_eq!(
        (set.der().count(), set.left_out().len()),
        (2, 2),
        "nothing leads from the new root to the old"
    );
    assert!(set.left_out()[0].contains("gatepass"), "{:?}", set.left_out());
}

#[test]
fn a_crl_that_leads_nowhere_is_refused() {
    let (made, other) = (Made::new("gatepass"), Made::new("gatepass"));
    let refused = made.check(&(made.crls(1) + &other.issuing_crl(1)), &made.bundle());
    assert_eq!(refusal(refused), Some(CrlError::Untrusted));
    let renamed = made.check(&made.crls(1), &other.bundle());
    assert_eq!(refusal(renamed), Some(CrlError::Untrusted), "its issuing CA is not in the bundle");
    assert_eq!(made.check(&other.crls(1), &other.bundle()).err(), Some(CrlSetError::Nothing));
}

#[test]
fn an_issuing_ca_without_a_crl_is_refused() {
    let made = Made::new("gatepass");
    let refused = made.check(&made.root_crl(), &made.bundle()).err();
    assert!(matches!(refused, Some(CrlSetError::Missing { .. })), "{refused:?}");
    let set = made.check(&made.issuing_crl(1), &made.bundle()).ok().unwrap();
    assert_eq!(set.roots_without_crl().len(), 1);
}

#[test]
fn an_ended_crl_is_refused() {
    let made = Made::new("gatepass");
    let at = |now| CrlSet::check(&made.crls(1), &made.bundle(), &certificates(&made.root.0).unwrap(), now);
    assert!(at(NOW.plus(HOUR * 23)).is_ok());
    assert_eq!(refusal(at(NOW.plus(HOUR * 24))), Some(CrlError::Expired));
    assert_eq!(refusal(at(NOW.minus(HOUR))), Some(CrlError::NotYetValid));
}

#[test]
fn no_crl_goes_back_or_gets_lost() {
    let made = Made::new("gatepass");
    let replaces = |before: &str| made.set(5).may_replace(before.as_bytes(), NOW);
    assert_eq!(replaces(""), Ok(()));
    assert_eq!(replaces(&made.issuing_crl(4)), Ok(()));
    let back = replaces(&made.issuing_crl(6));
    assert!(matches!(back, Err(CrlSetError::Crl { why: CrlError::WentBack, .. })), "{back:?}");
    let whole = made.issuing_crl(4);
    let cut = replaces(&whole[..whole.len() - 30]).unwrap_err().to_string();
    assert!(cut.ends_with("no END line"), "{cut}");
    let late = made.set(5).may_replace(made.issuing_crl(6).as_bytes(), NOW.plus(HOUR * 48));
    assert!(late.is_err(), "an ended CRL has a number too");

    let without_root = made.check(&made.issuing_crl(5), &made.bundle()).ok().unwrap();
    let lost = without_root.may_replace(made.root_crl().as_bytes(), NOW);
    assert!(matches!(lost, Err(CrlSetError::Lost { .. })), "{lost:?}");
}

#[test]
fn a_retired_issuing_ca_may_go() {
    let old = Made::new("gatepass");
    let (pem, key) = CertificateAuthority::new_issuing(&old.root.0, &old.root.1, "gatepass", NOW).unwrap();
    let issuing = CertificateAuthority::from_pem(&old.root.0, &pem, &key, NOW).unwrap();
    let new = Made { root: (old.root.0.clone(), Secret::new(old.root.1.expose().clone())), issuing };
    let root_crl = old.root_crl();
    let set = new.check(&(new.issuing_crl(1) + &root_crl), &new.bundle()).ok().unwrap();
    assert_eq!(set.may_replace((old.issuing_crl(9) + &root_crl).as_bytes(), NOW), Ok(()));
}

#[test]
fn the_file_of_another_authority_is_not_replaced() {
    let (made, other) = (Made::new("gatepass"), Made::new("other"));
    let refused = made.set(1).may_replace(other.crls(1).as_bytes(), NOW);
    assert_eq!(refused, Err(CrlSetError::OtherFile));
    assert_eq!(made.set(1).may_replace(b"ssl_crl off;", NOW), Err(CrlSetError::OtherFile));
}
