//! Importing CAs: one honest pair, then one change each.

use std::time::Duration;

use x509_cert::der::asn1::{Any, ObjectIdentifier, OctetString};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{KeyUsages, constraints::name::GeneralSubtree};
use x509_cert::name::Name;

use super::*;
use crate::ca::extension::{authority_key, dns, extension as encode, key_identifier};
use crate::ca::fixture::*;
use crate::ca::template::Template;
use crate::ca::{CertificateAuthority, PemError, Validity, der_to_pem};
use crate::id::Serial;

/// A CA certificate to be changed before it is signed.
struct Draft {
    subject: Name,
    extensions: Vec<Extension>,
    validity: Validity,
}

impl Draft {
    fn new(subject: &str, key: &CaKey, path_length: u8, issuer: Option<&CaKey>) -> Self {
        let ski = |key: &CaKey| key_identifier(key.spki()).unwrap();
        let aki = issuer.map(ski);
        Self {
            subject: subject.parse().unwrap(),
            extensions: crate::ca::extension::of_ca(Some(path_length), &ski(key), aki.as_deref()).unwrap(),
            validity: Validity::new(NOW, DAY).unwrap(),
        }
    }

    fn set(&mut self, extension: Extension) {
        self.drop(extension.extn_id);
        self.extensions.push(extension);
    }

    fn drop(&mut self, oid: ObjectIdentifier) {
        self.extensions.retain(|extension| extension.extn_id != oid);
    }

    fn sign(self, key: &CaKey, issuer: &str, issuer_key: &CaKey) -> String {
        let Self { subject, extensions, validity } = self;
        let spki = key.spki().clone();
        let template = Template { serial: Serial::generate(), subject, validity, spki, extensions };
        der_to_pem("CERTIFICATE", &template.sign(issuer.parse().unwrap(), issuer_key).unwrap())
    }
}

const ROOT_NAME: &str = "CN=corporate root,O=one,O=two";
const ISSUING_NAME: &str = "CN=corporate issuing,O=one,O=two,O=three";

/// The result of `from_pem` for a pair of `root_key` and `key`, each certificate changed before signing.
fn bring(
    root_key: &CaKey,
    key: &CaKey,
    change_root: impl FnOnce(&mut Draft),
    change: impl FnOnce(&mut Draft),
) -> Result<CertificateAuthority, ImportError> {
    let mut root = Draft::new(ROOT_NAME, root_key, 1, None);
    change_root(&mut root);
    let root = root.sign(root_key, ROOT_NAME, root_key);
    let mut issuing = Draft::new(ISSUING_NAME, key, 0, Some(root_key));
    change(&mut issuing);
    let issuing = issuing.sign(key, ROOT_NAME, root_key);
    CertificateAuthority::from_pem(&root, &issuing, &key.to_pem().unwrap(), NOW)
}

const fn file(what: &'static str, problem: CaFileError) -> ImportError {
    ImportError::File { what, problem }
}

fn refused_root(change: impl FnOnce(&mut Draft)) -> ImportError {
    bring(&p256(), &p256(), change, |_| {}).err().unwrap()
}

fn refused_issuing(change: impl FnOnce(&mut Draft)) -> ImportError {
    bring(&p256(), &p256(), |_| {}, change).err().unwrap()
}

fn usage(usages: impl Into<x509_cert::der::flagset::FlagSet<KeyUsages>>) -> Extension {
    encode(true, &KeyUsage(usages.into())).unwrap()
}

#[test]
fn imported_p256_p384_and_rsa_cas_sign() {
    for (root_key, key) in
        [(p256(), p256()), (p384(), p384()), (p384(), p256()), (rsa(), p256()), (rsa(), rsa())]
    {
        let ca = bring(&root_key, &key, |_| {}, |_| {}).unwrap();
        let issued = issue(&ca, profile(&["proxy"]));
        assert_eq!(rustls_accepts(ca.root_der(), &[ca.issuing_der()], &issued.der, &[], NOW), Ok(()));
        let leaf = Certificate::from_der(&issued.der).unwrap();
        assert_eq!(leaf.tbs_certificate().issuer().iter().count(), 4, "all of O=one,O=two,O=three and CN");
    }
}

#[test]
fn a_key_identifier_of_their_own_making_is_kept() {
    let own = encode(false, &SubjectKeyIdentifier(OctetString::new([7; 4]).unwrap())).unwrap();
    let ca = bring(&p256(), &p256(), |_| {}, |draft| draft.set(own)).unwrap();
    assert_eq!(ca.issuing_ski(), [7; 4]);
}

#[test]
fn a_certificate_that_is_no_ca_is_refused() {
    let leaf = encode(true, &BasicConstraints { ca: false, path_len_constraint: None }).unwrap();
    assert_eq!(refused_root(|draft| draft.set(leaf.clone())), file(ROOT, CaFileError::NotACa));
    assert_eq!(refused_issuing(|draft| draft.set(leaf)), file(ISSUING, CaFileError::NotACa));
    assert_eq!(
        refused_issuing(|draft| draft.drop(BasicConstraints::OID)),
        file(ISSUING, CaFileError::NotACa)
    );
}

#[test]
fn both_key_usages_of_a_ca_are_needed() {
    let missing = |what, usage| file(what, CaFileError::KeyUsage { usage });
    let with = |usages| refused_issuing(|draft| draft.set(usages));
    assert_eq!(with(usage(KeyUsages::KeyCertSign)), missing(ISSUING, "cRLSign"));
    assert_eq!(with(usage(KeyUsages::CRLSign)), missing(ISSUING, "keyCertSign"));
    assert_eq!(refused_issuing(|draft| draft.drop(KeyUsage::OID)), missing(ISSUING, "keyCertSign"));
    assert_eq!(refused_root(|draft| draft.set(usage(KeyUsages::CRLSign))), missing(ROOT, "keyCertSign"));
}

#[test]
fn a_root_that_allows_no_issuing_ca_is_refused() {
    let none = encode(true, &BasicConstraints { ca: true, path_len_constraint: Some(0) }).unwrap();
    assert_eq!(refused_root(|draft| draft.set(none)), ImportError::PathLength);
}

#[test]
fn purposes_that_leave_out_hosts_are_refused() {
    let only = encode(false, &ExtendedKeyUsage(vec![CLIENT_AUTH])).unwrap();
    assert_eq!(refused_issuing(|draft| draft.set(only)), file(ISSUING, CaFileError::ExtendedKeyUsage));
    let any = encode(false, &ExtendedKeyUsage(vec![ANY_PURPOSE])).unwrap();
    assert!(bring(&p256(), &p256(), |_| {}, |draft| draft.set(any)).is_ok());
}

#[test]
fn name_constraints_and_unknown_critical_extensions_are_refused() {
    let base = dns("example.org").unwrap();
    let tree = GeneralSubtree { base, minimum: 0, maximum: None };
    let constraints = NameConstraints { permitted_subtrees: Some(vec![tree]), excluded_subtrees: None };
    let constraints = encode(true, &constraints).unwrap();
    assert_eq!(refused_issuing(|draft| draft.set(constraints)), file(ISSUING, CaFileError::NameConstraints));
    let oid = ObjectIdentifier::new_unwrap("1.2.3.4");
    let extn_value = OctetString::new(Any::null().to_der().unwrap()).unwrap();
    let unknown = Extension { extn_id: oid, critical: true, extn_value };
    let refused = file(ROOT, CaFileError::CriticalExtension { oid: "1.2.3.4".to_owned() });
    assert_eq!(refused_root(|draft| draft.set(unknown)), refused);
}

#[test]
fn a_ca_needs_a_key_identifier_and_a_name() {
    let without = refused_issuing(|draft| draft.drop(SubjectKeyIdentifier::OID));
    assert_eq!(without, file(ISSUING, CaFileError::NoKeyIdentifier));
    let nameless = refused_issuing(|draft| draft.subject = Name::default());
    assert_eq!(nameless, file(ISSUING, CaFileError::EmptySubject));
}

#[test]
fn a_ca_outside_of_its_dates_is_refused() {
    let past = Validity::new(NOW.minus(DAY * 2), DAY).unwrap();
    let future = Validity::new(NOW.plus(DAY), DAY).unwrap();
    let expired = |what| file(what, CaFileError::Expired { not_after: NOW.minus(DAY) });
    assert_eq!(refused_root(|draft| draft.validity = past), expired(ROOT));
    assert_eq!(refused_issuing(|draft| draft.validity = past), expired(ISSUING));
    let not_before = NOW.plus(DAY).minus(Duration::from_secs(300));
    let early = file(ISSUING, CaFileError::NotYetValid { not_before });
    assert_eq!(refused_issuing(|draft| draft.validity = future), early);
}

#[test]
fn certificates_that_do_not_belong_together_are_refused() {
    let (root_key, other_key, key) = (p256(), p256(), p256());
    let root_of = |key: &CaKey| Draft::new(ROOT_NAME, key, 1, None).sign(key, ROOT_NAME, key);
    let issuing = |aki, issuer, by| Draft::new(ISSUING_NAME, &key, 0, aki).sign(&key, issuer, by);
    let text = key.to_pem().unwrap();
    let verdict = |root: &str, issuing: &str| CertificateAuthority::from_pem(root, issuing, &text, NOW).err();
    let root = root_of(&root_key);
    let by_other = issuing(Some(&root_key), ROOT_NAME, &other_key);
    assert_eq!(verdict(&root, &by_other), Some(ImportError::ChainSignature));
    let other_name = issuing(Some(&root_key), "CN=somebody", &root_key);
    assert_eq!(verdict(&root, &other_name), Some(ImportError::OtherIssuer));
    let other_aki = issuing(Some(&other_key), ROOT_NAME, &root_key);
    assert_eq!(verdict(&root, &other_aki), Some(ImportError::OtherIssuer));
    assert_eq!(verdict(&root, &root), Some(ImportError::SameCertificate));
    let below = issuing(Some(&root_key), ROOT_NAME, &root_key);
    assert_eq!(verdict(&below, &below), Some(ImportError::PathLength));
    let forged = Draft::new(ROOT_NAME, &root_key, 1, None).sign(&root_key, ROOT_NAME, &other_key);
    assert_eq!(verdict(&forged, &below), Some(ImportError::RootNotSelfSigned));
    let cross = Draft::new(ROOT_NAME, &root_key, 1, None).sign(&root_key, "CN=somebody", &other_key);
    assert_eq!(verdict(&cross, &below), Some(ImportError::RootNotSelfSigned));
    assert_eq!(verdict(&root, &below), None);
}

#[test]
fn the_key_must_be_readable_and_the_certificates_own() {
    let made = CertificateAuthority::generate("gatepass", NOW).unwrap();
    let verdict = |key: &str| {
        let key = Secret::new(key.to_owned());
        CertificateAuthority::from_pem(&made.root_pem, &made.issuing_pem, &key, NOW).err().unwrap()
    };
    let what = "issuing key";
    assert_eq!(verdict(made.root_key.expose()), file(what, CaFileError::OtherKey));
    assert_eq!(verdict(p384().to_pem().unwrap().expose()), file(what, CaFileError::OtherKey));
    assert_eq!(verdict(&der_to_pem("PRIVATE KEY", b"nonsense")), file(what, CaFileError::NotAKey));
    let missing = PemError::Missing { expected: "PRIVATE KEY" };
    assert_eq!(verdict("nonsense"), file(what, CaFileError::Pem(missing)));
    assert_eq!(verdict(&der_to_pem("ENCRYPTED PRIVATE KEY", b"x")), file(what, CaFileError::EncryptedKey));
    let old = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n";
    assert_eq!(verdict(old), file(what, CaFileError::EncryptedKey));
    assert!(verdict(old).to_string().contains("openssl pkey -in"));
}

#[test]
fn a_file_that_is_not_one_certificate_is_refused() {
    let made = CertificateAuthority::generate("gatepass", NOW).unwrap();
    let verdict = |root: &str| {
        CertificateAuthority::from_pem(root, &made.issuing_pem, &made.issuing_key, NOW).err().unwrap()
    };
    let two = format!("{}{}", made.root_pem, made.issuing_pem);
    assert_eq!(verdict(&two), file(ROOT, CaFileError::Pem(PemError::Trailing)));
    assert_eq!(verdict(&der_to_pem("CERTIFICATE", b"no")), file(ROOT, CaFileError::NotACertificate));
    let der = [&pem_to_der("CERTIFICATE", &made.root_pem).unwrap()[..], &[0]].concat();
    assert_eq!(verdict(&der_to_pem("CERTIFICATE", &der)), file(ROOT, CaFileError::NotACertificate));
}

#[test]
fn an_ed25519_ca_is_refused() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    let text = params.self_signed(&key).unwrap().pem();
    assert_eq!(root(&text).err(), Some(file(ROOT, CaFileError::Algorithm)));
}

#[test]
fn a_root_made_by_rcgen_is_taken_over() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    let text = params.self_signed(&key).unwrap().pem();
    let key = Secret::new(key.serialize_pem());
    let (issuing, issuing_key) = CertificateAuthority::new_issuing(&text, &key, "gatepass", NOW).unwrap();
    assert!(CertificateAuthority::from_pem(&text, &issuing, &issuing_key, NOW).is_ok());
}

#[test]
fn authority_key_identifiers_are_optional() {
    let aki = authority_key(&[1]).unwrap().extn_id;
    assert!(bring(&p256(), &p256(), |_| {}, |draft| draft.drop(aki)).is_ok());
}
