//! One subscriber's end of the feed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{Announcement, Feed, Following, HEARTBEAT};
use crate::id::random;

/// Time between two heartbeats of a stream.
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(15);

/// An open event stream. Dropping it closes the stream.
pub struct Subscription {
    feed: Arc<Feed>,
    from: IpAddr,
    following: Following,
    first: Option<Bytes>,
    announcements: broadcast::Receiver<Arc<Announcement>>,
    heartbeat: Interval,
}

impl Subscription {
    pub(super) fn new(
        feed: Arc<Feed>,
        from: IpAddr,
        following: Following,
        first: Bytes,
        announcements: broadcast::Receiver<Arc<Announcement>>,
    ) -> Self {
        Self { feed, from, following, first: Some(first), announcements, heartbeat: heartbeat() }
    }

    /// The next events; `None` at the end of the stream.
    ///
    /// A stream ends if its subscriber is too slow, or if what it follows is no longer published. The client reconnects
    /// with its last event id.
    pub async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            let announcement = tokio::select! {
                biased;
                announcement = self.announcements.recv() => announcement,
                _ = self.heartbeat.tick() => return Some(HEARTBEAT),
            };
            match announcement {
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

/// The first heartbeat comes at a random moment, so that ten thousand streams are not written to at once.
fn heartbeat() -> Interval {
    let [byte] = random::<1>();
    let first = HEARTBEAT_PERIOD.mul_f64((f64::from(byte) + 1.0) / 256.0);
    let mut heartbeat = interval_at(Instant::now() + first, HEARTBEAT_PERIOD);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat
}
