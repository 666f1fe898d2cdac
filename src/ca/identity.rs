//! Reading one of our own host certificates, as a host presents it.

use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::subject;
use super::validity::bounds;
use crate::clock::Timestamp;
use crate::id::{HostId, Serial, SpkiHash};
use crate::name::{DnsName, Role};

/// The identity in a host certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostIdentity {
    /// The host: the subject's CN.
    pub host: HostId,
    /// Its roles, an O each, in their order.
    pub roles: Vec<Role>,
    /// The certificate's serial number.
    pub serial: Serial,
    /// The start of its validity.
    pub not_before: Timestamp,
    /// The end of its validity.
    pub not_after: Timestamp,
    /// The SHA-256 of its public key in SubjectPublicKeyInfo form.
    pub host_key: SpkiHash,
    /// Its SPIFFE id, which ends in the host id.
    pub spiffe_id: String,
    /// The DNS name it may use.
    pub dns_name: Option<DnsName>,
}

/// Reads a certificate of the form that [`super::ApprovedRequest`] leads to; anything else, the authority's own server
/// certificate for one, is `None`.
///
/// It checks no signature, date or revocation: the handshake has checked the chain, and every request checks host,
/// serial and notAfter against memory.
pub fn parse_host_certificate(der: &[u8]) -> Option<HostIdentity> {
    let certificate = Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    let (host, roles) = subject::read_host(tbs.subject())?;
    let (_, names) = tbs.get_extension::<SubjectAltName>().ok()??;
    let (spiffe_id, dns_name) = read_names(&names.0, host)?;
    let (not_before, not_after) = bounds(&certificate);
    Some(HostIdentity {
        host,
        roles,
        serial: Serial::from_bytes(tbs.serial_number().as_bytes().try_into().ok()?),
        not_before,
        not_after,
        host_key: SpkiHash::of(&tbs.subject_public_key_info().to_der().ok()?),
        spiffe_id,
        dns_name,
    })
}

/// Returns the end of a certificate's validity, with any signer; `None` if `der` is not a certificate.
pub fn not_after(der: &[u8]) -> Option<Timestamp> {
    Some(bounds(&Certificate::from_der(der).ok()?).1)
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

/// One URI, which ends in the host id, and at most one DNS name.
fn read_names(names: &[GeneralName], host: HostId) -> Option<(String, Option<DnsName>)> {
    let (uri, dns_name) = match names {
        [GeneralName::UniformResourceIdentifier(uri)] => (uri, None),
        [GeneralName::UniformResourceIdentifier(uri), GeneralName::DnsName(name)] => {
            (uri, Some(DnsName::parse(name.as_str()).ok()?))
        }
        _ => return None,
    };
    let domain = uri.as_str().strip_prefix("spiffe://")?.strip_suffix(&format!("/host/{host}"))?;
    (!domain.is_empty() && !domain.contains('/')).then(|| (uri.as_str().to_owned(), dns_name))
}
