//! The proxies that are believed: they have shaken hands with a client, and pass on the certificate it proved to hold.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::access::address::is_within;

/// Whom a passed certificate is taken from, and in which header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: String,
}

impl TrustedProxies {
    /// Proxies in these networks, which pass certificates in this header and in no other: a proxy sets or removes the one
    /// it knows of, and would let any other one through as its client sent it.
    pub fn new(networks: Vec<IpNet>, header: &str) -> Self {
        Self { networks, header: header.to_ascii_lowercase() }
    }

    /// Whether what comes from `address` comes from such a proxy.
    pub fn include(&self, address: IpAddr) -> bool {
        is_within(&self.networks, address)
    }

    /// The header, in lower case.
    pub fn header(&self) -> &str {
        &self.header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_known_by_its_network_also_in_mapped_form_and_nobody_is_by_default() {
        let networks = ["10.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap());
        let proxies = TrustedProxies::new(networks.to_vec(), "X-Client-Cert");
        for (address, included) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("::1", true),
            ("11.0.0.1", false),
            ("::2", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(proxies.include(address), included, "{address}");
            assert!(!TrustedProxies::default().include(address));
        }
        assert_eq!(proxies.header(), "x-client-cert");
    }
}
