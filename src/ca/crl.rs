//! Certificate revocation lists (RFC 5280 section 5). They are for others: our own listener asks its memory.

use std::time::Duration;

use x509_cert::certificate::{Rfc5280, Version};
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::der::Encode as _;
use x509_cert::der::asn1::BitString;
use x509_cert::ext::pkix::{self, CrlNumber};
use x509_cert::serial_number::SerialNumber;

use super::authority::CertificateAuthority;
use super::error::IssueError;
use super::extension::{authority_key, extension};
use super::validity::time;
use crate::clock::Timestamp;
use crate::id::Serial;

/// How long a CRL is good for.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// thisUpdate lies back as notBefore does: a verifier whose clock is a little behind must not find every host refused
/// in the minutes after a revocation.
const BACKDATED: Duration = Duration::from_secs(5 * 60);

/// One revoked certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlEntry {
    /// Its serial number.
    pub serial: Serial,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: CrlReason,
}

/// Why a certificate was revoked (RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlReason {
    /// keyCompromise: somebody else has its key.
    KeyCompromise,
    /// superseded: another certificate took its place.
    Superseded,
    /// cessationOfOperation: the host is no more.
    CessationOfOperation,
    /// privilegeWithdrawn: a role it names was taken away.
    PrivilegeWithdrawn,
}

impl CertificateAuthority {
    /// Signs a v2 CRL of the issuing CA, good for 24 hours from `now`. The caller sees to it that `number` only grows.
    ///
    /// Its authority key identifier is the issuing CA's own subject key identifier as its certificate states it,
    /// however that was computed by whoever made it.
    ///
    /// # Errors
    /// A failure to encode or to sign.
    pub fn sign_crl(&self, number: u64, revoked: &[CrlEntry], now: Timestamp) -> Result<Vec<u8>, IssueError> {
        let entries = revoked.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let tbs = TbsCertList::<Rfc5280> {
            version: Version::V2,
            signature: self.key().algorithm(),
            issuer: self.subject().clone(),
            this_update: time(now.minus(BACKDATED))?,
            next_update: Some(time(now.plus(LIFETIME))?),
            // Section 5.1.2.6: an empty list must be absent.
            revoked_certificates: (!entries.is_empty()).then_some(entries),
            crl_extensions: Some(vec![
                authority_key(self.ski())?,
                extension(false, &CrlNumber::try_from(number)?)?,
            ]),
        };
        let signature = BitString::from_bytes(&self.key().sign(&tbs.to_der()?)?)?;
        let signature_algorithm = self.key().algorithm();
        Ok(CertificateList { tbs_cert_list: tbs, signature_algorithm, signature }.to_der()?)
    }
}

fn entry(entry: &CrlEntry) -> Result<RevokedCert, IssueError> {
    let CrlEntry { serial, revoked_at, reason } = entry;
    Ok(RevokedCert {
        serial_number: SerialNumber::new(serial.as_bytes())?,
        revocation_date: time(*revoked_at)?,
        crl_entry_extensions: Some(vec![extension(false, &reason.encoded())?]),
    })
}

impl CrlReason {
    const fn encoded(self) -> pkix::CrlReason {
        match self {
            Self::KeyCompromise => pkix::CrlReason::KeyCompromise,
            Self::Superseded => pkix::CrlReason::Superseded,
            Self::CessationOfOperation => pkix::CrlReason::CessationOfOperation,
            Self::PrivilegeWithdrawn => pkix::CrlReason::PrivilegeWithdrawn,
        }
    }
}
