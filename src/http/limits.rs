//! What one listener gives to its clients: how many, how much, how long.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

/// The bounds of a listener. Every one of them holds against a client that does not behave.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at the same time, in all. One more is closed unanswered.
    pub connections: usize,
    /// Connections at the same time from one IPv4 address or one IPv6 /64.
    pub connections_per_address: usize,
    /// The networks whose connections begin with a PROXY header: from them a client's own address counts, and a connection
    /// without one is closed. Of the connections that are awaited one for, there are half of `connections` at the most.
    pub proxy_protocol: Arc<[IpNet]>,
    /// From the accepted socket to the end of the TLS handshake; also what a connection gets to say goodbye.
    pub handshake_timeout: Duration,
    /// From a request's first byte to the end of its header; on a new connection, from the end of the handshake.
    pub header_timeout: Duration,
    /// For reading a whole request body; the front hands it to [`super::body::read`].
    pub body_timeout: Duration,
    /// The request line and all header fields of one request; 431 beyond it (RFC 6585 section 5).
    pub max_header_bytes: usize,
    /// Requests at the same time on one HTTP/2 connection (RFC 9113 section 5.1.2).
    pub http2_streams: u32,
    /// How long a connection may do nothing, and how long a client may take nothing of an answer.
    pub idle_timeout: Duration,
    /// How long a client may leave a part of a [stream](super::stream::stream) lying. It is shorter than `idle_timeout`, as
    /// nobody who follows events is served by old ones.
    pub stream_timeout: Duration,
    /// The age at which a connection takes no further request, so that balancers and certificates move on. Its streams
    /// end, and begin again on another one.
    pub max_age: Duration,
    /// For finishing what is in flight at shutdown, and on a connection of that age; what is left then is cut.
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
            stream_timeout: Duration::from_secs(10),
            max_age: Duration::from_secs(3600),
            drain_timeout: Duration::from_secs(30),
        }
    }
}
