//! Certificate revocation lists (RFC 5280 section 5) of a verifier.

use std::collections::HashMap;
use std::sync::Arc;

use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};

use super::issuer::{Issuer, IssuerKey};
use super::signature;
use crate::clock::Timestamp;
use crate::id::Serial;
use crate::token::LEEWAY;

/// Maximum size of a CRL in bytes: about 200 000 entries.
pub const MAX_CRL_BYTES: usize = 8 << 20;

/// A refused CRL; the known one stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// The CRL is longer than [`MAX_CRL_BYTES`].
    #[error("the CRL has {bytes} bytes, more than 8 MiB; check that it comes from the authority")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The CRL is not a complete v2 CRL, or has an unknown critical extension.
    #[error("the CRL cannot be used: {why}; fetch it from the authority's /ca/crl/")]
    Malformed {
        /// The defect.
        why: String,
    },
    /// No known issuing CA signed the CRL.
    #[error(
        "the CRL was not signed by an issuing CA of the authority; fetch /ca/chain.pem, then the CRL again"
    )]
    Untrusted,
    /// Its thisUpdate is in the future.
    #[error("the CRL is not valid yet; check this machine's clock")]
    NotYetValid,
    /// Its nextUpdate has passed.
    #[error("the CRL has ended; fetch a newer one")]
    Expired,
    /// The CRL is older than the known one, or differs from it under the same number.
    #[error("the CRL is older than the one that is known; fetch the newest")]
    WentBack,
}

/// A CRL with a verified signature.
#[derive(Clone)]
pub(super) struct KnownCrl {
    pub(super) issuer: IssuerKey,
    /// Big-endian, without leading zeros.
    number: Vec<u8>,
    pub(super) der: Arc<[u8]>,
    revoked: Arc<CertRevocationList<'static>>,
    this_update: Timestamp,
    pub(super) next_update: Timestamp,
    pub(super) confirmed_at: Timestamp,
}

impl KnownCrl {
    /// Reads a CRL that one of `issuers` signed and that is valid at `now`.
    pub(super) fn parse(der: &[u8], issuers: &[Issuer], now: Timestamp) -> Result<Self, CrlError> {
        let crl = Self::read(der, issuers, now)?;
        if crl.this_update > now.plus(LEEWAY) {
            return Err(CrlError::NotYetValid);
        }
        if crl.has_ended(now) { Err(CrlError::Expired) } else { Ok(crl) }
    }

    /// The same for any dates.
    pub(super) fn read(der: &[u8], issuers: &[Issuer], now: Timestamp) -> Result<Self, CrlError> {
        let malformed = |why: &str| CrlError::Malformed { why: why.to_owned() };
        if der.len() > MAX_CRL_BYTES {
            return Err(CrlError::TooLarge { bytes: der.len() });
        }
        let (_, list) = CertificateRevocationList::from_der(der).map_err(|_| malformed("it is not a CRL"))?;
        // The signature comes first: nothing else is read from an unauthenticated CRL.
        let signed = |issuer: &&Issuer| {
            issuer.subject == list.issuer().as_raw()
                && signature::is_by(
                    &issuer.spki,
                    &list.signature_algorithm,
                    list.tbs_cert_list.as_ref(),
                    &list.signature_value.data,
                )
        };
        let issuer = issuers.iter().find(signed).ok_or(CrlError::Untrusted)?.key;
        let revoked =
            OwnedCertRevocationList::from_der(der).map_err(|error| malformed(&error.to_string()))?;
        let revoked = CertRevocationList::from(revoked);
        if revoked.issuing_distribution_point().is_some() {
            return Err(malformed("it covers a part of its issuer's certificates only"));
        }
        let number = list.crl_number().ok_or_else(|| malformed("it has no number"))?.to_bytes_be();
        let next_update = list.next_update().ok_or_else(|| malformed("it has no nextUpdate"))?;
        let next_update = Timestamp::from_secs(next_update.timestamp());
        let this_update = Timestamp::from_secs(list.last_update().timestamp());
        let (der, revoked) = (der.into(), Arc::new(revoked));
        Ok(Self { issuer, number, der, revoked, this_update, next_update, confirmed_at: now })
    }

    /// Replaces the CRL of the same issuer.
    pub(super) fn replace_in(self, known: &mut HashMap<IssuerKey, Self>) -> Result<(), CrlError> {
        if known.get(&self.issuer).is_some_and(|before| self.is_older_than(before)) {
            return Err(CrlError::WentBack);
        }
        known.insert(self.issuer, self);
        Ok(())
    }

    /// Returns true once its nextUpdate has come.
    pub(super) fn has_ended(&self, now: Timestamp) -> bool {
        self.next_update <= now
    }

    /// Returns true if its number is smaller, or its content differs under the same number.
    pub(super) fn is_older_than(&self, before: &Self) -> bool {
        let order = |crl: &Self| (crl.number.len(), crl.number.clone());
        order(self) < order(before) || (self.number == before.number && self.der != before.der)
    }

    /// Returns true if the certificate with this serial was revoked.
    pub(super) fn lists(&self, serial: Serial) -> bool {
        // A malformed entry counts as revoked.
        self.revoked.find_serial(serial.as_bytes()).map_or(true, |entry| entry.is_some())
    }
}
