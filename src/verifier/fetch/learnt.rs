//! What a refresher has to know beside what the verifier holds: entity tags, due times, and the CRLs as they came.

use std::collections::HashMap;
use std::time::Duration;

use hyper::header::HeaderValue;
use tokio::time::Instant;

use super::kept::KeptCrl;
use crate::clock::Timestamp;

/// A list that is not known is a reason to ask which there are, but not for every token that names it.
const AGGREGATION_SPACING: Duration = Duration::from_secs(1);

/// All of it, behind one lock that is never held over I/O.
pub(super) struct Learnt {
    pub(super) keys_tag: Option<HeaderValue>,
    lists: HashMap<String, ListRecord>,
    aggregated_at: Option<Instant>,
    aggregation_due: Instant,
    pub(super) chain: Option<String>,
    pub(super) crls: HashMap<String, CrlRecord>,
}

/// One status list.
struct ListRecord {
    tag: Option<HeaderValue>,
    due: Instant,
}

/// One CRL.
pub(super) struct CrlRecord {
    pub(super) der: Vec<u8>,
    #[cfg(feature = "hosts")]
    pub(super) tag: Option<HeaderValue>,
    pub(super) confirmed_at: Timestamp,
}

impl Learnt {
    pub(super) fn new() -> Self {
        Self {
            keys_tag: None,
            lists: HashMap::new(),
            aggregated_at: None,
            aggregation_due: Instant::now(),
            chain: None,
            crls: HashMap::new(),
        }
    }

    /// The entity tag of the list as it is held.
    pub(super) fn tag(&self, uri: &str) -> Option<HeaderValue> {
        self.lists.get(uri).and_then(|record| record.tag.clone())
    }

    /// The list was fetched, or is the same; it is due again then.
    pub(super) fn list_is_due(&mut self, uri: &str, tag: Option<HeaderValue>, due: Instant) {
        if let Some(record) = self.lists.get_mut(uri) {
            *record = ListRecord { tag, due };
        }
    }

    /// The list has to be fetched at once; `false` if no such list is known.
    pub(super) fn list_is_wanted(&mut self, uri: &str) -> bool {
        let record = self.lists.get_mut(uri);
        record.map(|record| record.due = Instant::now()).is_some()
    }

    /// A token names a list that is not known: which there are is asked soon.
    pub(super) fn unknown_list_is_wanted(&mut self) {
        let soonest = self.aggregated_at.map_or_else(Instant::now, |at| at + AGGREGATION_SPACING);
        self.aggregation_due = self.aggregation_due.min(soonest);
    }

    /// Everything may have changed.
    pub(super) fn all_are_due(&mut self) {
        let now = Instant::now();
        self.aggregation_due = now;
        self.lists.values_mut().for_each(|record| record.due = now);
    }

    pub(super) fn aggregation_is_due(&self, now: Instant) -> bool {
        self.aggregation_due <= now
    }

    /// These are the lists that there are, as of `asked`. Returns those that are no more.
    pub(super) fn aggregated(&mut self, uris: &[String], asked: Instant, due: Instant) -> Vec<String> {
        (self.aggregated_at, self.aggregation_due) = (Some(asked), due);
        self.know(uris);
        let gone = self.lists.keys().filter(|uri| !uris.contains(uri)).cloned().collect::<Vec<_>>();
        gone.iter().for_each(|uri| drop(self.lists.remove(uri)));
        gone
    }

    /// These lists are there, whatever others are; new ones are due.
    pub(super) fn know(&mut self, uris: &[String]) {
        for uri in uris {
            let new = || ListRecord { tag: None, due: Instant::now() };
            self.lists.entry(uri.clone()).or_insert_with(new);
        }
    }

    /// When the next thing is due.
    pub(super) fn next_due(&self) -> Instant {
        self.lists.values().map(|record| record.due).fold(self.aggregation_due, Instant::min)
    }

    /// The lists that are due at `now`, the one that waits longest first.
    pub(super) fn due_lists(&self, now: Instant) -> Vec<String> {
        let mut due = self.lists.iter().filter(|(_, record)| record.due <= now).collect::<Vec<_>>();
        due.sort_by_key(|(_, record)| record.due);
        due.into_iter().map(|(uri, _)| uri.clone()).collect()
    }

    pub(super) fn kept_crls(&self) -> Vec<KeptCrl> {
        self.crls.iter().map(|(ski, record)| KeptCrl::of(ski, &record.der, record.confirmed_at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn uris(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn lists_are_due_when_their_time_has_come_or_somebody_wants_them() {
        let mut learnt = Learnt::new();
        let now = Instant::now();
        assert!(learnt.aggregation_is_due(now));
        assert_eq!(learnt.aggregated(&uris(&["a", "b"]), now, now + MINUTE * 5), uris(&[]));
        learnt.list_is_due("a", None, now + MINUTE);
        learnt.list_is_due("b", None, now + MINUTE * 2);
        assert_eq!((learnt.due_lists(now), learnt.next_due()), (uris(&[]), now + MINUTE));
        assert!(learnt.list_is_wanted("b") && !learnt.list_is_wanted("c"));
        assert_eq!(learnt.due_lists(now), ["b"]);
        assert_eq!(learnt.due_lists(now + MINUTE), ["b", "a"], "who waits longest comes first");
        learnt.all_are_due();
        assert!(learnt.aggregation_is_due(now) && learnt.due_lists(now).len() == 2);
    }

    #[tokio::test(start_paused = true)]
    async fn lists_that_are_published_no_more_are_forgotten_and_new_ones_are_due() {
        let mut learnt = Learnt::new();
        let now = Instant::now();
        learnt.aggregated(&uris(&["a", "b"]), now, now + MINUTE);
        learnt.list_is_due("a", Some(HeaderValue::from_static("tag")), now + MINUTE);
        assert_eq!(learnt.aggregated(&uris(&["a", "c"]), now, now + MINUTE), ["b"]);
        assert_eq!((learnt.due_lists(now), learnt.tag("a").is_some()), (uris(&["c"]), true));
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_of_unknown_lists_do_not_make_it_ask_without_end() {
        let mut learnt = Learnt::new();
        let now = Instant::now();
        learnt.aggregated(&[], now, now + MINUTE);
        learnt.unknown_list_is_wanted();
        assert!(!learnt.aggregation_is_due(now) && learnt.aggregation_is_due(now + AGGREGATION_SPACING));
        learnt.aggregated(&[], now, now + AGGREGATION_SPACING / 2);
        learnt.unknown_list_is_wanted();
        assert!(learnt.aggregation_is_due(now + AGGREGATION_SPACING / 2), "it is never put off");
    }
}
