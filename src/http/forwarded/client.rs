//! The client's address behind trusted proxies.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use crate::service::verification::proxies::TrustedProxies;

/// The only header that is read for it.
const HEADER: &str = "x-forwarded-for";

/// The client's address of a request that came from `address`.
///
/// Each proxy appends the address that asked it. The list is read from its end, as long as the proxy that wrote the
/// element is trusted. A malformed element ends it: the elements before it have an unknown author.
pub fn client(proxies: &TrustedProxies, address: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut client = address;
    if !proxies.include(client) {
        return client;
    }
    for line in headers.get_all(HEADER).iter().rev() {
        let Ok(line) = line.to_str() else { return client };
        for element in line.rsplit(',') {
            let Some(next) = parse(element.trim()) else { return client };
            client = next;
            if !proxies.include(client) {
                return client;
            }
        }
    }
    client
}

/// Parses an address with or without brackets and port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().ok();
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.or_else(|| bare().map(IpAddr::V6)).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(from: &str, lines: &[&str]) -> String {
        let networks = ["10.0.0.0/8", "2001:db8::/32"].map(|network| network.parse().unwrap());
        let proxies = TrustedProxies::new(networks.to_vec(), "x-client-cert");
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HEADER, http::HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        client(&proxies, from.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn an_untrusted_client_cannot_name_another_address() {
        assert_eq!(of("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        let nobody = TrustedProxies::default();
        let headers = [(http::HeaderName::from_static(HEADER), "198.51.100.7".parse().unwrap())];
        let headers = HeaderMap::from_iter(headers);
        assert_eq!(client(&nobody, [10, 0, 0, 1].into(), &headers), IpAddr::from([10, 0, 0, 1]));
    }

    #[test]
    fn the_client_is_the_last_untrusted_address() {
        for (lines, expected) in [
            (["198.51.100.7"].as_slice(), "198.51.100.7"),
            (&["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
            (&["1.2.3.4, 198.51.100.7 ,10.9.9.9"], "198.51.100.7"),
            (&["1.2.3.4", "198.51.100.7", "10.9.9.9,10.8.8.8"], "198.51.100.7"),
            (&["10.3.3.3, 10.9.9.9"], "10.3.3.3"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(of("10.0.0.1", lines), expected, "{lines:?}");
        }
        assert_eq!(of("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        for (element, expected) in [
            ("198.51.100.7:4711", "198.51.100.7"),
            ("[2001:db9::1]:4711", "2001:db9::1"),
            ("[2001:db9::1]", "2001:db9::1"),
            ("2001:db9::1", "2001:db9::1"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
        ] {
            assert_eq!(of("10.0.0.1", &[element]), expected);
        }
    }

    #[test]
    fn a_malformed_address_ends_the_list() {
        for wrong in
            ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "[::1", "1.2.3.4:99999", "1.2.3.4;x", "\"::1\""]
        {
            assert_eq!(of("10.0.0.1", &[wrong]), "10.0.0.1", "{wrong}");
            let line = format!("198.51.100.7, {wrong}, 10.7.7.7");
            assert_eq!(of("10.0.0.1", &[line.as_str()]), "10.7.7.7", "{wrong}");
        }
        assert_eq!(of("10.0.0.1", &["198.51.100.7", "\u{fc}", "10.7.7.7"]), "10.7.7.7");
    }
}
