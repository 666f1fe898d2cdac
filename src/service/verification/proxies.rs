//! Trusted proxies: they end a client's TLS connection and pass the client's certificate on.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::access::address::is_within;

/// The networks of trusted proxies, and the header of the certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: String,
}

impl TrustedProxies {
    /// Proxies in these networks, which pass certificates in this header only. A proxy sets or removes the header it knows,
    /// and passes any other header as its client sent it.
    pub fn new(networks: Vec<IpNet>, header: &str) -> Self {
        Self { networks, header: header.to_ascii_lowercase() }
    }

    /// Returns whether `address` is a trusted proxy's.
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
    fn a_proxy_is_trusted_by_its_network() {
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
