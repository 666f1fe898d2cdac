//! The issuing CAs whose certificates and CRLs are accepted.

use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};

use super::signature;
use crate::clock::Timestamp;
use crate::id::{Fingerprint, hex};

/// The SHA-256 of an issuer's public key. Two issuers can have one name, and a key identifier can be chosen.
pub(super) type IssuerKey = Fingerprint;

/// A CA whose certificate leads to the root.
#[derive(Clone)]
pub(super) struct Issuer {
    pub(super) key: IssuerKey,
    /// Its subject key identifier in hexadecimal, which names the CRL at the authority.
    pub(super) ski: String,
    /// Its subject, DER.
    pub(super) subject: Vec<u8>,
    pub(super) spki: SubjectPublicKeyInfoDer<'static>,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) der: CertificateDer<'static>,
}

impl Issuer {
    /// Reads a CA certificate. The caller checks its signature.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        let is_ca = certificate.basic_constraints().ok()?.is_some_and(|found| found.value.ca);
        let ski = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(ski) => Some(hex(ski.0)),
            _ => None,
        });
        (is_ca && rest.is_empty()).then(|| Self {
            key: Fingerprint::of(certificate.public_key().raw),
            ski: ski.unwrap_or_default(),
            subject: certificate.subject().as_raw().to_vec(),
            spki: SubjectPublicKeyInfoDer::from(certificate.public_key().raw.to_vec()),
            not_before: Timestamp::from_secs(certificate.validity().not_before.timestamp()),
            not_after: Timestamp::from_secs(certificate.validity().not_after.timestamp()),
            der: der.clone().into_owned(),
        })
    }

    /// Returns true if the CA `above` signed this certificate.
    fn is_below(&self, above: &Self) -> bool {
        X509Certificate::from_der(&self.der).is_ok_and(|(_, certificate)| {
            let tbs = &certificate.tbs_certificate;
            tbs.issuer.as_raw() == above.subject
                && signature::is_by(
                    &above.spki,
                    &certificate.signature_algorithm,
                    tbs.as_ref(),
                    &certificate.signature_value.data,
                )
        })
    }

    pub(super) fn is_self_signed(&self) -> bool {
        self.is_below(self)
    }

    pub(super) fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now < self.not_after
    }
}

/// The certificates of `chain` that lead to one of `roots` through others that `counts` accepts, and true if all of them do.
///
/// This finds the keys that may sign CRLs. webpki builds the path of a host, with every rule of RFC 5280.
pub(super) fn below(
    roots: &[Issuer],
    chain: &[CertificateDer<'_>],
    counts: impl Fn(&Issuer) -> bool,
) -> (Vec<Issuer>, bool) {
    let is_root = |der: &CertificateDer<'_>| roots.iter().any(|root| root.der == *der);
    let others = chain.iter().filter(|der| !is_root(der)).collect::<Vec<_>>();
    let mut open = others.iter().filter_map(|der| Issuer::read(der)).collect::<Vec<_>>();
    let mut found: Vec<Issuer> = Vec::new();
    loop {
        let leads = |ca: &Issuer| counts(ca) && roots.iter().chain(&found).any(|above| ca.is_below(above));
        let (mut new, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(leads);
        if new.is_empty() {
            let all = found.len() == others.len();
            return (found, all);
        }
        found.append(&mut new);
        open = rest;
    }
}
