//! The status of a token, as status lists publish it (draft-ietf-oauth-status-list-21).

use crate::id::ListId;

/// The status of one token, two bits (draft-ietf-oauth-status-list-21 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Not revoked, suspended or used up (VALID).
    Valid = 0,
    /// Revoked for good (INVALID).
    Revoked = 1,
    /// Not to be accepted until released (SUSPENDED).
    Suspended = 2,
    /// Every use is taken (the first application-specific value).
    UsedUp = 3,
}

impl Status {
    /// Its two bits.
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// The status in the two low bits of `bits`. The other bits belong to its neighbours in a byte of a list.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 0b11 {
            0 => Self::Valid,
            1 => Self::Revoked,
            2 => Self::Suspended,
            _ => Self::UsedUp,
        }
    }
}

/// The address of a list of `issuer`: the `uri` of a token's status claim.
pub fn status_uri(issuer: &str, list: ListId) -> String {
    format!("{issuer}{PATH}{list}")
}

/// The list of `issuer` at `uri`; `None` for any other spelling.
pub(crate) fn list_of(issuer: &str, uri: &str) -> Option<ListId> {
    ListId::parse(uri.strip_prefix(issuer)?.strip_prefix(PATH)?)
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
