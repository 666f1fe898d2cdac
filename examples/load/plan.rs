//! The requests of a measurement, complete before the run.

use std::sync::Arc;

use bytes::Bytes;
use rustls::ClientConfig;

/// One request.
#[derive(Clone)]
pub(crate) struct Shot {
    /// Its bytes.
    pub(crate) request: Bytes,
    /// The client certificate it must travel under, if it has one of its own; then it has its own connection too.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

/// All requests of a measurement.
#[derive(Clone)]
pub(crate) enum Shots {
    /// One, again and again.
    Same(Shot),
    /// Each once.
    Each(Vec<Shot>),
}

/// The requests and connections of a measurement.
#[derive(Clone)]
pub(crate) struct Plan {
    /// Its name in the report.
    pub(crate) name: String,
    /// The requests.
    pub(crate) shots: Shots,
    /// True if each has a new connection.
    pub(crate) fresh: bool,
    /// TLS configurations of the connections, in turn. Never empty.
    pub(crate) tls: Vec<Arc<ClientConfig>>,
}

impl Plan {
    /// The request of this number, while there are any.
    pub(crate) fn shot(&self, index: u64) -> Option<&Shot> {
        match &self.shots {
            Shots::Same(shot) => Some(shot),
            Shots::Each(shots) => shots.get(usize::try_from(index).ok()?),
        }
    }

    /// TLS configuration of connection number `place`.
    pub(crate) fn tls(&self, place: usize) -> &Arc<ClientConfig> {
        &self.tls[place % self.tls.len()]
    }

    /// The same bytes for the floor, which answers with `answer` bytes; `tls` as the floor is trusted.
    pub(crate) fn for_floor(&self, answer: usize, tls: Vec<Arc<ClientConfig>>) -> Option<Self> {
        let text = self.shot(0)?.request.clone();
        let mut parts = text.splitn(3, |byte| *byte == b' ');
        let (method, _, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let request = [method, format!(" /floor/{answer} ").as_bytes(), rest].concat().into();
        let shots = Shots::Same(Shot { request, tls: None });
        Some(Self { name: format!("floor of {}", self.name), shots, fresh: self.fresh, tls })
    }
}

/// The bytes of a request. `fresh`: the connection ends with it.
pub(crate) fn request(
    method: &str,
    target: &str,
    authority: &str,
    headers: &[(&str, &str)],
    body: &str,
    fresh: bool,
) -> Bytes {
    let mut text =
        format!("{method} {target} HTTP/1.1\r\nhost: {authority}\r\nuser-agent: gatepass-load\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if method != "GET" {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    if fresh {
        text.push_str("connection: close\r\n");
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into()
}
