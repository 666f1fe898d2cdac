//! The content of a host certificate, and its acceptance by other parsers.

use std::time::Duration;

use proptest::prelude::*;
use x509_cert::attr::Attribute;
use x509_cert::der::asn1::{Any, OctetString, SetOfVec};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectAltName};
use x509_cert::name::Name;
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};

use super::*;
use crate::ca::extension::{dns, extension, uri};
use crate::ca::fixture::*;
use crate::ca::{BACKDATED, Csr};
use crate::host_certificate::HostPeer;
use crate::id::SpkiHash;
use crate::name::DnsName;

/// A request that asks for everything: to be a CA, system:masters, a wildcard, an address, another host's URI.
fn greedy(key: &crate::ca::ca_key::CaKey) -> Csr {
    let mut request = Request::of(key);
    request.subject = "CN=root,O=system:masters".parse().unwrap();
    let address = GeneralName::IpAddress(OctetString::new([127, 0, 0, 1]).unwrap());
    let names = vec![dns("*.example.org").unwrap(), address, uri("spiffe://example.org/gatepass").unwrap()];
    let wanted: Vec<Extension> = vec![
        extension(true, &BasicConstraints { ca: true, path_len_constraint: None }).unwrap(),
        extension(true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)).unwrap(),
        extension(false, &SubjectAltName(names)).unwrap(),
    ];
    let values = SetOfVec::try_from(vec![Any::encode_from(&wanted).unwrap()]).unwrap();
    let oid = "1.2.840.113549.1.9.14".parse().unwrap();
    request.attributes = SetOfVec::try_from(vec![Attribute { oid, values }]).unwrap();
    Csr::parse(&pem(&request.sign(|message| key.sign(message).unwrap())), NO_RSA).unwrap()
}

#[test]
fn a_greedy_request_gets_only_its_key_certified() {
    let (ca, key, profile) = (authority(), p256(), profile(&["proxy"]));
    let issued = ApprovedRequest::new(&greedy(&key), profile.clone()).prepare(&ca, NOW).unwrap();
    let issued = issued.issue().unwrap();
    let plain = ApprovedRequest::new(&csr(&key), profile).prepare(&ca, NOW).unwrap().issue().unwrap();
    let tbs = |der: &[u8]| Certificate::from_der(der).unwrap().tbs_certificate().clone();
    assert_eq!(tbs(&issued.der).subject(), tbs(&plain.der).subject());
    assert_eq!(tbs(&issued.der).extensions(), tbs(&plain.der).extensions());
    for text in ["system:masters", "*.example.org", "gatepass\u{0}"] {
        assert!(!issued.der.windows(text.len()).any(|bytes| bytes == text.as_bytes()), "{text}");
    }
}

#[test]
fn a_host_certificate_has_the_designed_profile() {
    let (ca, profile) = (authority(), profile(&["allocator", "proxy", "director"]));
    let issued = issue(&ca, profile.clone());
    let (rest, leaf) = X509Certificate::from_der(&issued.der).unwrap();
    assert!(rest.is_empty());
    assert_eq!(leaf.version().0, 2);
    assert_eq!(leaf.raw_serial(), issued.serial.as_bytes());
    let organizations: Vec<_> = leaf.subject().iter_organization().map(|o| o.as_str().unwrap()).collect();
    assert_eq!(organizations, ["allocator", "proxy", "director"]);
    let name = leaf.subject().iter_common_name().next().unwrap().as_str().unwrap();
    assert_eq!(name, profile.host.to_string());
    assert!(!leaf.basic_constraints().unwrap().unwrap().value.ca);
    let usage = leaf.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.flags == 1, "digitalSignature alone");
    let purposes = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(purposes.client_auth && purposes.server_auth && !purposes.any && purposes.other.is_empty());
    let names = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert_eq!(names.len(), 1);
    assert!(names[0].to_string().contains(&format!("spiffe://example.org/host/{}", profile.host)));
    assert!(
        !leaf
            .extensions()
            .iter()
            .any(|e| matches!(e.parsed_extension(), ParsedExtension::CRLDistributionPoints(_)))
    );
}

#[test]
fn issuer_and_key_identifiers_meet_the_issuing_ca() {
    let ca = authority();
    let issued = issue(&ca, profile(&[]));
    let (_, leaf) = X509Certificate::from_der(&issued.der).unwrap();
    let (_, issuing) = X509Certificate::from_der(ca.issuing_der()).unwrap();
    assert_eq!(leaf.tbs_certificate.issuer.as_raw(), issuing.tbs_certificate.subject.as_raw());
    assert!(leaf.verify_signature(Some(issuing.public_key())).is_ok());
    let aki = leaf.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(aki) => aki.key_identifier.as_ref().map(|id| id.0.to_vec()),
        _ => None,
    });
    assert_eq!(aki, Some(ca.issuing_ski().to_vec()));
}

#[test]
fn rustls_accepts_a_certificate_of_every_key_kind() {
    let ca = authority();
    for key in [p256(), p384(), rsa()] {
        let request = ApprovedRequest::new(&csr(&key), profile(&["proxy", "allocator"]));
        let issued = request.prepare(&ca, NOW).unwrap().issue().unwrap();
        let verdict = |now| rustls_accepts(ca.root_der(), &[ca.issuing_der()], &issued.der, &[], now);
        assert_eq!(verdict(NOW), Ok(()));
        assert_eq!(verdict(NOW.minus(Duration::from_secs(300))), Ok(()));
        assert!(verdict(NOW.minus(Duration::from_secs(301))).is_err());
        assert!(verdict(NOW.plus(DAY * 31)).is_err());
    }
}

#[test]
fn a_certificate_is_never_good_past_its_issuer() {
    let ca = authority();
    let mut long = profile(&[]);
    long.lifetime = Duration::MAX;
    assert_eq!(issue(&ca, long).not_after, ca.issuing_not_after());
    let late = ca.issuing_not_after();
    let refused = ApprovedRequest::new(&csr(&p256()), profile(&[])).prepare(&ca, late).err();
    assert!(matches!(refused, Some(IssueError::IssuerNotValid { .. })));
}

#[test]
fn profiles_that_a_certificate_cannot_carry_are_refused() {
    let ca = authority();
    let refused = |change: &dyn Fn(&mut HostProfile)| {
        let mut profile = profile(&[]);
        change(&mut profile);
        ApprovedRequest::new(&csr(&p256()), profile).prepare(&ca, NOW).err()
    };
    assert_eq!(refused(&|profile| profile.lifetime = Duration::ZERO), Some(IssueError::EmptyLifetime));
    for text in ["", "Example.org", "a/b", "a b", "a@b:1"] {
        let error = IssueError::TrustDomain { text: text.to_owned() };
        assert_eq!(refused(&|profile| profile.trust_domain = text.to_owned()), Some(error));
    }
    for text in ["https://x/crl", "http://x/a b", "http://\u{fc}/"] {
        let error = IssueError::CrlUrl { text: text.to_owned() };
        assert_eq!(refused(&|profile| profile.crl_url = Some(text.to_owned())), Some(error));
    }
}

#[test]
fn a_certificate_names_the_crl_of_its_issuer() {
    let (mut profile, ca) = (profile(&[]), authority());
    profile.crl_url = Some("http://crl.example.org/gatepass".to_owned());
    let issued = issue(&ca, profile);
    let (_, leaf) = X509Certificate::from_der(&issued.der).unwrap();
    let shown = format!("{:?}", leaf.extensions());
    let url = format!("http://crl.example.org/gatepass/{}.der", crate::id::hex(ca.issuing_ski()));
    assert!(shown.contains("CRLDistributionPoints") && shown.contains(&url), "{shown}");
}

#[test]
fn an_issued_certificate_is_read_back() {
    let (ca, key, mut profile) = (authority(), p256(), profile(&["proxy", "allocator"]));
    profile.dns_name = Some(DnsName::parse("node-1.example.org").unwrap());
    let request = ApprovedRequest::new(&csr(&key), profile.clone());
    let issued = request.prepare(&ca, NOW).unwrap().issue().unwrap();
    let read = HostPeer::parse(&issued.der);
    let host_key = SpkiHash::of(key.spki_der());
    let (spiffe_id, serial) = (profile.spiffe_id(), issued.serial);
    let (not_before, not_after) = (NOW.minus(BACKDATED), issued.not_after);
    let HostProfile { host, roles, dns_name, .. } = profile;
    let expected = HostPeer { host, roles, serial, not_before, not_after, host_key, spiffe_id, dns_name };
    assert_eq!(read, Some(expected));
}

#[test]
fn certificates_of_another_form_are_no_hosts() {
    let ca = authority();
    assert_eq!(HostPeer::parse(ca.root_der()), None);
    assert_eq!(HostPeer::parse(ca.issuing_der()), None);
    assert_eq!(HostPeer::parse(b""), None);
    let der = issue(&ca, profile(&["proxy"])).der;
    assert_eq!(HostPeer::parse(&[&der[..], &[0]].concat()), None);
    // The same subject with the URI of another host.
    let at = der.windows(6).position(|bytes| bytes == b"/host/").unwrap() + 6;
    let mut other = der.clone();
    other[at] = if der[at] == b'0' { b'1' } else { b'0' };
    assert_eq!(HostPeer::parse(&other), None);
}

#[test]
fn a_subject_of_another_form_is_no_host() {
    let (ca, key, profile) = (authority(), p256(), profile(&[]));
    let id = profile.host;
    let with = |subject: Name| {
        let spki = key.spki().clone();
        let extensions = of_leaf(&spki, ca.issuing_ski(), &[CLIENT_AUTH], profile.names().unwrap()).unwrap();
        let validity = Validity::new(NOW, DAY).unwrap();
        let template = Template { serial: Serial::generate(), subject, validity, spki, extensions };
        HostPeer::parse(&template.sign(ca.subject().clone(), ca.key()).unwrap())
    };
    assert_eq!(
        with(subject::host(id, &[]).unwrap()).map(|peer| (peer.host, peer.roles)),
        Some((id, Vec::new()))
    );
    for other in [subject::server().unwrap(), subject::root("x", b"key").unwrap(), Name::default()] {
        assert_eq!(with(other), None);
    }
    for other in [format!("CN={id},CN={id}"), format!("O=system:masters,CN={id}")] {
        assert_eq!(with(other.parse().unwrap()), None, "{other}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(HostPeer::parse(&bytes), None);
    }

    #[test]
    fn no_damage_makes_the_reader_panic(place in any::<prop::sample::Index>(), flip in 1..=255u8) {
        static GOOD: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| issue(&authority(), profile(&["proxy"])).der);
        let mut der = GOOD.clone();
        *place.get_mut(&mut der) ^= flip;
        let _ = HostPeer::parse(&der);
    }
}
