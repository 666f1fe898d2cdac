//! The host that a certificate names.

use x509_parser::oid_registry::{OID_X509_COMMON_NAME, OID_X509_ORGANIZATION_NAME};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate, X509Name};

use crate::clock::Timestamp;
use crate::id::{HostId, Serial};
use crate::name::Role;

/// A verified host.
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
    /// End of validity of the certificate.
    pub not_after: Timestamp,
}

impl HostPeer {
    /// Returns true if the host has `role`.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own.as_str() == role)
    }
}

/// The host of a certificate and its dates; `None` for another form, such as the authority's server certificate.
///
/// The caller checks the chain.
pub(super) fn parse(der: &[u8], trust_domain: &str) -> Option<(HostPeer, (Timestamp, Timestamp))> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    let (host, roles) = subject(certificate.subject()).filter(|_| rest.is_empty())?;
    let spiffe_id = format!("spiffe://{trust_domain}/host/{host}");
    let names = certificate.subject_alternative_name().ok()??;
    let mut uris = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    // A SPIFFE certificate has one URI (X509-SVID section 2).
    let (Some(uri), None) = (uris.next(), uris.next()) else { return None };
    if uri != spiffe_id {
        return None;
    }
    let serial = Serial::from_bytes(certificate.raw_serial().try_into().ok()?);
    let moment = |time: x509_parser::time::ASN1Time| Timestamp::from_secs(time.timestamp());
    let (not_before, not_after) =
        (moment(certificate.validity().not_before), moment(certificate.validity().not_after));
    Some((HostPeer { host, roles, serial, spiffe_id, not_after }, (not_before, not_after)))
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
