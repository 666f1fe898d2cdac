//! Credentials of hosts.

use serde::Serialize;
use utoipa::ToSchema;

/// The credential that a host asks for when it enrolls.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema, strum::EnumString, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HostCredential {
    /// Its certificate alone.
    #[default]
    Certificate,
    /// Its certificate, and an opaque key for clients that cannot present it.
    ApiKey,
}

impl HostCredential {
    /// The name in requests, entries and the store.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
