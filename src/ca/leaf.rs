//! Host certificates: from an approved request to DER, in steps that only go forward.

use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::authority::CertificateAuthority;
use super::csr::Csr;
use super::error::IssueError;
use super::extension::{CLIENT_AUTH, SERVER_AUTH, crl_address, of_leaf};
use super::profile::HostProfile;
use super::subject;
use super::template::Template;
use super::validity::Validity;
use crate::clock::Timestamp;
use crate::id::Serial;

/// A granted request: its public key, and the profile that the authority chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedRequest {
    spki: SubjectPublicKeyInfoOwned,
    profile: HostProfile,
}

impl ApprovedRequest {
    /// Joins the key of `csr` with the content of `profile`.
    pub fn new(csr: &Csr, profile: HostProfile) -> Self {
        Self { spki: csr.spki().clone(), profile }
    }

    /// Chooses a serial and dates: backdated five minutes, never past the issuer.
    ///
    /// # Errors
    /// [`IssueError`], for a lifetime of zero, an issuer that is not valid at `now`, or a profile that no certificate can carry.
    pub fn prepare(
        self,
        ca: &CertificateAuthority,
        now: Timestamp,
    ) -> Result<PreparedCertificate<'_>, IssueError> {
        let Self { spki, profile } = self;
        let validity = Validity::new(now, profile.lifetime)?.within(ca.issuing_bounds())?;
        let purposes = [CLIENT_AUTH, SERVER_AUTH];
        let mut extensions = of_leaf(&spki, ca.issuing_ski(), &purposes, profile.names()?)?;
        if let Some(url) = profile.crl_address(ca.issuing_ski())? {
            extensions.push(crl_address(&url)?);
        }
        let subject = subject::host(profile.host, &profile.roles)?;
        let template = Template { serial: Serial::generate(), subject, validity, spki, extensions };
        Ok(PreparedCertificate { template, ca, now })
    }
}

/// A certificate that lacks only its signature. Issuing consumes it: one preparation, one certificate, one serial.
pub struct PreparedCertificate<'a> {
    template: Template,
    ca: &'a CertificateAuthority,
    now: Timestamp,
}

impl PreparedCertificate<'_> {
    /// Signs it, reads the certificate back and compares the public key byte for byte.
    ///
    /// # Errors
    /// [`IssueError`], for a failure to encode or to sign.
    pub fn issue(self) -> Result<IssuedCertificate, IssueError> {
        let Self { template, ca, now } = self;
        let (serial, validity) = (template.serial, template.validity);
        let asked = template.spki.to_der()?;
        let der = template.sign(ca.subject().clone(), ca.key())?;
        let signed = Certificate::from_der(&der)?;
        if signed.tbs_certificate().subject_public_key_info().to_der()? != asked {
            return Err(IssueError::KeyChanged);
        }
        Ok(IssuedCertificate { serial, der, issued_at: now, not_after: validity.not_after() })
    }
}

/// A signed certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// Its serial number.
    pub serial: Serial,
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// The time of preparation.
    pub issued_at: Timestamp,
    /// The end of its validity.
    pub not_after: Timestamp,
}

#[cfg(test)]
mod tests;
