//! The identity of an enrolled host.

use crate::access::OpaqueKey;
use crate::id::{Fingerprint, HostId};
use crate::name::{DnsName, Role};
use crate::service::ca::set::CaSet;
use crate::store::{CertificateRecord, EnrollmentRecord, StoredCertificate};

/// The outcome of a redemption that is not refused.
pub enum Redemption {
    /// The host is enrolled, and gets this opaque key, if any.
    Enrolled(Box<Enrolled>, Option<OpaqueKey>),
    /// It waits until a person decides.
    Waiting(Box<EnrollmentRecord>),
}

impl From<Enrolled> for Redemption {
    fn from(enrolled: Enrolled) -> Self {
        Self::Enrolled(Box::new(enrolled), None)
    }
}

/// The identity of an enrolled host. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The host's id.
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
    /// The name that it has just lost to the authority.
    pub name_withdrawn: Option<DnsName>,
    /// The certificate's serial, key and validity.
    pub record: CertificateRecord,
}

impl Enrolled {
    /// The answer for a host that trusts `root`, or the current root without one.
    pub(super) fn new(
        name: Option<DnsName>,
        roles: Vec<Role>,
        stored: StoredCertificate,
        cas: &CaSet,
        root: Option<Fingerprint>,
    ) -> Self {
        let StoredCertificate { host, record, der } = stored;
        Self {
            host,
            chain: cas.chain_of(&der),
            certificate: der,
            root: root.and_then(|root| cas.root(root)).unwrap_or_else(|| cas.current().root_pem()).to_owned(),
            roles,
            name,
            name_withdrawn: None,
            record,
        }
    }
}
