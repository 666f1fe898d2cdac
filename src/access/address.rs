//! Who counts as one, where addresses are counted.

use std::net::IpAddr;

use ipnet::IpNet;

/// What counts as one address: an IPv4 address however it is written, or the /64 that one IPv6 subscriber is given
/// (RFC 6177), of which he could otherwise use 2^64.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

/// What counts as one site: an IPv4 address, or the /48 that one IPv6 customer is given at most (RFC 6177). For what is so
/// scarce that nobody may have many places of it.
pub fn site(address: IpAddr) -> IpAddr {
    const HOST_BITS: u32 = 80;
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> HOST_BITS << HOST_BITS).into()),
        v4 => v4,
    }
}

/// Whether `address` is in one of `networks`. A listener on `[::]` sees IPv4 addresses in their mapped form.
pub fn is_within(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_is_an_ipv4_address_or_a_64() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ] {
            let (address, expected) = (address.parse().unwrap(), expected.parse::<IpAddr>().unwrap());
            assert_eq!(subscriber(address), expected, "{address}");
        }
    }

    #[test]
    fn a_site_is_an_ipv4_address_or_a_48() {
        for (address, expected) in [
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("2001:db8:2:2::1", "2001:db8:2::"),
        ] {
            let (address, expected) = (address.parse().unwrap(), expected.parse::<IpAddr>().unwrap());
            assert_eq!(site(address), expected, "{address}");
        }
    }
}
