//! Somebody who follows the status lists: server-sent events over real TLS.

use std::time::Duration;

use gatepass::connect::{Connector, Streaming, Trust};
use http::header::{HeaderName, HeaderValue};
use serde_json::Value;

use super::authority::Running;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Longer than any event takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// An open event stream.
pub(crate) struct Follower {
    streaming: Streaming,
    unread: String,
}

/// An event with its id, which may be empty, and its data.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

impl Follower {
    /// Opens `path`, which must be a stream of events, naming `last` as the event that was seen last.
    pub(crate) async fn open(at: &Running, path: &str, last: Option<&str>) -> Self {
        let opened = Self::try_open(at, path, last).await;
        opened.unwrap_or_else(|status| panic!("{path} was answered with {status}"))
    }

    /// The same; what is no stream gives its status.
    pub(crate) async fn try_open(at: &Running, path: &str, last: Option<&str>) -> Result<Self, u16> {
        Self::try_open_with(at, path, last.map(|last| (LAST_EVENT_ID, last.parse().unwrap())).as_slice())
            .await
    }

    /// The same, with these headers.
    pub(crate) async fn try_open_with(
        at: &Running,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Self, u16> {
        let connector = Connector::new(&at.url, Trust::Fingerprint(at.root), None).unwrap();
        let streaming = connector.open(http::Method::GET, path, headers, None).await.unwrap();
        if streaming.status != 200 {
            return Err(streaming.status.as_u16());
        }
        assert_eq!(streaming.headers["content-type"], "text/event-stream");
        assert_eq!(streaming.headers["cache-control"], "no-store");
        Ok(Self { streaming, unread: String::new() })
    }

    /// The next event that is no heartbeat; `None` when the stream has ended.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                line.map(str::to_owned)
            };
            if let (Some(name), id, Some(data)) = (field("event"), field("id"), field("data")) {
                let id = id.unwrap_or_default();
                return Some(Event { name, id, data: serde_json::from_str(&data).unwrap() });
            }
            assert_eq!(block, ": heartbeat");
        }
    }

    /// The next lines up to an empty one.
    pub(crate) async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                return Some(block);
            }
            let part = tokio::time::timeout(PATIENCE, self.streaming.part()).await.expect("nothing came");
            self.unread += std::str::from_utf8(&part.unwrap()?).unwrap();
        }
    }
}
