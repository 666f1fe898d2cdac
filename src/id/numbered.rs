//! Ids of keys that are numbers: those of Elastic Fleet's API, and those of the seal.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::KeyId;

macro_rules! numbered_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $form:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The first key of an authority.
            pub const FIRST: Self = Self(1);

            /// The key with this number.
            pub const fn new(number: u32) -> Self {
                Self(number)
            }

            /// The number of the key.
            pub const fn number(self) -> u32 {
                self.0
            }

            /// The key after it.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// Parses the prefix and the number, without leading zeros; nothing else is an id.
            pub fn parse(text: &str) -> Option<Self> {
                let digits = text.strip_prefix($prefix)?;
                let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
                canonical.then(|| digits.parse().ok().map(Self)).flatten()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        text_form!($name, $form);
    };
}

numbered_id!(
    /// Names a key of Elastic Fleet's API by its number, from 1: `fleet-1`.
    FleetKeyId,
    "fleet-",
    "`fleet-` and a number"
);
numbered_id!(
    /// Names a key of the seal by its number, from 1: `seal-1`.
    SealKeyId,
    "seal-",
    "`seal-` and a number"
);

/// Names a key in the list of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListedKey {
    /// A key that signs tokens or status lists.
    Signing(KeyId),
    /// A key of Elastic Fleet's API.
    Fleet(FleetKeyId),
}

impl ListedKey {
    /// Parses the id of either; nothing else is one.
    pub fn parse(text: &str) -> Option<Self> {
        FleetKeyId::parse(text).map(Self::Fleet).or_else(|| KeyId::parse(text).map(Self::Signing))
    }
}

impl fmt::Display for ListedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signing(id) => id.fmt(f),
            Self::Fleet(id) => id.fmt(f),
        }
    }
}
