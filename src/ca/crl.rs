//! Certificate revocation lists (RFC 5280 section 5), for other verifiers. The authority's own listener reads its memory.

use std::time::Duration;

use x509_cert::Certificate;
use x509_cert::certificate::{Rfc5280, Version};
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::der::asn1::BitString;
use x509_cert::der::oid::AssociatedOid as _;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::{self, CrlNumber};
use x509_cert::serial_number::SerialNumber;

use super::authority::CertificateAuthority;
use super::ca_key::CaKey;
use super::error::IssueError;
use super::extension::{authority_key, extension};
use super::import::{self, CaCertificate};
use super::public_key::PublicKey;
use super::validity::{BACKDATED, time, timestamp};
use crate::clock::Timestamp;
use crate::id::Serial;
use crate::secret::Secret;

/// The lifetime of a CRL.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// One revoked certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlEntry {
    /// Its serial number.
    pub serial: Serial,
    /// The time of revocation.
    pub revoked_at: Timestamp,
    /// The reason of the revocation.
    pub reason: CrlReason,
}

/// The reason of a revocation (RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlReason {
    /// cessationOfOperation: the host was revoked.
    CessationOfOperation,
    /// privilegeWithdrawn: the host has other roles now.
    PrivilegeWithdrawn,
    /// superseded: the host has another certificate in its place.
    Superseded,
    /// cACompromise: the issuing CA was revoked.
    CaCompromise,
}

/// Returns the signing time of a CRL (DER) and the end of its validity, or `None` if `der` is not a CRL with an end. No
/// signature is checked.
pub fn crl_bounds(der: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let list = CertificateList::<Rfc5280>::from_der(der).ok()?.tbs_cert_list;
    Some((timestamp(list.this_update).plus(BACKDATED), timestamp(list.next_update?)))
}

/// Returns true if `crl` (DER) lists the certificate with this serial number. No signature is checked.
pub fn crl_lists(der: &[u8], serial: Serial) -> bool {
    let list = CertificateList::<Rfc5280>::from_der(der).ok();
    let entries = list.and_then(|list| list.tbs_cert_list.revoked_certificates).unwrap_or_default();
    entries.iter().any(|entry| entry.serial_number.as_bytes() == serial.as_bytes())
}

/// Returns the entries of a CRL (DER), or `None` if it is not a CRL. Entries with serials of other lengths than ours are left out,
/// and an unknown reason counts as superseded. No signature is checked.
pub fn crl_entries(der: &[u8]) -> Option<Vec<CrlEntry>> {
    let list = CertificateList::<Rfc5280>::from_der(der).ok()?.tbs_cert_list;
    let entry = |revoked: RevokedCert| {
        let serial = Serial::from_bytes(revoked.serial_number.as_bytes().try_into().ok()?);
        let extensions = revoked.crl_entry_extensions.iter().flatten();
        let reason = extensions.filter(|found| found.extn_id == pkix::CrlReason::OID).find_map(|found| {
            pkix::CrlReason::from_der(found.extn_value.as_bytes()).ok().and_then(CrlReason::of)
        });
        let reason = reason.unwrap_or(CrlReason::Superseded);
        Some(CrlEntry { serial, revoked_at: timestamp(revoked.revocation_date), reason })
    };
    Some(list.revoked_certificates.unwrap_or_default().into_iter().filter_map(entry).collect())
}

/// Returns true if the CA with the certificate `issuer` signed `crl`, both DER. SHA-1 is not accepted.
pub fn is_crl_of(issuer: &[u8], crl: &[u8]) -> bool {
    let verified = || {
        let (issuer, crl) =
            (Certificate::from_der(issuer).ok()?, CertificateList::<Rfc5280>::from_der(crl).ok()?);
        let issuer = issuer.tbs_certificate();
        let key = PublicKey::parse(issuer.subject_public_key_info()).ok()?;
        let message = crl.tbs_cert_list.to_der().ok()?;
        let signed = key.verify(&crl.signature_algorithm, &message, crl.signature.as_bytes()?).is_ok();
        Some(signed && crl.tbs_cert_list.issuer == *issuer.subject())
    };
    verified().unwrap_or(false)
}

impl CertificateAuthority {
    /// Signs a v2 CRL of the issuing CA, valid for 24 hours from `now`. The caller's `number` must grow with each CRL.
    ///
    /// # Errors
    /// A failure to encode or to sign.
    pub fn sign_crl(&self, number: u64, revoked: &[CrlEntry], now: Timestamp) -> Result<Vec<u8>, IssueError> {
        sign((self.issuing(), self.key()), number, revoked, (now, now.plus(LIFETIME)))
    }
}

/// Signs a v2 CRL of a root, valid until the root expires, because its key may be offline until then. The caller's
/// `number` must grow with each CRL.
///
/// # Errors
/// [`IssueError`], for an unusable root or key, or a failure to encode or to sign.
pub fn sign_root_crl(
    root_pem: &str,
    root_key: &Secret<String>,
    number: u64,
    revoked: &[CrlEntry],
    now: Timestamp,
) -> Result<Vec<u8>, IssueError> {
    let root = import::root_at(root_pem, now)?;
    let key = import::key_of(&root, "root key", root_key)?;
    sign((&root, &key), number, revoked, (now, root.bounds.1))
}

/// Signs a list that is valid from `now` to `until`. Its authority key identifier is the subject key identifier in the
/// issuer's certificate, however it was computed.
fn sign(
    (issuer, key): (&CaCertificate, &CaKey),
    number: u64,
    revoked: &[CrlEntry],
    (now, until): (Timestamp, Timestamp),
) -> Result<Vec<u8>, IssueError> {
    let entries = revoked.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let tbs = TbsCertList::<Rfc5280> {
        version: Version::V2,
        signature: key.algorithm(),
        issuer: issuer.subject().clone(),
        // Otherwise a verifier with a slow clock refuses every host in the minutes after a revocation.
        this_update: time(now.minus(BACKDATED))?,
        next_update: Some(time(until)?),
        // Section 5.1.2.6: an empty list must be absent.
        revoked_certificates: (!entries.is_empty()).then_some(entries),
        crl_extensions: Some(vec![
            authority_key(&issuer.ski)?,
            extension(false, &CrlNumber::try_from(number)?)?,
        ]),
    };
    let signature = BitString::from_bytes(&key.sign(&tbs.to_der()?)?)?;
    let signature_algorithm = key.algorithm();
    Ok(CertificateList { tbs_cert_list: tbs, signature_algorithm, signature }.to_der()?)
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
    /// The reason that this encoding stands for, if it is one of ours.
    const fn of(encoded: pkix::CrlReason) -> Option<Self> {
        match encoded {
            pkix::CrlReason::CessationOfOperation => Some(Self::CessationOfOperation),
            pkix::CrlReason::PrivilegeWithdrawn => Some(Self::PrivilegeWithdrawn),
            pkix::CrlReason::Superseded => Some(Self::Superseded),
            pkix::CrlReason::CaCompromise => Some(Self::CaCompromise),
            _ => None,
        }
    }

    const fn encoded(self) -> pkix::CrlReason {
        match self {
            Self::CessationOfOperation => pkix::CrlReason::CessationOfOperation,
            Self::PrivilegeWithdrawn => pkix::CrlReason::PrivilegeWithdrawn,
            Self::Superseded => pkix::CrlReason::Superseded,
            Self::CaCompromise => pkix::CrlReason::CaCompromise,
        }
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::{CertificateRevocationList, FromDer as _, ReasonCode, X509Certificate};

    use super::*;
    use crate::ca::fixture::*;

    fn revoke(serial: Serial, reason: CrlReason) -> CrlEntry {
        CrlEntry { serial, revoked_at: NOW, reason }
    }

    #[test]
    fn a_crl_lists_revocations_and_verifies() {
        let ca = authority();
        let (serial, other) = (Serial::generate(), Serial::generate());
        let revoked =
            [revoke(serial, CrlReason::CessationOfOperation), revoke(other, CrlReason::PrivilegeWithdrawn)];
        let der = ca.sign_crl(u64::MAX, &revoked, NOW).unwrap();
        let (rest, crl) = CertificateRevocationList::from_der(&der).unwrap();
        let (_, issuing) = X509Certificate::from_der(ca.issuing_der()).unwrap();
        assert!(rest.is_empty());
        assert!(crl.verify_signature(issuing.public_key()).is_ok());
        assert_eq!(crl.issuer().as_raw(), issuing.subject().as_raw());
        assert_eq!(crl.version().unwrap().0, 1);
        assert_eq!(crl.next_update().unwrap().timestamp(), NOW.secs() + 24 * 3600);
        assert_eq!(crl.crl_number().unwrap().to_string(), u64::MAX.to_string());
        let listed: Vec<_> = crl.iter_revoked_certificates().collect();
        assert_eq!(listed[0].raw_serial(), serial.as_bytes());
        assert_eq!(listed[0].reason_code().unwrap().1, ReasonCode::CessationOfOperation);
        assert_eq!(listed[1].reason_code().unwrap().1, ReasonCode::PrivilegeWithdrawn);
    }

    #[test]
    fn a_root_crl_ends_with_the_root() {
        let made = CertificateAuthority::generate("gatepass", NOW).unwrap();
        let ca = load(&made);
        let der = sign_root_crl(&made.root_pem, &made.root_key, 1, &[], NOW).unwrap();
        let (_, crl) = CertificateRevocationList::from_der(&der).unwrap();
        let (_, root) = X509Certificate::from_der(ca.root_der()).unwrap();
        assert!(crl.verify_signature(root.public_key()).is_ok());
        assert_eq!(crl.issuer().as_raw(), root.subject().as_raw());
        assert_eq!(crl.next_update().unwrap().timestamp(), ca.root_not_after().secs());
        assert_eq!(crl.iter_revoked_certificates().count(), 0);
        assert!(sign_root_crl(&made.root_pem, &made.issuing_key, 1, &[], NOW).is_err());
        assert!(is_crl_of(ca.root_der(), &der));
        for other in [ca.issuing_der(), authority().root_der(), b"x"] {
            assert!(!is_crl_of(other, &der));
        }
        assert!(!is_crl_of(ca.root_der(), &ca.sign_crl(1, &[], NOW).unwrap()));
    }

    #[test]
    fn rustls_refuses_only_listed_certificates() {
        let ca = authority();
        let (gone, live) = (issue(&ca, profile(&["proxy"])), issue(&ca, profile(&["proxy"])));
        let verdict =
            |leaf: &[u8], crl: &[u8]| rustls_accepts(ca.root_der(), &[ca.issuing_der()], leaf, &[crl], NOW);
        let empty = ca.sign_crl(1, &[], NOW).unwrap();
        let full = ca.sign_crl(2, &[revoke(gone.serial, CrlReason::CessationOfOperation)], NOW).unwrap();
        assert_eq!(verdict(&gone.der, &empty), Ok(()));
        assert_eq!(verdict(&live.der, &full), Ok(()));
        let revoked = rustls::CertificateError::Revoked;
        assert_eq!(verdict(&gone.der, &full), Err(rustls::Error::InvalidCertificate(revoked)));
    }
}
