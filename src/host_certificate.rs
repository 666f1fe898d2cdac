//! The host that a certificate names: one reader for the authority and for services.

use x509_parser::oid_registry::{OID_X509_COMMON_NAME, OID_X509_ORGANIZATION_NAME};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate, X509Name};

use crate::clock::Timestamp;
use crate::id::{HostId, Serial, SpkiHash};
use crate::name::{DnsName, Role};

/// A host, as its certificate names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPeer {
    /// The host id: the subject's CN, and the end of the SPIFFE id.
    pub host: HostId,
    /// The roles, one O each, in the order of the certificate.
    pub roles: Vec<Role>,
    /// Serial number of the certificate.
    pub serial: Serial,
    /// `spiffe://<trust domain>/host/<host id>`.
    pub spiffe_id: String,
    /// The DNS name that the host may use.
    pub dns_name: Option<DnsName>,
    /// The SHA-256 of the public key in SubjectPublicKeyInfo form (RFC 5280 section 4.1.2.7).
    pub host_key: SpkiHash,
    /// Start of validity of the certificate.
    pub not_before: Timestamp,
    /// End of validity of the certificate.
    pub not_after: Timestamp,
}

impl HostPeer {
    /// Reads a certificate (DER). `None` for another form, such as the authority's server certificate.
    ///
    /// Signature, dates and revocation are not checked.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        let (host, roles) = subject(certificate.subject()).filter(|_| rest.is_empty())?;
        let (spiffe_id, dns_name) = names(&certificate, host)?;
        let moment = |time: x509_parser::time::ASN1Time| Timestamp::from_secs(time.timestamp());
        Some(Self {
            host,
            roles,
            serial: Serial::from_bytes(certificate.raw_serial().try_into().ok()?),
            spiffe_id,
            dns_name,
            host_key: SpkiHash::of(certificate.public_key().raw),
            not_before: moment(certificate.validity().not_before),
            not_after: moment(certificate.validity().not_after),
        })
    }

    /// The trust domain of the SPIFFE id.
    pub fn trust_domain(&self) -> &str {
        let id = self.spiffe_id.strip_prefix("spiffe://").unwrap_or_default();
        id.split_once('/').map_or(id, |(domain, _)| domain)
    }

    /// Returns true if the host has `role`.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own.as_str() == role)
    }
}

/// Reads CN as the host id and each O as a role. Any other attribute makes it another form.
fn subject(name: &X509Name<'_>) -> Option<(HostId, Vec<Role>)> {
    let mut host = None;
    let mut roles = Vec::new();
    for attribute in name.iter_attributes() {
        let text = attribute.as_str().ok()?;
        let oid = attribute.attr_type();
        if *oid == OID_X509_COMMON_NAME && host.is_none() {
            host = Some(HostId::parse(text)?);
        } else if *oid == OID_X509_ORGANIZATION_NAME {
            roles.push(Role::parse(text).ok()?);
        } else {
            return None;
        }
    }
    Some((host?, roles))
}

/// One URI (X509-SVID section 2), which ends in the host id, and at most one DNS name.
fn names(certificate: &X509Certificate<'_>, host: HostId) -> Option<(String, Option<DnsName>)> {
    let names = certificate.subject_alternative_name().ok()??;
    let (uri, dns_name) = match *names.value.general_names.as_slice() {
        [GeneralName::URI(uri)] => (uri, None),
        [GeneralName::URI(uri), GeneralName::DNSName(name)] => (uri, Some(DnsName::parse(name).ok()?)),
        _ => return None,
    };
    let domain = uri.strip_prefix("spiffe://")?.strip_suffix(&format!("/host/{host}"))?;
    (!domain.is_empty() && !domain.contains('/')).then(|| (uri.to_owned(), dns_name))
}
