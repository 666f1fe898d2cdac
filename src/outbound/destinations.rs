//! The destinations that an administrator may give an output. Addresses of this machine, of its link and of groups are
//! refused unless the configuration names them. A caller could else reach services that trust the machine itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::server_url::ServerName;

/// The destinations that the configuration allows besides ordinary ones: `[outputs] allow`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedDestinations(Vec<ServerName>);

/// A host that leads to a refused address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} leads to {address}, {kind}: gatepass calls it only if `[outputs] allow` names it")]
pub struct Forbidden {
    /// The host of the URL.
    pub host: String,
    /// An address of the host.
    pub address: IpAddr,
    /// The reason, in words.
    pub kind: &'static str,
}

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

    /// Judges an address to which `host` leads. `own` is the address of the listener.
    ///
    /// # Errors
    /// [`Forbidden`], if the configuration names neither.
    pub(super) fn check(
        &self,
        host: &ServerName,
        address: SocketAddr,
        own: SocketAddr,
    ) -> Result<(), Forbidden> {
        let ip = address.ip();
        let kind = kind(ip).or_else(|| is_own(address, own).then_some("gatepass's own listener"));
        let Some(kind) = kind else { return Ok(()) };
        match self.names(host) || self.names(&ServerName::Address(ip)) {
            true => Ok(()),
            false => Err(Forbidden { host: host.to_string(), address: ip, kind }),
        }
    }
}

/// An address in another form is the address that it leads to.
fn canonical(host: &ServerName) -> ServerName {
    match host {
        ServerName::Address(address) => ServerName::Address(reached(*address)),
        ServerName::Dns(_) => host.clone(),
    }
}

/// Returns true for `localhost` and the names below it (RFC 6761 section 6.3).
fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// The address that a connection reaches: the IPv4 address within an IPv6 address. Such forms are mapped and compatible
/// (RFC 4291), translated (RFC 2765), NAT64 (RFC 6052) and 6to4 (RFC 3056).
fn reached(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match v6.segments() {
        // `::` and `::1` are no IPv4 addresses.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => address,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)).into(),
        _ => address,
    }
}

/// The kind of an address that is not an ordinary one.
fn kind(address: IpAddr) -> Option<&'static str> {
    match reached(address) {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        _ if address.is_loopback() => Some("a loopback address"),
        _ if address.is_link_local() => Some("a link-local address"),
        // All of 0.0.0.0/8 is "this network" (RFC 1122 section 3.2.1.3).
        [0, ..] => Some("an unspecified address"),
        _ if address.is_multicast() => Some("a multicast address"),
        // RFC 1112 section 4, with the broadcast address.
        [240..=255, ..] => Some("a reserved address"),
        _ => None,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Option<&'static str> {
    match () {
        () if address.is_loopback() => Some("a loopback address"),
        () if address.is_unicast_link_local() => Some("a link-local address"),
        () if address.is_unspecified() => Some("an unspecified address"),
        () if address.is_multicast() => Some("a multicast address"),
        // RFC 8215: each network has its own form, so the IPv4 address within cannot be known.
        () if matches!(address.segments(), [0x64, 0xff9b, 1, ..]) => Some("a local NAT64 address"),
        () => None,
    }
}

/// Returns true for the listener at `own`. One that listens on every address is reached by each of this machine.
fn is_own(address: SocketAddr, own: SocketAddr) -> bool {
    let (to, listens) = (reached(address.ip()), reached(own.ip()));
    address.port() == own.port() && if listens.is_unspecified() { is_local(to) } else { to == listens }
}

/// Returns true for an address of this machine: only such an address can be bound.
fn is_local(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> ServerName {
        ServerName::parse(text).unwrap()
    }

    const REFUSED: [&str; 26] = [
        "localhost",
        "LOCALHOST",
        "es.localhost",
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "ff02::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "64:ff9b:1:a9fe:a9:fe00:808:808",
        "64:ff9b:1::808:808",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
    ];

    #[test]
    fn addresses_of_this_machine_and_link_are_refused() {
        let none = AllowedDestinations::default();
        for refused in REFUSED {
            assert!(none.refuse(&host(refused)).is_some(), "{refused}");
        }
        for ordinary in [
            "es.example.org",
            "localhost.example.org",
            "10.0.0.1",
            "192.168.0.1",
            "fd00::1",
            "2001:db8::1",
            "64:ff9b::c633:6407",
        ] {
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
        let to = |name: &str, address: &str| {
            let address = SocketAddr::new(address.parse().unwrap(), 9200);
            let checked = allowed.check(&host(name), address, "192.0.2.1:9200".parse().unwrap());
            checked.err().map(|forbidden| forbidden.kind)
        };
        assert_eq!(to("other.example.org", "10.0.0.1"), None);
        assert_eq!(to("other.example.org", "127.0.0.1"), Some("a loopback address"));
        assert_eq!(to("other.example.org", "::ffff:169.254.169.254"), Some("a link-local address"));
        assert_eq!(to("other.example.org", "192.0.2.1"), Some("gatepass's own listener"));
        assert_eq!(to("other.example.org", "127.0.0.2"), None, "the address is named");
        assert_eq!(to("es.example.org", "127.0.0.1"), None, "the name is named");
    }

    #[test]
    fn the_own_listener_is_known_by_address_and_port() {
        let is_own = |address: &str, own: &str| is_own(address.parse().unwrap(), own.parse().unwrap());
        assert!(is_own("192.0.2.1:8443", "192.0.2.1:8443"));
        assert!(is_own("[::ffff:192.0.2.1]:8443", "192.0.2.1:8443"));
        assert!(!is_own("192.0.2.1:9200", "192.0.2.1:8443"));
        assert!(!is_own("192.0.2.2:8443", "192.0.2.1:8443"));
        for everywhere in ["0.0.0.0:8443", "[::]:8443"] {
            assert!(is_own("127.0.0.1:8443", everywhere));
            // An address of documentation (RFC 5737) is of no machine.
            assert!(!is_own("192.0.2.9:8443", everywhere));
        }
    }

    #[test]
    fn the_reason_names_address_and_setting() {
        let forbidden = Forbidden {
            host: String::from("es.example.org"),
            address: Ipv4Addr::LOCALHOST.into(),
            kind: "a loopback address",
        };
        let text = forbidden.to_string();
        assert!(text.contains("127.0.0.1, a loopback address") && text.contains("[outputs] allow"), "{text}");
    }
}
