//! The words of the filter of hosts by state.

use serde::Serialize;
use utoipa::ToSchema;

use crate::store::HostState;

/// A word of the filter by state: a state of a host, or a word for some of them.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    ToSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[schema(as = HostStateFilter)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HostStateWord {
    /// The newest certificate is valid.
    Active,
    /// The newest certificate is valid, and the host should have renewed it.
    Expiring,
    /// The newest certificate has expired.
    Lapsed,
    /// Two machines renewed with certificates of the host.
    Quarantined,
    /// The host is revoked.
    Revoked,
    /// Active or expiring.
    Live,
    /// Lapsed.
    Expired,
}

impl HostStateWord {
    /// The states that the word selects.
    pub(super) const fn states(self) -> &'static [HostState] {
        match self {
            Self::Active => &[HostState::Active],
            Self::Expiring => &[HostState::Expiring],
            Self::Lapsed | Self::Expired => &[HostState::Lapsed],
            Self::Quarantined => &[HostState::Quarantined],
            Self::Revoked => &[HostState::Revoked],
            Self::Live => &HostState::LIVE,
        }
    }
}
