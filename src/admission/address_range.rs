//! Ranges of IP addresses.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A range of addresses in CIDR form (RFC 4632 section 3.1), such as `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressRange(IpNet);

/// A refused range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRangeError {
    /// The text is no range and no address.
    #[error("{text:?} is no range of addresses: write one such as 10.0.0.0/8, or one address")]
    Malformed {
        /// The refused text.
        text: String,
    },
    /// The address has bits after the prefix, so that it is not clear which of both is meant.
    #[error(
        "{text:?} is no range of addresses: write {range} for the range, or {address} for the address alone"
    )]
    HostBits {
        /// The refused text.
        text: String,
        /// The range with this prefix.
        range: IpNet,
        /// The address before the prefix.
        address: IpAddr,
    },
}

impl AddressRange {
    /// Reads a range, or an address alone. IPv4 addresses in IPv6 form (RFC 4291 section 2.5.5.2) are IPv4.
    ///
    /// # Errors
    /// The [`AddressRangeError`] with the text to write instead.
    pub fn parse(text: &str) -> Result<Self, AddressRangeError> {
        let alone = || text.parse::<IpAddr>().map(IpNet::from);
        let read = text.parse::<IpNet>().or_else(|_| alone());
        let range = canonical(read.map_err(|_| AddressRangeError::Malformed { text: text.to_owned() })?);
        match range.trunc() {
            whole if whole == range => Ok(Self(range)),
            whole => Err(AddressRangeError::HostBits {
                text: text.to_owned(),
                range: whole,
                address: range.addr(),
            }),
        }
    }

    /// Returns true if `address` is in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

/// The same range, as IPv4 if all its addresses are.
fn canonical(range: IpNet) -> IpNet {
    let IpNet::V6(v6) = range else { return range };
    let v4 = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    v4.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok()).map_or(range, IpNet::V4)
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

impl Serialize for AddressRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AddressRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        AddressRange::parse(text).unwrap()
    }

    #[test]
    fn a_range_is_read_back_as_it_was_written() {
        for text in ["10.0.0.0/8", "192.0.2.7", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1", "::/0"] {
            assert_eq!(range(text).to_string(), text);
        }
        assert_eq!(range("192.0.2.7/32").to_string(), "192.0.2.7");
        assert_eq!(range("::ffff:10.0.0.0/104"), range("10.0.0.0/8"));
        assert_eq!(range("::ffff:10.1.2.3"), range("10.1.2.3"));
    }

    #[test]
    fn a_range_holds_its_addresses_in_either_form() {
        let holds = |text: &str, address: &str| range(text).contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && holds("10.0.0.0/8", "::ffff:10.255.0.1"));
        assert!(!holds("10.0.0.0/8", "11.0.0.0") && !holds("10.0.0.0/8", "::a00:1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(!holds("::/0", "10.0.0.1") && !holds("0.0.0.0/0", "2001:db8::1"));
    }

    #[test]
    fn a_malformed_range_is_refused_with_the_right_form() {
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "node.example.org", "2001:db8::/129"] {
            let malformed = AddressRangeError::Malformed { text: wrong.to_owned() };
            assert_eq!(AddressRange::parse(wrong), Err(malformed));
        }
        let error = AddressRange::parse("10.0.0.5/8").unwrap_err().to_string();
        assert!(error.contains("10.0.0.0/8") && error.contains("10.0.0.5 for the address alone"), "{error}");
    }
}
