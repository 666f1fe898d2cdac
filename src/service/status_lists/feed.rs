//! The event streams of the status lists: each event is encoded once and broadcast to every subscriber.

mod subscription;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::broadcast;

pub use self::subscription::Subscription;
use super::event::{self, EventId, HEARTBEAT};
use super::published::{IssuerLists, Published};
use crate::id::{ListId, hex, random};
use crate::store::{ChangeLog, StatusChange};

/// Maximum number of announcements that wait for a subscriber. A slower one is dropped, and resumes when it reconnects.
const MAX_LAG: usize = 64;

/// Seconds between two heartbeats of a stream, and the number of channels. Each second another channel has its heartbeat,
/// so that ten thousand streams are not written to at once.
const BEATS: usize = 15;

/// Maximum number of missed changes sent to a resuming subscriber, about 4 KiB. Above it, fetching the lists costs less.
const MAX_RESUMED: usize = 128;

/// The lists that a subscriber follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// The external URL under which the lists are named.
    pub issuer: Arc<str>,
    /// One list; `None` for every list.
    pub list: Option<ListId>,
}

/// Maximum counts of open event streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Limit over all addresses.
    pub total: usize,
    /// From one address, so that one client cannot keep the others out.
    pub per_address: usize,
}

/// As many event streams are open as are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit} event streams are open, the maximum: fetch the lists, and try again later")]
pub struct TooManyStreams {
    /// The limit, in total or for the client's address.
    pub limit: usize,
}

/// The events of one run of the server.
pub struct Feed {
    /// 16 random hexadecimal digits: event numbers of another run are unknown here.
    run: String,
    limits: StreamLimits,
    state: Mutex<FeedState>,
    channels: [broadcast::Sender<Arc<Announcement>>; BEATS],
}

#[derive(Default)]
struct FeedState {
    /// The number of the newest change that was announced.
    announced: u64,
    /// The channel of the next subscriber.
    next_channel: usize,
    /// The channel of the next heartbeat.
    next_beat: usize,
    streams: usize,
    per_address: HashMap<IpAddr, usize>,
}

/// A message to every subscriber of a channel.
enum Announcement {
    /// The events of one round of signing, by external URL.
    Events(HashMap<Arc<str>, IssuerEvents>),
    Heartbeat,
}

/// The events of one external URL, empty if nothing changed.
struct IssuerEvents {
    all: Bytes,
    /// Every published list.
    lists: HashMap<ListId, Bytes>,
}

impl Announcement {
    /// The events for a subscriber; `None` if what it follows is no longer published.
    fn events(&self, following: &Following) -> Option<Bytes> {
        let Self::Events(by_issuer) = self else { return Some(HEARTBEAT) };
        let issuer = by_issuer.get(&following.issuer)?;
        match following.list {
            Some(list) => issuer.lists.get(&list).cloned(),
            None => Some(issuer.all.clone()),
        }
    }
}

impl Feed {
    pub(super) fn new(limits: StreamLimits) -> Arc<Self> {
        let channels = std::array::from_fn(|_| broadcast::Sender::new(MAX_LAG));
        Arc::new(Self { run: hex(&random::<8>()), limits, state: Mutex::default(), channels })
    }

    /// Opens a stream for the address `from`. Its first event is `hello`, or the changes since `last_event_id`.
    pub(super) fn subscribe(
        self: &Arc<Self>,
        from: IpAddr,
        following: Following,
        last_event_id: Option<&str>,
        log: &ChangeLog,
        published: &ArcSwap<Published>,
    ) -> Result<Subscription, TooManyStreams> {
        // One lock: no announcement falls between the first event and the receiver.
        let mut state = self.state.lock();
        state.admit(from, self.limits)?;
        let first = self.first(state.announced, &following, last_event_id, log, &published.load());
        let announcements = self.channels[next(&mut state.next_channel)].subscribe();
        Ok(Subscription { feed: Arc::clone(self), from, following, first: Some(first), announcements })
    }

    fn first(
        &self,
        announced: u64,
        following: &Following,
        last_event_id: Option<&str>,
        log: &ChangeLog,
        published: &Published,
    ) -> Bytes {
        let Some(last) = last_event_id else { return self.id(announced).hello() };
        let last = last.strip_prefix(&self.run).and_then(|rest| rest.strip_prefix('-')).and_then(parse);
        let missed = last.and_then(|last| {
            let mut changes = log.between(last, announced)?;
            changes.retain(|change| following.list.is_none_or(|list| list == change.token.list));
            let lists = published.at(&following.issuer)?;
            let events = || event::changes(&changes, lists, self.id(last), self.id(announced));
            (changes.len() <= MAX_RESUMED).then(|| events().into_iter().map(|(_, event)| event).collect())
        });
        match missed.map(String::into_bytes) {
            Some(nothing) if nothing.is_empty() => HEARTBEAT,
            Some(events) => events.into(),
            None => self.id(announced).reset(),
        }
    }

    /// Count of open streams.
    pub fn subscribers(&self) -> usize {
        self.state.lock().streams
    }

    /// Broadcasts the changes up to number `to`, which the published lists contain; `reset` if they are unknown.
    pub(super) fn announce(&self, changes: Option<&[StatusChange]>, to: u64, published: &Published) {
        let mut state = self.state.lock();
        let from = std::mem::replace(&mut state.announced, to);
        let events = |lists: &IssuerLists| match changes {
            Some(changes) => {
                IssuerEvents::new(event::changes(changes, lists, self.id(from), self.id(to)), lists)
            }
            None => IssuerEvents::reset(&self.id(to).reset(), lists),
        };
        let by_issuer = published.places.iter().map(|lists| (Arc::clone(&lists.issuer), events(lists)));
        let events = Arc::new(Announcement::Events(by_issuer.collect()));
        for channel in &self.channels {
            // A channel without a receiver returns an error.
            let _ = channel.send(Arc::clone(&events));
        }
    }

    /// Sends a heartbeat to a fifteenth of the subscribers. A timer calls it once a second.
    pub(super) fn beat(&self) {
        let mut state = self.state.lock();
        let _ = self.channels[next(&mut state.next_beat)].send(Arc::new(Announcement::Heartbeat));
    }

    const fn id(&self, n: u64) -> EventId<'_> {
        EventId { run: self.run.as_str(), n }
    }
}

impl IssuerEvents {
    fn new(events: Vec<(ListId, String)>, lists: &IssuerLists) -> Self {
        metrics::counter!("gatepass_status_events_total").increment(events.len() as u64);
        let mut all = BytesMut::new();
        let mut by_list = lists.ids().map(|list| (list, BytesMut::new())).collect::<HashMap<_, _>>();
        for (list, event) in events {
            all.extend_from_slice(event.as_bytes());
            by_list.entry(list).or_default().extend_from_slice(event.as_bytes());
        }
        Self {
            all: all.freeze(),
            lists: by_list.into_iter().map(|(list, all)| (list, all.freeze())).collect(),
        }
    }

    fn reset(event: &Bytes, lists: &IssuerLists) -> Self {
        metrics::counter!("gatepass_status_events_total").increment(1);
        Self { all: event.clone(), lists: lists.ids().map(|list| (list, event.clone())).collect() }
    }
}

impl FeedState {
    /// Counts one more stream from this address, if the limits allow it.
    fn admit(&mut self, from: IpAddr, limits: StreamLimits) -> Result<(), TooManyStreams> {
        let same = self.per_address.get(&from).copied().unwrap_or(0);
        for (open, limit) in [(self.streams, limits.total), (same, limits.per_address)] {
            if open >= limit {
                metrics::counter!("gatepass_event_streams_refused_total").increment(1);
                return Err(TooManyStreams { limit });
            }
        }
        self.streams += 1;
        self.per_address.insert(from, same + 1);
        self.report();
        Ok(())
    }

    /// Counts one stream less from this address.
    fn release(&mut self, from: IpAddr) {
        self.streams -= 1;
        if let Some(same) = self.per_address.get_mut(&from) {
            *same -= 1;
            if *same == 0 {
                self.per_address.remove(&from);
            }
        }
        self.report();
    }

    fn report(&self) {
        metrics::gauge!("gatepass_event_streams").set(self.streams as f64);
    }
}

/// Counts through the channels; returns the current one.
const fn next(channel: &mut usize) -> usize {
    let current = *channel;
    *channel = (current + 1) % BEATS;
    current
}

/// A number in its only spelling.
fn parse(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests;
