//! Opaque keys of hosts.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
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

/// The times of a host's opaque key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldOpaqueKey {
    /// Time at which the host got it.
    pub issued_at: Timestamp,
    /// Time of its first use; `null`: never.
    #[schema(required)]
    pub first_used_at: Option<Timestamp>,
}
