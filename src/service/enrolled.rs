//! What a host leaves with.

use super::ca_set::CaSet;
use crate::ca::{IssuedCertificate, parse_host_certificate};
use crate::clock::Timestamp;
use crate::id::{Fingerprint, HostId};
use crate::name::{DnsName, Role};
use crate::store::{CertificateRecord, NewCertificate, StoredCertificate};

/// An enrolled host's identity: nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The host.
    pub host: HostId,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// The certificates between it and the root, and the root: PEM.
    pub chain: String,
    /// The root, PEM.
    pub root: String,
    /// The roles the certificate carries.
    pub roles: Vec<Role>,
    /// The DNS name it may use.
    pub name: Option<DnsName>,
    /// Until when the certificate is good.
    pub expires_at: Timestamp,
    /// When the host should renew: two thirds into its life.
    pub renew_after: Timestamp,
}

impl Enrolled {
    /// The answer for a host that trusts `root`; the current one if it names none.
    pub(super) fn new(
        host: HostId,
        name: Option<DnsName>,
        stored: &StoredCertificate,
        cas: &CaSet,
        root: Option<Fingerprint>,
    ) -> Self {
        let CertificateRecord { issued_at, not_after, .. } = stored.record;
        let roles = parse_host_certificate(&stored.der).map(|identity| identity.roles).unwrap_or_default();
        Self {
            host,
            certificate: stored.der.clone(),
            chain: cas.chain_of(&stored.der),
            root: root.and_then(|root| cas.root(root)).unwrap_or_else(|| cas.current().root_pem()).to_owned(),
            roles,
            name,
            expires_at: not_after,
            renew_after: renew_after(issued_at, not_after),
        }
    }
}

/// Two thirds into the life of a certificate.
pub fn renew_after(issued_at: Timestamp, not_after: Timestamp) -> Timestamp {
    issued_at.plus(not_after.since(issued_at) * 2 / 3).whole_second()
}

/// A signed certificate as the store keeps it.
pub(super) fn to_store(issued: IssuedCertificate, key: crate::id::SpkiHash) -> NewCertificate {
    let IssuedCertificate { serial, der, issued_at, not_after, .. } = issued;
    NewCertificate { serial, key, der, issued_at, not_after }
}

/// A stored certificate of `host`, as if it had been read back.
pub(super) fn as_stored(host: HostId, new: &NewCertificate) -> StoredCertificate {
    let NewCertificate { serial, key, der, issued_at, not_after } = new.clone();
    StoredCertificate { host, record: CertificateRecord { serial, key, issued_at, not_after }, der }
}
