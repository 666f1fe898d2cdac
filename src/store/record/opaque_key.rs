//! Opaque keys of hosts.

use crate::id::{HostId, PolicyId};

/// The opaque key of a host, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpaqueKeyRecord {
    /// Id of its host.
    pub host: HostId,
    /// The certificate that the key is as good as, DER.
    pub certificate: Vec<u8>,
    /// The policy of the host.
    pub policy: Option<PolicyId>,
    /// True if the key was used before.
    pub was_used: bool,
}
