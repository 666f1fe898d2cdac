//! The status of a token, as status lists publish it (draft-ietf-oauth-status-list-21).

use crate::id::ListId;

/// What a status list says of one token: two bits (draft-ietf-oauth-status-list-21 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Good, as far as lists know (VALID).
    Valid,
    /// Taken back for good (INVALID).
    Revoked,
    /// Not to be accepted until released (SUSPENDED).
    Suspended,
    /// Every use is taken (the first application-specific value).
    UsedUp,
}

impl Status {
    /// The two bits of it.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Revoked => 1,
            Self::Suspended => 2,
            Self::UsedUp => 3,
        }
    }

    /// The status that the two low bits of `bits` are; the others belong to its neighbours in a list's byte.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 0b11 {
            0 => Self::Valid,
            1 => Self::Revoked,
            2 => Self::Suspended,
            _ => Self::UsedUp,
        }
    }
}

/// Where `issuer` publishes the list: the `uri` of a token's status claim.
pub fn status_uri(issuer: &str, list: ListId) -> String {
    format!("{issuer}{PATH}{list}")
}

/// The list that `uri` names, if it is one of `issuer` in its one spelling.
pub(crate) fn list_of(issuer: &str, uri: &str) -> Option<ListId> {
    super::claims::canonical(uri.strip_prefix(issuer)?.strip_prefix(PATH)?, ListId::parse)
}

const PATH: &str = "/status/";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_status_is_two_bits() {
        for status in [Status::Valid, Status::Revoked, Status::Suspended, Status::UsedUp] {
            assert!(status.bits() < 4);
            assert_eq!(Status::from_bits(status.bits()), status);
            assert_eq!(Status::from_bits(status.bits() | 0b1011_0100), status);
        }
        assert_eq!(Status::from_bits(1), Status::Revoked);
    }

    #[test]
    fn a_list_has_one_address() {
        let list = ListId::generate(Timestamp::from_secs(1_893_456_000));
        let uri = status_uri("https://auth.example.org", list);
        assert_eq!(uri, format!("https://auth.example.org/status/{list}"));
        assert_eq!(list_of("https://auth.example.org", &uri), Some(list));
        assert_eq!(list_of("https://other.example.org", &uri), None);
        assert_eq!(list_of("https://auth.example.org", &format!("{uri}/")), None);
        assert_eq!(list_of("https://auth.example.org", &uri.replace("/status/", "/status//")), None);
    }
}
