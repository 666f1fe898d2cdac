//! The certificates of a host, for administrators.

use super::ServiceError;
use super::hosts::HostAdmin;
use crate::clock::Timestamp;
use crate::host_certificate::HostPeer;
use crate::id::Serial;
use crate::store::HostRecord;

/// A certificate of a host that has not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineageCertificate {
    /// Its serial number.
    pub serial: Serial,
    /// Its place in the lineage.
    pub state: LineageState,
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity.
    pub not_after: Timestamp,
    /// The SPIFFE id in it.
    pub spiffe_id: String,
}

/// The place of a certificate in the lineage of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineageState {
    /// No later one was issued.
    Newest,
    /// A later one was issued.
    Former,
    /// It, or its host, is revoked.
    Revoked,
}

impl HostAdmin {
    /// Returns the certificates of a host that have not expired, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn lineage(&self, host: &HostRecord) -> Result<Vec<LineageCertificate>, ServiceError> {
        let store = &self.base.store;
        let certificates = store.certificates_of(host.id, self.base.time.now()).await?;
        let is_revoked =
            |serial| host.revoked_at.is_some() || store.revocations().certificate_revoked(serial);
        let peers = certificates.iter().filter_map(|der| HostPeer::parse(der));
        let certificate = |peer: HostPeer| LineageCertificate {
            serial: peer.serial,
            state: match peer.serial {
                serial if is_revoked(serial) => LineageState::Revoked,
                serial if serial == host.newest.serial => LineageState::Newest,
                _ => LineageState::Former,
            },
            not_before: peer.not_before,
            not_after: peer.not_after,
            spiffe_id: peer.spiffe_id,
        };
        Ok(peers.map(certificate).collect())
    }
}
