//! Log lines about refused requests: one for the first of an address and status, and one that counts the others of its
//! minute. A stranger must not be able to fill the log.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::access::address::site;
use crate::http::meters::GONE;

/// Time in which refusals of one subject are counted after its line.
const WINDOW: Duration = Duration::from_secs(60);

/// Maximum number of subjects. Further ones share one.
const MOST: usize = 4096;

/// The site of the client and the status of the answer. `None` stands for all subjects over the maximum.
type LineSubject = Option<(IpAddr, u16)>;

/// The recent lines.
#[derive(Default)]
pub(super) struct RefusalLines(Mutex<HashMap<LineSubject, RecentLine>>);

struct RecentLine {
    at: Instant,
    left_out: u64,
}

impl RefusalLines {
    /// Returns whether a refusal gets a line of its own. Otherwise it is counted.
    pub(super) fn admit(&self, address: IpAddr, status: u16, now: Instant) -> bool {
        let mut recent = self.0.lock();
        let own = Some((site(address), status));
        let subject = if recent.len() < MOST || recent.contains_key(&own) { own } else { None };
        let first = !recent.contains_key(&subject);
        let line = recent.entry(subject).or_insert(RecentLine { at: now, left_out: 0 });
        line.left_out += u64::from(!first);
        first
    }

    /// Logs each second the counts of the subjects whose minute has ended, and the rest at the `stop`.
    pub(super) async fn log_left_out(&self, stop: CancellationToken) {
        let mut stopped = false;
        while !stopped {
            stopped = stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(1))).await.is_none();
            for (subject, left_out) in
                self.take(Instant::now(), if stopped { Duration::ZERO } else { WINDOW })
            {
                match subject {
                    // A client that left was not refused.
                    Some((site, 0)) => {
                        tracing::info!(%site, code = %GONE, left_out, "requests whose clients left were left out");
                    }
                    Some((site, status)) => {
                        tracing::warn!(%site, status, left_out, "refused requests like the one before were left out");
                    }
                    None => tracing::warn!(left_out, "refused requests of further addresses were left out"),
                }
            }
        }
    }

    /// Takes the counts of lines that are `window` old. A subject without a count is forgotten.
    fn take(&self, now: Instant, window: Duration) -> Vec<(LineSubject, u64)> {
        let mut counts = Vec::new();
        self.0.lock().retain(|subject, line| {
            let ended = now.duration_since(line.at) >= window;
            if ended && line.left_out > 0 {
                counts.push((*subject, line.left_out));
                *line = RecentLine { at: now, left_out: 0 };
                return true;
            }
            !ended
        });
        counts
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn a_subject_has_one_line_a_minute() {
        let (lines, address, began) = (RefusalLines::default(), Ipv4Addr::LOCALHOST.into(), Instant::now());
        let (mut own, mut counts) = (Vec::new(), Vec::new());
        for second in 0..300 {
            let now = began + Duration::from_secs(second);
            counts.extend(lines.take(now, WINDOW).into_iter().map(|(_, left_out)| (second, left_out)));
            if second < 150 {
                own.extend((0..10).filter(|_| lines.admit(address, 401, now)).map(|_| second));
            }
        }
        assert_eq!(own, [0]);
        assert_eq!(counts, [(60, 599), (120, 600), (180, 300)]);
        assert!(lines.0.lock().is_empty(), "a quiet subject is forgotten");
    }

    #[test]
    fn subjects_are_sites_and_statuses() {
        let (lines, now) = (RefusalLines::default(), Instant::now());
        let v6 = |low: u16| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, low));
        assert!(lines.admit(v6(1), 401, now));
        assert!(!lines.admit(v6(2), 401, now), "one subscriber has 2^64 addresses");
        assert!(lines.admit(v6(1), 404, now));
        assert!(lines.admit(Ipv4Addr::LOCALHOST.into(), 401, now));
    }

    #[test]
    fn memory_and_lines_of_a_flood_are_bounded() {
        let (lines, began) = (RefusalLines::default(), Instant::now());
        let flood = || {
            let addresses = (0..20_000_u32).map(|number| IpAddr::from(Ipv4Addr::from(number)));
            addresses.filter(|address| lines.admit(*address, 401, began)).count()
        };
        assert_eq!(flood(), MOST + 1, "and one for all others");
        assert_eq!(flood(), 0);
        assert_eq!(lines.0.lock().len(), MOST + 1);
        let counts = lines.take(began + WINDOW, WINDOW);
        assert_eq!(counts.len(), MOST + 1);
        let left_out = counts.iter().map(|(_, count)| count).sum::<u64>();
        assert_eq!(left_out, 2 * 20_000 - (MOST as u64 + 1), "every line that was left out is counted");
    }
}
