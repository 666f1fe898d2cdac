//! Keys, requests, authorities and an outside verifier for this room's tests.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, RsaKeyPair};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use x509_cert::attr::Attributes;
use x509_cert::der::Encode as _;
use x509_cert::der::asn1::{BitString, SetOfVec};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::ca_key::CaKey;
use super::ceremony::certify;
use super::*;
use crate::clock::Timestamp;
use crate::id::HostId;
use crate::name::Role;
use crate::secret::Secret;

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);
pub(super) const RSA_TOO: CsrPolicy = CsrPolicy { allow_rsa: true };
pub(super) const NO_RSA: CsrPolicy = CsrPolicy { allow_rsa: false };

pub(super) fn load(made: &NewAuthority) -> CertificateAuthority {
    CertificateAuthority::from_pem(&made.root_pem, &made.issuing_pem, &made.issuing_key, NOW).unwrap()
}

pub(super) fn authority() -> CertificateAuthority {
    load(&CertificateAuthority::generate("gatepass example.org", NOW).unwrap())
}

pub(super) fn profile(roles: &[&str]) -> HostProfile {
    HostProfile {
        host: HostId::generate(NOW),
        roles: roles.iter().map(|role| Role::parse(role).unwrap()).collect(),
        dns_name: None,
        trust_domain: "example.org".to_owned(),
        lifetime: DAY * 30,
        crl_url: None,
    }
}

pub(super) fn p256() -> CaKey {
    CaKey::generate().unwrap()
}

fn from_pkcs8(der: &[u8]) -> CaKey {
    CaKey::parse(&Secret::new(der_to_pem("PRIVATE KEY", der))).unwrap()
}

pub(super) fn p384() -> CaKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
    from_pkcs8(pair.to_pkcs8v1().unwrap().as_ref())
}

pub(super) fn rsa() -> CaKey {
    let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
    from_pkcs8(der.as_ref())
}

/// A request to be changed before it is signed.
pub(super) struct Request {
    pub(super) subject: Name,
    pub(super) attributes: Attributes,
    pub(super) spki: SubjectPublicKeyInfoOwned,
    pub(super) algorithm: AlgorithmIdentifierOwned,
}

impl Request {
    pub(super) fn of(key: &CaKey) -> Self {
        Self {
            subject: Name::default(),
            attributes: SetOfVec::new(),
            spki: key.spki().clone(),
            algorithm: key.algorithm(),
        }
    }

    pub(super) fn sign(self, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let Self { subject, attributes, spki, algorithm } = self;
        let info = CertReqInfo { version: Version::V1, subject, public_key: spki, attributes };
        let signature = BitString::from_bytes(&sign(&info.to_der().unwrap())).unwrap();
        CertReq { info, algorithm, signature }.to_der().unwrap()
    }
}

pub(super) fn pem(der: &[u8]) -> String {
    der_to_pem("CERTIFICATE REQUEST", der)
}

pub(super) fn csr_der(key: &CaKey) -> Vec<u8> {
    Request::of(key).sign(|message| key.sign(message).unwrap())
}

pub(super) fn csr(key: &CaKey) -> Csr {
    Csr::parse(&pem(&csr_der(key)), RSA_TOO).unwrap()
}

pub(super) fn issue(ca: &CertificateAuthority, profile: HostProfile) -> IssuedCertificate {
    ApprovedRequest::new(&csr(&p256()), profile).prepare(ca, NOW).unwrap().issue().unwrap()
}

/// Returns whether rustls accepts a client certificate under `root_der` at `now` with `crls`.
pub(super) fn rustls_accepts(
    root_der: &[u8],
    intermediates: &[&[u8]],
    leaf: &[u8],
    crls: &[&[u8]],
    now: Timestamp,
) -> Result<(), rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(root_der.to_vec())).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let crls = crls.iter().map(|der| CertificateRevocationListDer::from(der.to_vec()));
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .with_crls(crls)
        .only_check_end_entity_revocation()
        .build()
        .unwrap();
    let intermediates: Vec<_> = intermediates.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.secs().unsigned_abs()));
    verifier.verify_client_cert(&CertificateDer::from(leaf.to_vec()), &intermediates, now).map(drop)
}

/// A root like those of version 0.1.0, and its key, PEM.
pub(super) fn short_root() -> (Secret<String>, Secret<String>) {
    let key = CaKey::generate().unwrap();
    let subject = "CN=gatepass root".parse().unwrap();
    let root = certify(subject, &key, Some(1), DAY * 3652, None, NOW).unwrap();
    (Secret::new(root), key.to_pem().unwrap())
}
