//! The destinations that an administrator may give an output. Addresses of this machine, of its link and of groups are refused,
//! unless the configuration names them: otherwise a caller could reach services that trust the machine itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::server_url::ServerName;

/// The destinations that the configuration allows besides ordinary ones: `[outputs] allow`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedDestinations(Vec<ServerName>);

impl AllowedDestinations {
    /// Allows these names and addresses.
    pub const fn new(named: Vec<ServerName>) -> Self {
        Self(named)
    }

    /// Returns true if the configuration names the host.
    pub fn names(&self, host: &ServerName) -> bool {
        let canonical = canonical(host);
        self.0.iter().any(|named| self::canonical(named) == canonical)
    }

    /// Returns the kind of a refused host, as it is written in an address; `None` if it is allowed.
    pub fn refuse(&self, host: &ServerName) -> Option<&'static str> {
        let kind = match host {
            ServerName::Dns(name) => is_localhost(name.as_str()).then_some("a loopback name"),
            ServerName::Address(address) => kind(*address),
        };
        kind.filter(|_| !self.names(host))
    }

    /// Returns the kind of a refused address to which `host` leads; `None` if a connection to it is allowed.
    pub fn refuse_address(&self, host: &ServerName, address: IpAddr) -> Option<&'static str> {
        kind(address).filter(|_| !self.names(host) && !self.names(&ServerName::Address(address)))
    }
}

/// An IPv4 address in IPv6 form is the IPv4 address.
fn canonical(host: &ServerName) -> ServerName {
    match host {
        ServerName::Address(address) => ServerName::Address(address.to_canonical()),
        ServerName::Dns(_) => host.clone(),
    }
}

/// Returns true for `localhost` and the names below it (RFC 6761 section 6.3).
fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// The kind of an address that is not an ordinary one.
fn kind(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> Option<&'static str> {
    match () {
        () if address.is_loopback() => Some("a loopback address"),
        () if address.is_link_local() => Some("a link-local address"),
        // All of 0.0.0.0/8 is "this network" (RFC 1122 section 3.2.1.3).
        () if address.octets()[0] == 0 => Some("an unspecified address"),
        () if address.is_multicast() => Some("a multicast address"),
        () if address.is_broadcast() => Some("a broadcast address"),
        () => None,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Option<&'static str> {
    match () {
        () if address.is_loopback() => Some("a loopback address"),
        () if address.is_unicast_link_local() => Some("a link-local address"),
        () if address.is_unspecified() => Some("an unspecified address"),
        () if address.is_multicast() => Some("a multicast address"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> ServerName {
        ServerName::parse(text).unwrap()
    }

    const REFUSED: [&str; 14] = [
        "localhost",
        "LOCALHOST",
        "es.localhost",
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "::ffff:127.0.0.1",
    ];

    #[test]
    fn addresses_of_this_machine_and_link_are_refused() {
        let none = AllowedDestinations::default();
        for refused in REFUSED.into_iter().chain(["ff02::1"]) {
            assert!(none.refuse(&host(refused)).is_some(), "{refused}");
        }
        for ordinary in
            ["es.example.org", "localhost.example.org", "10.0.0.1", "192.168.0.1", "fd00::1", "2001:db8::1"]
        {
            assert_eq!(none.refuse(&host(ordinary)), None, "{ordinary}");
        }
    }

    #[test]
    fn only_the_named_destinations_are_allowed() {
        let allowed = AllowedDestinations::new(vec![host("localhost"), host("127.0.0.1")]);
        for name in ["localhost", "127.0.0.1", "::ffff:127.0.0.1"] {
            assert_eq!(allowed.refuse(&host(name)), None, "{name}");
        }
        for other in ["::1", "127.0.0.2", "es.localhost", "169.254.169.254"] {
            assert!(allowed.refuse(&host(other)).is_some(), "{other}");
        }
    }

    #[test]
    fn an_ordinary_name_may_not_lead_to_this_machine() {
        let allowed = AllowedDestinations::new(vec![host("es.example.org"), host("127.0.0.2")]);
        let to = |name: &str, address: &str| allowed.refuse_address(&host(name), address.parse().unwrap());
        assert_eq!(to("other.example.org", "10.0.0.1"), None);
        assert_eq!(to("other.example.org", "127.0.0.1"), Some("a loopback address"));
        assert_eq!(to("other.example.org", "::ffff:169.254.169.254"), Some("a link-local address"));
        assert_eq!(to("other.example.org", "127.0.0.2"), None, "the address is named");
        assert_eq!(to("es.example.org", "127.0.0.1"), None, "the name is named");
    }
}
