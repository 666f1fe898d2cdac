//! Approval modes: whether a person decides about the hosts that no rule admits.

use std::fmt;

use serde::{Serialize, Serializer};

/// A treatment of hosts that no auto-approve rule admits. The strictest of those that apply holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Approval {
    /// They are admitted; rules are not asked.
    #[default]
    Off,
    /// They are admitted, and the ledger records that they would have waited.
    Warn,
    /// They wait until a person decides.
    Require,
}

impl Approval {
    /// Every mode, from the loosest to the strictest.
    pub const ALL: [Self; 3] = [Self::Off, Self::Warn, Self::Require];

    /// The mode of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }

    /// The name of the setting in the store.
    #[cfg(feature = "server")]
    pub(crate) const SETTING: &str = "approval";

    /// The mode of a stored value, which is its place. One of a later version is taken for the strictest.
    #[cfg(feature = "server")]
    pub(crate) fn of_stored(value: u64) -> Self {
        let mode = usize::try_from(value).ok().and_then(|place| Self::ALL.get(place));
        mode.copied().unwrap_or(Self::Require)
    }

    /// The name in requests, claims, settings and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Require => "require",
        }
    }
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Approval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_have_names_and_an_order() {
        for mode in Approval::ALL {
            assert_eq!(Approval::parse(mode.as_str()), Some(mode));
        }
        assert!(Approval::Off < Approval::Warn && Approval::Warn < Approval::Require);
        assert_eq!([Approval::parse("Off"), Approval::parse("")], [None, None]);
        #[cfg(feature = "server")]
        assert_eq!(
            [1, 2, 3].map(Approval::of_stored),
            [Approval::Warn, Approval::Require, Approval::Require]
        );
    }
}
