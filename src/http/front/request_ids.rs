//! Request ids. They ask the system for randomness only once.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Timestamp;
use crate::id::{RequestId, random};

/// A counter with a random start. Request ids need not be secret, but two requests must not share one.
pub(super) struct RequestIds {
    /// The part that differs between runs of the server.
    run: [u8; 4],
    /// The counter, of which 48 bits are used.
    next: AtomicU64,
}

impl RequestIds {
    /// A counter for one run of the server.
    pub(super) fn new() -> Self {
        Self { run: random(), next: AtomicU64::new(u64::from_be_bytes(random())) }
    }

    /// Returns the id of a request that begins at `now`.
    pub(super) fn next(&self, now: Timestamp) -> RequestId {
        let mut bits = [0; 10];
        let [_, _, count @ ..] = self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bits[..4].copy_from_slice(&self.run);
        bits[4..].copy_from_slice(&count);
        RequestId::with(now, &bits)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_requests_of_a_moment_share_an_id() {
        let (now, ids) = (Timestamp::from_secs(1_700_000_000), [RequestIds::new(), RequestIds::new()]);
        let made = ids.iter().flat_map(|ids| (0..1000).map(|_| ids.next(now))).collect::<BTreeSet<_>>();
        assert_eq!(made.len(), 2000);
        let parsed = made.iter().map(|id| RequestId::parse(&id.to_string()));
        assert!(parsed.eq(made.iter().map(|id| Some(*id))));
        assert!(
            made.iter().all(|id| id.to_string().starts_with("018bcfe5-6800-7")),
            "of that moment, version 7"
        );
    }
}
