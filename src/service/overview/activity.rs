//! Enrollments and refusals of the last day and month, for charts.

use std::sync::Arc;
use std::time::Duration;

use super::Overview;
use crate::clock::Timestamp;
use crate::service::ServiceError;
use crate::store::{Counter, CounterKind, StoreError};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Number of hours in the first series.
const HOURS: u32 = 24;
/// Number of days in the second series.
const DAYS: u32 = 30;

/// Enrollments and refusals until now.
pub struct Activity {
    /// The last 24 hours; the last one is the present hour.
    pub hours: Vec<Acts>,
    /// The last 30 days, in UTC; the last one is today.
    pub days: Vec<Acts>,
}

/// The activity that was read last, with its hour and the number of the newest entry.
pub(super) type Charted = Option<((Timestamp, u64), Arc<Activity>)>;

/// The acts in a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acts {
    /// Start of the span.
    pub begin_at: Timestamp,
    /// Number of enrolled hosts.
    pub enrollments: u64,
    /// Number of refusals that the ledger records.
    pub refusals: u64,
}

impl Overview {
    /// Returns the enrollments and refusals of the last day and month. Counting began with the upgrade to a version that counts.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn activity(&self) -> Result<Arc<Activity>, ServiceError> {
        // Only a commit with an entry moves a counter. A newer one can already be in the sums.
        let key = (self.base.time.now().start_of(HOUR), self.base.store.newest_commit());
        let known = self.charted.lock().clone().filter(|(of, _)| *of == key);
        if let Some((_, activity)) = known {
            return Ok(activity);
        }
        let (hours, days) = (self.series(HOUR, HOURS).await?, self.series(DAY, DAYS).await?);
        let activity = Arc::new(Activity { hours, days });
        *self.charted.lock() = Some((key, Arc::clone(&activity)));
        Ok(activity)
    }

    async fn series(&self, span: Duration, spans: u32) -> Result<Vec<Acts>, StoreError> {
        let first = self.base.time.now().start_of(span).minus(span * (spans - 1));
        let counters = self.base.store.counters(first, span).await?;
        Ok((0..spans).map(|number| Acts::from(first.plus(span * number), &counters)).collect())
    }
}

impl Acts {
    fn from(begin_at: Timestamp, counters: &[Counter]) -> Self {
        let number = |kind: CounterKind| {
            counters
                .iter()
                .find(|counter| counter.begin_at == begin_at && counter.kind == kind)
                .map_or(0, |counter| counter.number)
        };
        Self {
            begin_at,
            enrollments: number(CounterKind::Enrollments),
            refusals: number(CounterKind::Refusals),
        }
    }
}
