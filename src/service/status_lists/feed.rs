//! Who is told of changes, and what has been told: each event is encoded once and handed to all.

mod ring;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use self::ring::{Resumed, Ring, Told};
use super::event::{self, HEARTBEAT, Number};
use super::news::News;
use super::published::Published;
use crate::id::{ListId, hex, random};

/// The most changes in one event, 12 KiB: more are told in several.
const AT_ONCE: usize = 512;

/// Over how many beats heartbeats are spread, so that ten thousand subscribers are not written to at once.
const BEATS: u8 = 15;

/// How often, in a full house, those who have gone are looked for: a stranger's every try must not cost a walk over all.
const SWEEP: Duration = Duration::from_millis(100);

/// What became of a part that was offered to a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It will be sent.
    Taken,
    /// There is no room for it: the subscriber reads too slowly.
    Full,
    /// Nobody reads any more.
    Gone,
}

/// Where a subscriber's events go. Dropping it ends the subscription.
pub trait Subscriber: Send {
    /// Takes `part` if there is room for it. It must not wait.
    fn offer(&self, part: Bytes) -> Offered;

    /// Whether nobody reads any more.
    fn is_gone(&self) -> bool;
}

/// What a subscriber follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// The external URL under which the lists are named.
    pub issuer: Arc<str>,
    /// One list, or every list.
    pub list: Option<ListId>,
}

/// How many may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// In all.
    pub in_all: usize,
    /// From one address: a stranger must not keep everybody else out.
    pub per_address: usize,
}

/// There are as many subscribers as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{most} event streams are open, as many as may be: fetch the lists, and try again later")]
pub struct Full {
    /// How many, in all or from that address.
    pub most: usize,
}

/// The events of this run of the server.
pub struct Feed {
    /// 16 hexadecimal digits, made anew at each start: numbers of another run mean nothing here.
    run: String,
    most: Most,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ring: Ring,
    subscribers: Vec<Subscribed>,
    /// Whose heartbeat comes next.
    beat: u8,
    /// Which beat the next subscriber gets.
    next_beat: u8,
    /// When those who have gone were last looked for.
    swept: Option<Instant>,
}

struct Subscribed {
    from: IpAddr,
    following: Following,
    beat: u8,
    to: Box<dyn Subscriber>,
}

impl Feed {
    pub(super) fn new(most: Most) -> Self {
        Self { run: hex(&random::<8>()), most, state: Mutex::default() }
    }

    /// Tells `to` what it follows from now on, and first what it missed since `last_event_id`, as far as that is known.
    ///
    /// # Errors
    /// [`Full`]; then `to` is dropped.
    pub fn subscribe(
        &self,
        from: IpAddr,
        following: Following,
        last_event_id: Option<&str>,
        to: Box<dyn Subscriber>,
    ) -> Result<(), Full> {
        let mut state = self.state();
        let full = |state: &State| state.limit_reached(self.most, from);
        if full(&state).is_some() && state.swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            state.swept = Some(Instant::now());
            state.subscribers.retain(|subscriber| !subscriber.to.is_gone());
        }
        if let Some(most) = full(&state) {
            metrics::counter!("gatepass_event_streams_refused_total").increment(1);
            return Err(Full { most });
        }
        to.offer(self.greeting(&state.ring, &following, last_event_id));
        let beat = state.next_beat;
        state.next_beat = (beat + 1) % BEATS;
        state.subscribers.push(Subscribed { from, following, beat, to });
        state.count();
        Ok(())
    }

    fn greeting(&self, ring: &Ring, following: &Following, last_event_id: Option<&str>) -> Bytes {
        let newest = self.number(ring.newest());
        let Some(last) = last_event_id else { return newest.hello() };
        let known = last.strip_prefix(&self.run).and_then(|rest| rest.strip_prefix('-'));
        match known.and_then(ring::parse).and_then(|last| ring.since(last, following)) {
            Some(Resumed::Nothing) => HEARTBEAT,
            Some(Resumed::Missed(events)) => events,
            None => newest.reset(),
        }
    }

    /// Sends a heartbeat to a fifteenth of the subscribers, to others each time. For a timer: once a second.
    pub fn beat(&self) {
        let mut state = self.state();
        let beat = state.beat;
        state.beat = (beat + 1) % BEATS;
        state.offer(&HEARTBEAT, |subscriber| subscriber.beat == beat);
        state.count();
    }

    /// How many follow.
    pub fn subscribers(&self) -> usize {
        self.state().subscribers.len()
    }

    /// Tells what has changed in the lists that are `published` now.
    pub(super) fn tell(&self, news: &News, published: &Published) {
        let mut state = self.state();
        if news.is_lost() {
            let part = self.number(state.ring.newest() + 1).reset();
            state.tell(Told { list: None, parts: vec![(None, part)] });
        }
        for (list, changes) in news.changes() {
            for changes in event::parts(changes.iter(), AT_ONCE) {
                let number = self.number(state.ring.newest() + 1);
                let parts = published.places.iter().filter_map(|place| {
                    let uri = &place.lists.get(&list)?.uri;
                    let part = number.change(uri, changes.iter().copied());
                    Some((Some(Arc::clone(&place.issuer)), part))
                });
                let parts = parts.collect::<Vec<_>>();
                if !parts.is_empty() {
                    state.tell(Told { list: Some(list), parts });
                }
            }
        }
        state.end_where_nothing_is(published);
        state.count();
    }

    const fn number(&self, n: u64) -> Number<'_> {
        Number { run: self.run.as_str(), n }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The limit that one more from this address would pass.
    fn limit_reached(&self, most: Most, from: IpAddr) -> Option<usize> {
        if self.subscribers.len() >= most.in_all {
            return Some(most.in_all);
        }
        // Who may have as many as there are is not counted.
        let counted = most.per_address < most.in_all;
        let same = || self.subscribers.iter().filter(|subscriber| subscriber.from == from).count();
        (counted && same() >= most.per_address).then_some(most.per_address)
    }

    fn tell(&mut self, told: Told) {
        metrics::counter!("gatepass_status_events_total").increment(1);
        for (issuer, part) in &told.parts {
            let whose =
                |following: &Following| issuer.as_ref().is_none_or(|issuer| following.issuer == *issuer);
            self.offer(part, |subscriber| {
                told.concerns(&subscriber.following) && whose(&subscriber.following)
            });
        }
        self.ring.push(told);
    }

    /// Offers `part` to whom it is for. Who has no room for it is dropped: he comes back and says where he was.
    fn offer(&mut self, part: &Bytes, is_for: impl Fn(&Subscribed) -> bool) {
        let mut slow = 0;
        self.subscribers.retain(|subscriber| {
            if !is_for(subscriber) {
                return true;
            }
            let offered = subscriber.to.offer(part.clone());
            slow += u64::from(offered == Offered::Full);
            offered == Offered::Taken
        });
        if slow > 0 {
            metrics::counter!("gatepass_event_streams_dropped_total").increment(slow);
        }
    }

    /// A retired URL and a dropped list have no events any more: who comes back is told so.
    fn end_where_nothing_is(&mut self, published: &Published) {
        self.subscribers.retain(|Subscribed { following: Following { issuer, list }, .. }| {
            let place = published.at(issuer);
            place.is_some_and(|place| list.is_none_or(|list| place.lists.contains_key(&list)))
        });
    }

    fn count(&self) {
        metrics::gauge!("gatepass_event_streams").set(self.subscribers.len() as f64);
    }
}

#[cfg(test)]
mod tests;
