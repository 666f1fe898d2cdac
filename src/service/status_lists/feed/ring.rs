//! The last events, for subscribers that come back.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::Following;
use crate::id::ListId;

/// The most events that are kept, and the most bytes of them: what was missed beyond it is fetched with the lists.
const MOST_EVENTS: usize = 4096;
const MOST_BYTES: usize = 2 << 20;

/// The most that a subscriber is told at once, in bytes. It is a copy for each that comes back, and anyone may: beyond it
/// fetching the lists costs less.
const MOST_MISSED: usize = 4 * 1024;

/// One event, in the words of each external URL.
pub(super) struct Told {
    /// The list that it is about; `None` if about all.
    pub(super) list: Option<ListId>,
    /// The event for who follows this URL, or for everybody.
    pub(super) parts: Vec<(Option<Arc<str>>, Bytes)>,
}

impl Told {
    /// Whether who follows this hears of it.
    pub(super) fn concerns(&self, following: &Following) -> bool {
        self.list.is_none() || following.list.is_none() || self.list == following.list
    }

    fn part(&self, following: &Following) -> Option<&Bytes> {
        let whose =
            |issuer: &Option<Arc<str>>| issuer.as_ref().is_none_or(|issuer| *issuer == following.issuer);
        let found = self.parts.iter().find(|(issuer, _)| whose(issuer));
        found.filter(|_| self.concerns(following)).map(|(_, part)| part)
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(|(_, part)| part.len()).sum()
    }
}

/// What a subscriber that came back has missed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resumed {
    Nothing,
    Missed(Bytes),
}

/// The last events, numbered without gaps.
#[derive(Default)]
pub(super) struct Ring {
    events: VecDeque<Told>,
    newest: u64,
    bytes: usize,
}

impl Ring {
    /// The number of the newest event; 0 before the first.
    pub(super) const fn newest(&self) -> u64 {
        self.newest
    }

    /// Adds the next event.
    pub(super) fn push(&mut self, told: Told) {
        self.newest += 1;
        self.bytes += told.bytes();
        self.events.push_back(told);
        while self.events.len() > MOST_EVENTS || self.bytes > MOST_BYTES {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }

    /// What comes after the event `last`; `None` if that is not known any more, was never told, or is too much.
    pub(super) fn since(&self, last: u64, following: &Following) -> Option<Resumed> {
        let missed = usize::try_from(self.newest.checked_sub(last)?).ok()?;
        let first = self.events.len().checked_sub(missed)?;
        let mut joined = BytesMut::new();
        for part in self.events.range(first..).filter_map(|told| told.part(following)) {
            if joined.len() + part.len() > MOST_MISSED {
                return None;
            }
            joined.extend_from_slice(part);
        }
        Some(if joined.is_empty() { Resumed::Nothing } else { Resumed::Missed(joined.freeze()) })
    }
}

/// A number in its one spelling.
pub(super) fn parse(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn list() -> ListId {
        ListId::generate(Timestamp::from_secs(1_900_000_000))
    }

    fn told(list: Option<ListId>, text: &str) -> Told {
        Told { list, parts: vec![(Some("https://a".into()), text.to_owned().into())] }
    }

    fn following(issuer: &str, list: Option<ListId>) -> Following {
        Following { issuer: issuer.into(), list }
    }

    #[test]
    fn who_comes_back_is_told_what_he_missed_of_what_he_follows() {
        let (one, other) = (list(), list());
        let mut ring = Ring::default();
        for (list, text) in [(one, "1,"), (other, "2,"), (one, "3,")] {
            ring.push(told(Some(list), text));
        }
        let missed = |last, following| match ring.since(last, &following) {
            Some(Resumed::Missed(events)) => String::from_utf8(events.to_vec()).unwrap(),
            Some(Resumed::Nothing) => "nothing".to_owned(),
            None => "unknown".to_owned(),
        };
        assert_eq!(missed(0, following("https://a", None)), "1,2,3,");
        assert_eq!(missed(1, following("https://a", Some(one))), "3,");
        assert_eq!(missed(3, following("https://a", None)), "nothing");
        assert_eq!(missed(1, following("https://b", None)), "nothing");
        assert_eq!(missed(4, following("https://a", None)), "unknown");
    }

    #[test]
    fn what_is_too_old_or_too_much_is_unknown() {
        let mut ring = Ring::default();
        (0..MOST_EVENTS + 10).for_each(|_| ring.push(told(None, "event")));
        let all = following("https://a", None);
        assert_eq!(ring.since(9, &all), None);
        assert!(ring.since(ring.newest() - 100, &all).is_some());
        let large = "x".repeat(MOST_MISSED / 2);
        (0..2).for_each(|_| ring.push(told(None, &large)));
        assert!(ring.since(ring.newest() - 2, &all).is_some());
        ring.push(told(None, "one more"));
        assert_eq!(ring.since(ring.newest() - 3, &all), None);
    }

    #[test]
    fn the_ring_keeps_so_many_bytes_and_no_more() {
        let mut ring = Ring::default();
        let large = "x".repeat(MOST_BYTES / 4);
        (0..9).for_each(|_| ring.push(told(None, &large)));
        assert_eq!((ring.events.len(), ring.bytes, ring.newest()), (4, MOST_BYTES, 9));
    }

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(parse("17"), Some(17));
        for wrong in ["", "+17", "017", "-1", "17 ", "18446744073709551616", "x"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
