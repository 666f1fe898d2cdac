//! Reading certificates of any signer.

use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectAltName, SubjectKeyIdentifier};

use super::validity::bounds;
use crate::clock::Timestamp;
use crate::name::DnsName;

/// Returns the end of a certificate's validity, with any signer; `None` if `der` is not a certificate.
pub fn not_after(der: &[u8]) -> Option<Timestamp> {
    Some(bounds(&Certificate::from_der(der).ok()?).1)
}

/// Returns a certificate's subject key identifier (RFC 5280 section 4.2.1.2), with any signer; `None` without one.
pub fn subject_key_identifier(der: &[u8]) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(der).ok()?;
    let (_, identifier) = certificate.tbs_certificate().get_extension::<SubjectKeyIdentifier>().ok()??;
    Some(identifier.0.as_bytes().to_vec())
}

/// Returns the subject key identifier of the CA that a certificate names as its signer; `None` without one.
pub fn authority_key_identifier(der: &[u8]) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(der).ok()?;
    let (_, authority) = certificate.tbs_certificate().get_extension::<AuthorityKeyIdentifier>().ok()??;
    Some(authority.key_identifier?.as_bytes().to_vec())
}

/// The DNS names in a certificate's subject alternative name, with any signer and without wildcards.
pub fn dns_names(der: &[u8]) -> Vec<DnsName> {
    let names = Certificate::from_der(der).ok().and_then(|certificate| {
        certificate
            .tbs_certificate()
            .get_extension::<SubjectAltName>()
            .ok()
            .flatten()
            .map(|(_, names)| names.0)
    });
    let concrete = |name: GeneralName| match name {
        GeneralName::DnsName(name) => DnsName::parse(&name.as_str().to_ascii_lowercase()).ok(),
        _ => None,
    };
    names.unwrap_or_default().into_iter().filter_map(concrete).collect()
}
