//! PROXY protocol, version 2: the client behind a load balancer that passes TLS through.
//!
//! Version 1 is text without a fixed end, and is rejected.

use std::io;
use std::net::SocketAddr;

use ppp::v2::{Addresses, Command, Header, PROTOCOL_PREFIX, Protocol};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Signature, version, family and length.
const FIXED: usize = 16;

/// Maximum size of the header: it fits the smallest datagram that every host accepts, as the protocol's text advises.
const MOST: usize = 536;

/// The cause of a closed connection from a network with PROXY headers.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeaderError {
    /// The connection ended.
    #[error("the connection ended within the header: {0}")]
    Ended(#[from] io::Error),
    /// The bytes are something else: TLS, version 1, another health check.
    #[error(
        "no PROXY header of version 2: make the balancer send one, or take its network from http.proxy_protocol"
    )]
    Missing,
    /// The extra data is too long.
    #[error("a PROXY header of {0} bytes: make the balancer send fewer fields")]
    TooLong(usize),
    /// The header is malformed.
    #[error("a PROXY header that is not well-formed")]
    Malformed,
    /// The client does not use TCP.
    #[error("a PROXY header that is not of a TCP client over IPv4 or IPv6")]
    NotTcp,
}

/// Reads the header, exactly to its last byte, and returns its client. `None` is a health check of the balancer
/// itself.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, HeaderError> {
    let mut bytes = [0; MOST];
    let (fixed, rest) = bytes.split_at_mut(FIXED);
    stream.read_exact(fixed).await?;
    if !fixed.starts_with(PROTOCOL_PREFIX) {
        return Err(HeaderError::Missing);
    }
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    let rest = rest.get_mut(..length).ok_or(HeaderError::TooLong(FIXED + length))?;
    stream.read_exact(rest).await?;
    client(bytes.get(..FIXED + length).unwrap_or_default())
}

fn client(bytes: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    let header = Header::try_from(bytes).map_err(|_| HeaderError::Malformed)?;
    let (ip, port) = match (header.command, header.protocol, header.addresses) {
        (Command::Local, _, _) => return Ok(None),
        (Command::Proxy, Protocol::Stream, Addresses::IPv4(of)) => (of.source_address.into(), of.source_port),
        (Command::Proxy, Protocol::Stream, Addresses::IPv6(of)) => {
            (std::net::IpAddr::from(of.source_address).to_canonical(), of.source_port)
        }
        _ => return Err(HeaderError::NotTcp),
    };
    Ok(Some(SocketAddr::new(ip, port)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(version_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [PROTOCOL_PREFIX, &[version_command, family], &length, rest].concat()
    }

    /// The client of a header, and the rest of its bytes.
    fn of(bytes: &[u8]) -> (Result<Option<String>, String>, usize) {
        let mut left = bytes;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = runtime.block_on(read(&mut left));
        let client = read.map(|client| client.map(|client| client.to_string()));
        (client.map_err(|error| format!("{error:?}")), left.len())
    }

    const V4: [u8; 12] = [198, 51, 100, 7, 192, 0, 2, 1, 0x12, 0x67, 0x20, 0xfb];

    #[test]
    fn both_families_are_read_and_no_more() {
        let with_fields = [&V4[..], &[0x04, 0, 2, 9, 9]].concat();
        for rest in [&V4[..], &with_fields] {
            let bytes = [header(0x21, 0x11, rest), b"TLS".to_vec()].concat();
            assert_eq!(of(&bytes), (Ok(Some("198.51.100.7:4711".to_owned())), 3));
        }
        let mut v6 = [0; 36];
        v6[..16].copy_from_slice(&"2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets());
        v6[33] = 80;
        assert_eq!(of(&header(0x21, 0x21, &v6)).0, Ok(Some("[2001:db8::7]:80".to_owned())));
        v6[..16].copy_from_slice(&"::ffff:192.0.2.9".parse::<std::net::Ipv6Addr>().unwrap().octets());
        assert_eq!(of(&header(0x21, 0x21, &v6)).0, Ok(Some("192.0.2.9:80".to_owned())));
    }

    #[test]
    fn the_balancer_speaks_for_itself() {
        assert_eq!(of(&header(0x20, 0x00, &[])).0, Ok(None));
        assert_eq!(of(&header(0x20, 0x11, &V4)).0, Ok(None));
    }

    #[test]
    fn everything_else_is_refused() {
        for (bytes, why) in [
            (b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 8443\r\n".to_vec(), "Missing"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00\x00".to_vec(), "Missing"),
            (header(0x11, 0x11, &V4), "Malformed"),
            (header(0x22, 0x11, &V4), "Malformed"),
            (header(0x21, 0x14, &V4), "Malformed"),
            (header(0x21, 0x11, &V4[..8]), "Malformed"),
            (header(0x21, 0x21, &V4), "Malformed"),
            (header(0x21, 0x12, &V4), "NotTcp"),
            (header(0x21, 0x00, &[]), "NotTcp"),
            (header(0x21, 0x31, &[0; 216]), "NotTcp"),
            (header(0x21, 0x11, &[0; 521]), "TooLong(537)"),
            (header(0x21, 0x11, &V4)[..20].to_vec(), "Ended"),
            (Vec::new(), "Ended"),
        ] {
            let (refused, _) = of(&bytes);
            assert!(refused.clone().unwrap_err().starts_with(why), "{refused:?}, not {why}");
        }
        assert_eq!(
            of(&header(0x21, 0x11, &[&V4[..], &[0; 508]].concat())).0.unwrap().unwrap(),
            "198.51.100.7:4711"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(command: u8, family: u8, rest in prop::collection::vec(any::<u8>(), 0..530)) {
            drop(of(&header(command, family, &rest)));
            drop(client(&header(command, family, &rest)));
            drop(client(&rest));
        }
    }
}
