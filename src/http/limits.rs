//! The limits of a listener.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

/// The limits of a listener. Each holds against a client that misbehaves.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Maximum number of connections. One more is closed without a response.
    pub connections: usize,
    /// Maximum number of connections from one IPv4 address or one IPv6 /64.
    pub connections_per_address: usize,
    /// The networks whose connections begin with a PROXY header, which names the client's address. A connection
    /// without the header is closed. At most half of `connections` may wait for their header.
    pub proxy_protocol: Arc<[IpNet]>,
    /// Maximum time from the accepted socket to the end of the TLS handshake, and for closing a connection.
    pub handshake_timeout: Duration,
    /// Maximum time from a request's first byte to the end of its header. On a new connection it starts at the end of
    /// the handshake.
    pub header_timeout: Duration,
    /// Maximum time for reading a request body. The front passes it to [`super::body::read`].
    pub body_timeout: Duration,
    /// Maximum size of the request line and header fields of one request. A larger one gets 431 (RFC 6585 section 5).
    pub max_header_bytes: usize,
    /// Maximum number of concurrent requests on one HTTP/2 connection (RFC 9113 section 5.1.2).
    pub http2_streams: u32,
    /// Maximum time that a connection may be idle.
    pub idle_timeout: Duration,
    /// Maximum time that a client may leave a part of a response unread. Then HTTP/2 resets the stream, and HTTP/1 closes
    /// the connection.
    pub stall_timeout: Duration,
    /// The age at which a connection takes no further request, so that balancers and certificates move on. Its streams
    /// end and start again on another connection.
    pub max_age: Duration,
    /// Maximum time for requests in flight at shutdown, and on a connection of that age. The rest is cut.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            connections_per_address: 512,
            proxy_protocol: Arc::default(),
            handshake_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            max_header_bytes: 16 * 1024,
            http2_streams: 64,
            idle_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(10),
            max_age: Duration::from_secs(3600),
            drain_timeout: Duration::from_secs(30),
        }
    }
}
