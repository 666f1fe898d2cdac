//! Chains, CRLs and roots of host certificates.

use rustls_pki_types::CertificateDer;

use super::*;
use crate::ca::{
    ApprovedRequest, CertificateAuthority, CrlEntry, CrlReason, Csr, CsrPolicy, HostProfile,
    IssuedCertificate, NewAuthority,
};
use crate::id::{HostId, Serial};
use crate::name::Role;

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

struct Made {
    root: String,
    chain: String,
    ca: CertificateAuthority,
}

fn authority() -> Made {
    let made: NewAuthority = CertificateAuthority::generate("gatepass example.org", NOW).unwrap();
    let ca =
        CertificateAuthority::from_pem(&made.root_pem, &made.issuing_pem, &made.issuing_key, NOW).unwrap();
    Made { root: made.root_pem, chain: ca.chain_pem(), ca }
}

fn profile(roles: &[&str], trust_domain: &str) -> HostProfile {
    HostProfile {
        host: HostId::generate(NOW),
        roles: roles.iter().map(|role| Role::parse(role).unwrap()).collect(),
        dns_name: None,
        trust_domain: trust_domain.to_owned(),
        lifetime: DAY * 30,
        crl_url: None,
    }
}

fn issue(ca: &CertificateAuthority, profile: HostProfile) -> IssuedCertificate {
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let csr = Csr::parse(&request, CsrPolicy { allow_rsa: false }).unwrap();
    ApprovedRequest::new(&csr, profile).prepare(ca, NOW).unwrap().issue().unwrap()
}

fn host(ca: &CertificateAuthority) -> (CertificateDer<'static>, Serial) {
    let issued = issue(ca, profile(&["allocator", "proxy"], "example.org"));
    (issued.der.into(), issued.serial)
}

fn revoked(serial: Serial) -> CrlEntry {
    CrlEntry { serial, revoked_at: NOW, reason: CrlReason::CessationOfOperation }
}

fn crl(made: &Made, number: u64, serials: &[Serial]) -> Vec<u8> {
    let entries = serials.iter().copied().map(revoked).collect::<Vec<_>>();
    made.ca.sign_crl(number, &entries, NOW).unwrap()
}

/// A verifier that knows the issuing CA, and an empty CRL with the number 5.
fn verifier(made: &Made) -> HostVerifier {
    let hosts = HostVerifier::new(&made.root, "example.org").unwrap();
    assert_eq!(hosts.learn_issuers(&made.chain, NOW), Ok(1));
    hosts.update_crl(&crl(made, 5, &[]), NOW).unwrap();
    hosts
}

#[test]
fn a_host_needs_only_its_own_certificate() {
    let made = authority();
    let hosts = verifier(&made);
    let mut asked = profile(&["allocator", "proxy"], "example.org");
    asked.dns_name = Some(crate::name::DnsName::parse("a.example.org").unwrap());
    let id = asked.host;
    let leaf: CertificateDer<'_> = issue(&made.ca, asked).der.into();
    let peer = hosts.verify(&leaf, &[], NOW).unwrap();
    assert_eq!(peer.host, id);
    assert!(peer.has_role("allocator") && peer.has_role("proxy") && !peer.has_role("director"));
    assert_eq!(peer.spiffe_id, format!("spiffe://example.org/host/{id}"));
    assert_eq!(hosts.verify(&leaf, &[], NOW), Ok(peer), "from memory it is the same");
}

#[test]
fn a_host_without_a_crl_is_refused() {
    let made = authority();
    let hosts = HostVerifier::new(&made.root, "example.org").unwrap().fail_open();
    let (leaf, _) = host(&made.ca);
    assert!(matches!(hosts.verify(&leaf, &[], NOW), Err(HostRefusal::Untrusted { .. })));
    let issuing = CertificateDer::from(made.ca.issuing_der().to_vec());
    assert_eq!(hosts.verify(&leaf, std::slice::from_ref(&issuing), NOW), Err(HostRefusal::NoCrl));
    assert_eq!(hosts.issuers(), [crate::id::hex(made.ca.issuing_ski())]);
    hosts.update_crl(&crl(&made, 1, &[]), NOW).unwrap();
    assert!(hosts.verify(&leaf, &[], NOW).is_ok());
}

#[test]
fn a_revoked_certificate_with_a_cached_chain_is_refused() {
    let made = authority();
    let hosts = verifier(&made);
    let ((leaf, serial), (other, _)) = (host(&made.ca), host(&made.ca));
    assert!(hosts.verify(&leaf, &[], NOW).is_ok());
    hosts.update_crl(&crl(&made, 6, &[serial]), NOW).unwrap();
    assert!(matches!(hosts.verify(&leaf, &[], NOW), Err(HostRefusal::Revoked { .. })));
    assert!(hosts.verify(&other, &[], NOW).is_ok());
}

#[test]
fn a_crl_with_a_lower_number_is_refused() {
    let made = authority();
    let hosts = verifier(&made);
    let (leaf, serial) = host(&made.ca);
    hosts.update_crl(&crl(&made, 300, &[serial]), NOW).unwrap();
    for older in [5, 299] {
        assert_eq!(hosts.update_crl(&crl(&made, older, &[]), NOW), Err(CrlError::WentBack));
    }
    assert_eq!(
        hosts.update_crl(&crl(&made, 300, &[]), NOW),
        Err(CrlError::WentBack),
        "another of that number"
    );
    assert!(matches!(hosts.verify(&leaf, &[], NOW), Err(HostRefusal::Revoked { .. })));
}

#[test]
fn an_unconfirmed_crl_is_stale_after_the_limit() {
    let made = authority();
    let (leaf, _) = host(&made.ca);
    let (closed, open) = (verifier(&made), verifier(&made).fail_open());
    let late = NOW.plus(MAX_STALENESS).plus(MINUTE);
    let age = MAX_STALENESS + MINUTE;
    assert_eq!(closed.verify(&leaf, &[], NOW.plus(MAX_STALENESS)).map(|_| ()), Ok(()));
    assert_eq!(closed.verify(&leaf, &[], late), Err(HostRefusal::StaleCrl { age }));
    assert_eq!(closed.crl_age(late), Some(age));
    assert!(open.verify(&leaf, &[], late).is_ok());
    // The same CRL again is a confirmation, until it expires.
    closed.update_crl(&crl(&made, 6, &[]), NOW).unwrap();
    let same = crl(&made, 7, &[]);
    closed.update_crl(&same, NOW).unwrap();
    closed.update_crl(&same, late).unwrap();
    assert!(closed.verify(&leaf, &[], late).is_ok());
    assert_eq!(closed.update_crl(&same, NOW.plus(DAY)), Err(CrlError::Expired));
}

#[test]
fn a_crl_of_another_authority_is_refused() {
    let (made, other) = (authority(), authority());
    let hosts = verifier(&made);
    assert_eq!(hosts.update_crl(&crl(&other, 9, &[]), NOW), Err(CrlError::Untrusted));
    let mut changed = crl(&made, 9, &[Serial::generate()]);
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    assert!(hosts.update_crl(&changed, NOW).is_err());
    assert_eq!(hosts.update_crl(&crl(&made, 9, &[]), NOW.minus(DAY)), Err(CrlError::NotYetValid));
    let large = MAX_CRL_BYTES + 1;
    assert_eq!(hosts.update_crl(&vec![0; large], NOW), Err(CrlError::TooLarge { bytes: large }));
    assert!(matches!(hosts.update_crl(b"no CRL", NOW), Err(CrlError::Malformed { .. })));
}

#[test]
fn an_expired_certificate_with_a_cached_chain_is_refused() {
    let made = authority();
    let hosts = verifier(&made).fail_open();
    let (leaf, _) = host(&made.ca);
    assert_eq!(hosts.verify(&leaf, &[], NOW.minus(DAY)), Err(HostRefusal::NotYetValid));
    assert!(hosts.verify(&leaf, &[], NOW).is_ok());
    assert_eq!(hosts.verify(&leaf, &[], NOW.plus(DAY * 31)), Err(HostRefusal::Expired));
    assert_eq!(hosts.verify(&leaf, &[], NOW.minus(DAY)), Err(HostRefusal::NotYetValid));
}

#[test]
fn other_certificates_are_refused() {
    let (made, other) = (authority(), authority());
    let hosts = verifier(&made);
    let (foreign, _) = host(&other.ca);
    let issuing = CertificateDer::from(other.ca.issuing_der().to_vec());
    assert!(matches!(hosts.verify(&foreign, &[issuing], NOW), Err(HostRefusal::Untrusted { .. })));
    let elsewhere: CertificateDer<'_> = issue(&made.ca, profile(&[], "elsewhere.org")).der.into();
    assert_eq!(hosts.verify(&elsewhere, &[], NOW), Err(HostRefusal::NotAHost));
    let ca = CertificateDer::from(made.ca.issuing_der().to_vec());
    assert!(hosts.verify(&ca, &[], NOW).is_err());
    let garbage = CertificateDer::from(b"garbage".to_vec());
    assert_eq!(hosts.verify(&garbage, &[], NOW), Err(HostRefusal::Malformed));
}

#[test]
fn only_the_pinned_root_is_accepted() {
    let (made, other) = (authority(), authority());
    let root = made.ca.root_fingerprint();
    assert!(HostVerifier::pinned(root, &made.chain, "example.org").is_ok());
    let refused = HostVerifier::pinned(root, &other.chain, "example.org").err();
    assert_eq!(refused, Some(HostSetupError::OtherRoot { pinned: root }));
    let issuing = Fingerprint::of(made.ca.issuing_der());
    let refused = HostVerifier::pinned(issuing, &made.chain, "example.org").err();
    assert_eq!(refused, Some(HostSetupError::OtherRoot { pinned: issuing }));
    let hosts = HostVerifier::new(&made.root, "example.org").unwrap();
    assert_eq!(hosts.learn_issuers(&other.chain, NOW), Err(HostSetupError::Chain));
    assert_eq!(hosts.issuers(), Vec::<String>::new());
    for wrong in ["", "https://example.org", "a/b"] {
        assert!(matches!(HostVerifier::new(&made.root, wrong), Err(HostSetupError::TrustDomain { .. })));
    }
}
