//! What a signing key is for: each kind of token has keys of its own, so that one door's token opens no other.

use std::fmt;

/// What a key signs (RFC 8725 section 3.12: keys and types of different kinds of token do not mix).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyUse {
    /// Enrollment tokens, which are redeemed for a host certificate.
    Enrollment,
    /// Service tokens, which are shown at the door of one service and are never redeemable.
    Service,
    /// Status lists.
    StatusList,
}

impl KeyUse {
    /// Every use there is.
    pub const ALL: [Self; 3] = [Self::Enrollment, Self::Service, Self::StatusList];

    /// The `typ` of what it signs (RFC 8725 section 3.11): no other kind of token has it.
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Enrollment => "enroll+jwt",
            Self::Service => "role+jwt",
            Self::StatusList => "statuslist+jwt",
        }
    }

    /// Its name in the store, the API and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enrollment => "enrollment",
            Self::Service => "service",
            Self::StatusList => "status_list",
        }
    }

    /// The use of this name.
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
    fn a_use_is_found_by_its_name_and_by_its_typ() {
        for usage in KeyUse::ALL {
            assert_eq!(KeyUse::parse(&usage.to_string()), Some(usage));
            assert_eq!(KeyUse::of_typ(usage.typ()), Some(usage));
        }
        assert_eq!((KeyUse::parse("Service"), KeyUse::of_typ("JWT")), (None, None));
    }
}
