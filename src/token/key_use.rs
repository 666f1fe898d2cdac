//! The uses of signing keys: each kind of token has keys of its own, and is refused as another kind.

use std::fmt;

use serde::Serialize;

/// The kind of token that a key signs (RFC 8725 section 3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// Enrollment tokens, which are redeemed for a host certificate.
    Enrollment,
    /// Service tokens, which one service accepts and which cannot be redeemed.
    Service,
    /// Access tokens, which a host presents to one service with its certificate.
    Access,
    /// Status lists.
    StatusList,
}

impl KeyUse {
    /// Every use.
    pub const ALL: [Self; 4] = [Self::Enrollment, Self::Service, Self::Access, Self::StatusList];

    /// The `typ` of its tokens (RFC 8725 section 3.11). No other kind of token has it.
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Enrollment => "enroll+jwt",
            Self::Service => "role+jwt",
            // RFC 9068 section 2.1.
            Self::Access => "at+jwt",
            Self::StatusList => "statuslist+jwt",
        }
    }

    /// Its name in the store, the API and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enrollment => "enrollment",
            Self::Service => "service",
            Self::Access => "access",
            Self::StatusList => "status_list",
        }
    }

    /// The use with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|usage| usage.name() == name)
    }

    /// The use whose tokens have this `typ`.
    pub(super) fn of_typ(typ: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|usage| usage.typ() == typ)
    }
}

impl fmt::Display for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_found_by_name_or_typ() {
        for usage in KeyUse::ALL {
            assert_eq!(KeyUse::parse(&usage.to_string()), Some(usage));
            assert_eq!(KeyUse::of_typ(usage.typ()), Some(usage));
        }
        assert_eq!((KeyUse::parse("Service"), KeyUse::of_typ("JWT")), (None, None));
    }
}
