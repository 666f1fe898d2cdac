//! Addresses as rate limits count them.

use std::net::IpAddr;

use ipnet::IpNet;

/// The site of an address: an IPv4 address in any spelling, or the /64 of one IPv6 subscriber (RFC 6177), which holds 2^64
/// addresses.
pub fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

/// Returns true if `address` is in one of `networks`. A listener on `[::]` sees IPv4 addresses in their mapped form.
pub fn is_within(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_an_ipv4_address_or_a_64() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ] {
            let (address, expected) = (address.parse().unwrap(), expected.parse::<IpAddr>().unwrap());
            assert_eq!(site(address), expected, "{address}");
        }
    }
}
