//! The bodies of requests that give rights or change them, and the filters of lists. Each is judged as a whole, so that one
//! response lists every invalid field, and becomes an order of a use case or a filter.

mod api_key;
mod filter;
mod life;
mod mint;
pub(super) mod object;
mod service_token;
mod settings;
mod user;

use serde::{Deserialize, Deserializer};

pub use self::api_key::ApiKeyRequest;
pub use self::filter::{HostWords, TokenWords};
pub use self::mint::{Bind, MintRequest};
pub use self::service_token::ServiceTokenRequest;
pub use self::settings::SettingsRequest;
pub use self::user::{UserChangeRequest, UserRequest};

/// A member that is there, whatever it says: null is a word of its own, and does not pass for an absent one.
pub(super) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
