//! The extensions of the certificates made here (RFC 5280 section 4.2.1).

use x509_cert::der::Encode;
use x509_cert::der::asn1::{Ia5String, ObjectIdentifier, OctetString};
use x509_cert::der::flagset::FlagSet;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::referenced::OwnedToRef as _;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::error::IssueError;

pub(super) const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
pub(super) const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");

/// The extensions of a CA certificate; `issuer` is the issuer's key identifier, absent where it signs itself.
pub(super) fn of_ca(
    path_length: Option<u8>,
    ski: &[u8],
    issuer: Option<&[u8]>,
) -> Result<Vec<Extension>, IssueError> {
    let usages = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
    let mut extensions = vec![
        extension(true, &BasicConstraints { ca: true, path_len_constraint: path_length })?,
        extension(true, &KeyUsage(usages))?,
        extension(false, &SubjectKeyIdentifier(OctetString::new(ski)?))?,
    ];
    if let Some(issuer) = issuer {
        extensions.push(authority_key(issuer)?);
    }
    Ok(extensions)
}

/// The extensions of an end-entity certificate.
pub(super) fn of_leaf(
    spki: &SubjectPublicKeyInfoOwned,
    issuer: &[u8],
    purposes: &[ObjectIdentifier],
    names: Vec<GeneralName>,
) -> Result<Vec<Extension>, IssueError> {
    let usages = FlagSet::from(KeyUsages::DigitalSignature);
    Ok(vec![
        extension(true, &BasicConstraints { ca: false, path_len_constraint: None })?,
        extension(true, &KeyUsage(usages))?,
        extension(false, &ExtendedKeyUsage(purposes.to_vec()))?,
        extension(false, &SubjectKeyIdentifier(OctetString::new(key_identifier(spki)?)?))?,
        authority_key(issuer)?,
        extension(false, &SubjectAltName(names))?,
    ])
}

/// The address of the issuer's CRL (section 4.2.1.13).
pub(super) fn crl_address(url: &str) -> Result<Extension, IssueError> {
    let name = DistributionPointName::FullName(vec![uri(url)?]);
    let point = DistributionPoint { distribution_point: Some(name), reasons: None, crl_issuer: None };
    extension(false, &CrlDistributionPoints(vec![point]))
}

/// The issuer's key identifier (section 4.2.1.1), as certificates and CRLs carry it.
pub(super) fn authority_key(issuer: &[u8]) -> Result<Extension, IssueError> {
    let key_identifier = Some(OctetString::new(issuer)?);
    extension(false, &AuthorityKeyIdentifier { key_identifier, ..Default::default() })
}

/// A key's identifier: the SHA-1 of its bits (section 4.2.1.2, method 1). It names the key and protects nothing.
pub(super) fn key_identifier(spki: &SubjectPublicKeyInfoOwned) -> Result<Vec<u8>, IssueError> {
    Ok(SubjectKeyIdentifier::try_from(spki.owned_to_ref())?.0.into_bytes().into())
}

/// A URI in a list of names (section 4.2.1.6): ASCII only.
pub(super) fn uri(text: &str) -> Result<GeneralName, IssueError> {
    Ok(GeneralName::UniformResourceIdentifier(Ia5String::new(text)?))
}

/// A DNS name in a list of names.
pub(super) fn dns(text: &str) -> Result<GeneralName, IssueError> {
    Ok(GeneralName::DnsName(Ia5String::new(text)?))
}

/// One extension.
pub(super) fn extension<E: AssociatedOid + Encode>(
    critical: bool,
    value: &E,
) -> Result<Extension, IssueError> {
    Ok(Extension { extn_id: E::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}
