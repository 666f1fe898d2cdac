//! Ids of keys of Elastic Fleet's API, which are numbers.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::KeyId;

/// Names a key of Elastic Fleet's API by its number, from 1: `fleet-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FleetKeyId(u32);

impl FleetKeyId {
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

    /// Parses `fleet-` and the number, without leading zeros; nothing else is an id.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("fleet-")?;
        let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        canonical.then(|| digits.parse().ok().map(Self)).flatten()
    }
}

impl fmt::Display for FleetKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fleet-{}", self.0)
    }
}

text_form!(FleetKeyId, "`fleet-` and a number");

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
