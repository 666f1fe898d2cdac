//! The state of a refresher beside its verifier: entity tags, due times, and the fetched CRLs.

use std::collections::HashMap;
use std::time::Duration;

use hyper::header::HeaderValue;
use tokio::time::Instant;

use super::kept::KeptCrl;

/// Minimum interval of fetching the addresses of all lists for an unknown list.
const AGGREGATION_SPACING: Duration = Duration::from_secs(1);

/// The state. Its lock is never held over I/O.
pub(super) struct Learnt {
    pub(super) keys_tag: Option<HeaderValue>,
    lists: HashMap<String, ListSchedule>,
    aggregated_at: Option<Instant>,
    aggregation_due: Instant,
    pub(super) chain: Option<String>,
    /// The CRLs by the key identifier of their issuer.
    pub(super) crls: HashMap<String, KeptCrl>,
}

/// The state of one status list.
struct ListSchedule {
    tag: Option<HeaderValue>,
    due: Instant,
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

    /// The entity tag of the list that the verifier holds.
    pub(super) fn tag(&self, uri: &str) -> Option<HeaderValue> {
        self.lists.get(uri).and_then(|record| record.tag.clone())
    }

    /// Records that the list was fetched or confirmed, and when it is due again.
    pub(super) fn list_is_due(&mut self, uri: &str, tag: Option<HeaderValue>, due: Instant) {
        if let Some(record) = self.lists.get_mut(uri) {
            *record = ListSchedule { tag, due };
        }
    }

    /// Makes the list due at once; returns false if it is unknown.
    pub(super) fn list_is_wanted(&mut self, uri: &str) -> bool {
        let record = self.lists.get_mut(uri);
        record.map(|record| record.due = Instant::now()).is_some()
    }

    /// Makes the addresses of all lists due soon: a token named an unknown list.
    pub(super) fn unknown_list_is_wanted(&mut self) {
        let soonest = self.aggregated_at.map_or_else(Instant::now, |at| at + AGGREGATION_SPACING);
        self.aggregation_due = self.aggregation_due.min(soonest);
    }

    /// Makes everything due: any list may have changed.
    pub(super) fn all_are_due(&mut self) {
        let now = Instant::now();
        self.aggregation_due = now;
        self.lists.values_mut().for_each(|record| record.due = now);
    }

    pub(super) fn aggregation_is_due(&self, now: Instant) -> bool {
        self.aggregation_due <= now
    }

    /// Records the lists published at `asked`. Returns the lists that are no longer published.
    pub(super) fn aggregated(&mut self, uris: &[String], asked: Instant, due: Instant) -> Vec<String> {
        (self.aggregated_at, self.aggregation_due) = (Some(asked), due);
        self.know(uris);
        let gone = self.lists.keys().filter(|uri| !uris.contains(uri)).cloned().collect::<Vec<_>>();
        gone.iter().for_each(|uri| drop(self.lists.remove(uri)));
        gone
    }

    /// Adds these lists. New ones are due at once.
    pub(super) fn know(&mut self, uris: &[String]) {
        for uri in uris {
            let new = || ListSchedule { tag: None, due: Instant::now() };
            self.lists.entry(uri.clone()).or_insert_with(new);
        }
    }

    /// The time when the next fetch is due.
    pub(super) fn next_due(&self) -> Instant {
        self.lists.values().map(|record| record.due).fold(self.aggregation_due, Instant::min)
    }

    /// The lists that are due at `now`, longest wait first.
    pub(super) fn due_lists(&self, now: Instant) -> Vec<String> {
        let mut due = self.lists.iter().filter(|(_, record)| record.due <= now).collect::<Vec<_>>();
        due.sort_by_key(|(_, record)| record.due);
        due.into_iter().map(|(uri, _)| uri.clone()).collect()
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
    async fn lists_are_due_in_time_or_on_demand() {
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
    async fn unpublished_lists_are_forgotten_and_new_ones_are_due() {
        let mut learnt = Learnt::new();
        let now = Instant::now();
        learnt.aggregated(&uris(&["a", "b"]), now, now + MINUTE);
        learnt.list_is_due("a", Some(HeaderValue::from_static("tag")), now + MINUTE);
        assert_eq!(learnt.aggregated(&uris(&["a", "c"]), now, now + MINUTE), ["b"]);
        assert_eq!((learnt.due_lists(now), learnt.tag("a").is_some()), (uris(&["c"]), true));
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_of_unknown_lists_cause_few_fetches() {
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
