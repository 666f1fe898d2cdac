//! The allowed content of certificates. Every name here is the authority's decision; none comes from a request.

use std::net::IpAddr;
use std::time::Duration;

use x509_cert::der::asn1::OctetString;
use x509_cert::ext::pkix::name::GeneralName;

use super::error::IssueError;
use super::extension::{dns, uri};
use crate::id::{HostId, hex};
use crate::name::{DnsName, Role};

/// The content of a host's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostProfile {
    /// The host: the subject's CN and the end of its SPIFFE id.
    pub host: HostId,
    /// Its roles, one O each.
    pub roles: Vec<Role>,
    /// The DNS name it may use.
    pub dns_name: Option<DnsName>,
    /// The SPIFFE trust domain (SPIFFE-ID section 2.1): lower-case letters, digits, `.`, `-`, `_`.
    pub trust_domain: String,
    /// The lifetime, shortened to the issuer's expiry.
    pub lifetime: Duration,
    /// The plain-http URL of the directory with the CRL of each issuing CA, if certificates name one.
    pub crl_url: Option<String>,
}

impl HostProfile {
    /// The host's SPIFFE id, `spiffe://<trust domain>/host/<host id>`.
    pub fn spiffe_id(&self) -> String {
        format!("spiffe://{}/host/{}", self.trust_domain, self.host)
    }

    /// The subject alternative names: exactly one URI (X509-SVID section 2), and the DNS name.
    pub(super) fn names(&self) -> Result<Vec<GeneralName>, IssueError> {
        check_trust_domain(&self.trust_domain)?;
        let mut names = vec![uri(&self.spiffe_id())?];
        if let Some(name) = &self.dns_name {
            names.push(dns(name.as_str())?);
        }
        Ok(names)
    }

    /// The address of the CRL of the issuer with this subject key identifier: `<ski>.der` in the directory.
    pub(super) fn crl_address(&self, issuer: &[u8]) -> Result<Option<String>, IssueError> {
        match self.crl_url.as_deref() {
            Some(url) if !url.starts_with("http://") || !url.bytes().all(|b| b.is_ascii_graphic()) => {
                Err(IssueError::CrlUrl { text: url.to_owned() })
            }
            url => Ok(url.map(|url| format!("{url}/{}.der", hex(issuer)))),
        }
    }
}

/// The content of the authority's own TLS certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerProfile {
    /// The DNS names: the external URL's host, `localhost`.
    pub dns_names: Vec<String>,
    /// The IP addresses of the listener.
    pub addresses: Vec<IpAddr>,
    /// The SPIFFE trust domain.
    pub trust_domain: String,
    /// The lifetime, shortened to the issuer's expiry.
    pub lifetime: Duration,
}

impl ServerProfile {
    /// The URI by which a pinned client recognises the authority. No host certificate has it.
    pub fn spiffe_id(&self) -> String {
        format!("spiffe://{}/gatepass", self.trust_domain)
    }

    /// The subject alternative names: the names, the addresses, the URI.
    pub(super) fn names(&self) -> Result<Vec<GeneralName>, IssueError> {
        check_trust_domain(&self.trust_domain)?;
        if self.dns_names.is_empty() && self.addresses.is_empty() {
            return Err(IssueError::NoServerName);
        }
        let mut names = Vec::new();
        for text in &self.dns_names {
            let name = DnsName::parse(&text.to_ascii_lowercase())
                .map_err(|_| IssueError::ServerName { text: text.clone() })?;
            names.push(dns(name.as_str())?);
        }
        for address in &self.addresses {
            names.push(GeneralName::IpAddress(octets(*address)?));
        }
        names.push(uri(&self.spiffe_id())?);
        Ok(names)
    }
}

fn octets(address: IpAddr) -> Result<OctetString, IssueError> {
    Ok(match address {
        IpAddr::V4(address) => OctetString::new(address.octets())?,
        IpAddr::V6(address) => OctetString::new(address.octets())?,
    })
}

/// SPIFFE-ID section 2.1.
fn check_trust_domain(text: &str) -> Result<(), IssueError> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    if (1..=255).contains(&text.len()) && text.bytes().all(good) {
        Ok(())
    } else {
        Err(IssueError::TrustDomain { text: text.to_owned() })
    }
}
