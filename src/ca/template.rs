//! A certificate before it is signed: the one place where the builder is called.

use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder};
use x509_cert::der::Encode as _;
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};

use super::ca_key::{CaKey, Signature};
use super::error::IssueError;
use super::validity::Validity;
use crate::id::Serial;

/// The content of a certificate, except for issuer and signature.
pub(super) struct Template {
    pub(super) serial: Serial,
    pub(super) subject: Name,
    pub(super) validity: Validity,
    pub(super) spki: SubjectPublicKeyInfoOwned,
    pub(super) extensions: Vec<Extension>,
}

impl Template {
    /// Signs it in the name of `issuer`, an X.509 v3 certificate (RFC 5280 section 4.1), and returns its DER.
    pub(super) fn sign(self, issuer: Name, key: &CaKey) -> Result<Vec<u8>, IssueError> {
        let Self { serial, subject, validity, spki, extensions } = self;
        let serial = SerialNumber::new(serial.as_bytes())?;
        let exactly = Exactly { issuer, subject, extensions };
        let builder = CertificateBuilder::new(exactly, serial, validity.encode()?, spki)?;
        Ok(builder.build::<_, Signature>(key)?.to_der()?)
    }
}

/// A profile for the builder that adds nothing to the template.
struct Exactly {
    issuer: Name,
    subject: Name,
    extensions: Vec<Extension>,
}

impl BuilderProfile for Exactly {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _spki: SubjectPublicKeyInfoRef<'_>,
        _issuer_spki: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(self.extensions.clone())
    }
}
