//! What a host leaves with.

use crate::clock::Timestamp;
use crate::id::{Fingerprint, HostId};
use crate::name::{DnsName, Role};
use crate::service::ca::set::CaSet;
use crate::store::{CertificateRecord, StoredCertificate};

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
        name: Option<DnsName>,
        roles: Vec<Role>,
        stored: StoredCertificate,
        cas: &CaSet,
        root: Option<Fingerprint>,
    ) -> Self {
        let StoredCertificate { host, record: CertificateRecord { issued_at, not_after, .. }, der } = stored;
        Self {
            host,
            chain: cas.chain_of(&der),
            certificate: der,
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
