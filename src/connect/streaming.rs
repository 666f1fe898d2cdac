//! An answer without an end, such as server-sent events, which is read in parts.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, StatusCode};
use tokio::time::timeout;

use super::{CONNECT_TIMEOUT, ConnectError, Connector, REQUEST_TIMEOUT, Response, Sender};

/// Event streams have a heartbeat every 15 s. After three missing ones the stream is dead.
const SILENCE: Duration = Duration::from_secs(45);

/// Bytes of a refusal that are read.
const LONGEST_REFUSAL: usize = 64 << 10;

/// An answer with an unfinished body. Dropping it closes its connection.
pub struct Streaming {
    /// The status code.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    body: Incoming,
    server: String,
    pub(super) silence: Duration,
    /// Keeps the connection open.
    _sender: Sender,
}

impl Streaming {
    /// The next bytes of one read; `None` at the end of the answer.
    ///
    /// # Errors
    /// [`ConnectError::Silent`] after 45 s without a byte; otherwise what broke the connection.
    pub async fn part(&mut self) -> Result<Option<Bytes>, ConnectError> {
        loop {
            let silent = |_| ConnectError::Silent { server: self.server.clone(), span: self.silence };
            let frame = timeout(self.silence, self.body.frame()).await.map_err(silent)?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| ConnectError::from_exchange(&self.server, &error))?;
            // Trailers carry nothing for us.
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
    }

    /// The whole answer, at most 64 KiB of it: for a refusal, which is short.
    ///
    /// # Errors
    /// As [`Self::part`] has them.
    pub async fn whole(mut self) -> Result<Response, ConnectError> {
        let mut body = BytesMut::new();
        while body.len() < LONGEST_REFUSAL
            && let Some(part) = self.part().await?
        {
            body.extend_from_slice(&part);
        }
        Ok(Response { status: self.status, headers: self.headers, body: body.freeze() })
    }
}

impl Connector {
    /// Sends one request over a connection of its own, and hands out the answer as it arrives.
    ///
    /// The head must come within 10 s, or 30 s if the request has a body. Between two parts of the answer, up to 45 s may pass.
    ///
    /// # Errors
    /// [`ConnectError`], as [`Connector::request`] has them.
    pub async fn open(
        &self,
        method: Method,
        path_and_query: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Option<Bytes>,
    ) -> Result<Streaming, ConnectError> {
        // An act takes longer than a read.
        let patience = if body.is_some() { REQUEST_TIMEOUT } else { CONNECT_TIMEOUT };
        let request = self.compose(&method, path_and_query, headers, body)?;
        let mut sender = self.connect().await?;
        let server = self.address.label().into_owned();
        let head = async {
            let answer = sender.send_request(request).await;
            answer.map_err(|error| ConnectError::from_exchange(&server, &error))
        };
        let (head, body) = self.address.within(patience, head).await?.into_parts();
        let (status, headers) = (head.status, head.headers);
        Ok(Streaming { status, headers, body, server, silence: SILENCE, _sender: sender })
    }
}
