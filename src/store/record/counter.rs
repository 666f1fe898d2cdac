//! Counters of enrollments and refusals by the hour.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::ledger::{Action, Draft, Outcome};

/// Time for which a counter is kept.
pub const COUNTERS_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// The span that a stored counter counts.
pub const COUNTED_SPAN: Duration = Duration::from_secs(3600);

/// The counted acts. The names are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum CounterKind {
    /// Hosts that were enrolled.
    Enrollments,
    /// Refusals that the ledger records. An entry can stand for several.
    Refusals,
}

/// The number of acts of a kind in a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Start of the span.
    pub begin_at: Timestamp,
    /// The counted acts.
    pub kind: CounterKind,
    /// Their number.
    pub number: u64,
}

impl CounterKind {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Counter {
    /// Returns the counter that an entry moves, with its number.
    pub fn of(entry: &Draft) -> Option<Self> {
        let (kind, number) = match (entry.outcome, entry.action) {
            (Outcome::Refused, _) => {
                let several = entry.detail.get("count").and_then(serde_json::Value::as_u64);
                (CounterKind::Refusals, several.unwrap_or(1))
            }
            (Outcome::Done, Action::HostEnrolled) => (CounterKind::Enrollments, 1),
            (Outcome::Done, _) => return None,
        };
        Some(Self { begin_at: entry.at().start_of(COUNTED_SPAN), kind, number })
    }
}
