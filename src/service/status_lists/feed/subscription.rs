//! One subscriber's end of the feed.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::broadcast::{self, error::RecvError};

use super::{Announcement, Feed, Following};

/// An open event stream. Dropping it closes the stream.
pub struct Subscription {
    pub(super) feed: Arc<Feed>,
    pub(super) from: IpAddr,
    pub(super) following: Following,
    pub(super) first: Option<Bytes>,
    pub(super) announcements: broadcast::Receiver<Arc<Announcement>>,
}

impl Subscription {
    /// The next events; `None` at the end of the stream.
    ///
    /// A stream ends if its subscriber is too slow, or if what it follows is no longer published. The client reconnects
    /// with its last event id.
    pub async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            match self.announcements.recv().await {
                Ok(announcement) => {
                    let events = announcement.events(&self.following)?;
                    if !events.is_empty() {
                        return Some(events);
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    metrics::counter!("gatepass_event_streams_dropped_total").increment(1);
                    return None;
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.state.lock().release(self.from);
    }
}
