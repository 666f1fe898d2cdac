//! Log lines about refused requests: one a minute for each address and status. A stranger must not be able to fill the log.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::access::address::site;

/// Time after a line in which the same subject gets no other.
const WINDOW: Duration = Duration::from_secs(60);

/// Maximum number of subjects. Further ones share one.
const MOST: usize = 4096;

/// Shortest time between two searches for subjects that are quiet.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The site of the client and the status of the answer. `None` stands for all subjects over the maximum.
type LineSubject = Option<(IpAddr, u16)>;

/// The recent lines.
#[derive(Default)]
pub(super) struct RefusalLines(Mutex<RecentLines>);

#[derive(Default)]
struct RecentLines {
    subjects: HashMap<LineSubject, RecentLine>,
    swept_at: Option<Instant>,
}

struct RecentLine {
    at: Instant,
    left_out: u64,
}

impl RefusalLines {
    /// Returns the number of lines that were left out since the last one, or `None` if this one is left out too.
    pub(super) fn admit(&self, address: IpAddr, status: u16, now: Instant) -> Option<u64> {
        let mut recent = self.0.lock();
        let subject = recent.subject((site(address), status), now);
        match recent.subjects.get_mut(&subject) {
            Some(line) if now.duration_since(line.at) < WINDOW => {
                line.left_out += 1;
                None
            }
            Some(line) => {
                line.at = now;
                Some(std::mem::take(&mut line.left_out))
            }
            None => {
                recent.subjects.insert(subject, RecentLine { at: now, left_out: 0 });
                Some(0)
            }
        }
    }
}

impl RecentLines {
    /// Returns the subject under which a line counts.
    fn subject(&mut self, own: (IpAddr, u16), now: Instant) -> LineSubject {
        if self.subjects.contains_key(&Some(own)) {
            return Some(own);
        }
        if self.subjects.len() >= MOST && self.swept_at.is_none_or(|at| now.duration_since(at) >= SWEEP_EVERY)
        {
            self.swept_at = Some(now);
            self.sweep(now);
        }
        (self.subjects.len() < MOST).then_some(own)
    }

    /// Forgets quiet subjects. The lines that they left out count with those of the shared subject.
    fn sweep(&mut self, now: Instant) {
        let mut left_out = 0;
        self.subjects.retain(|subject, line| {
            let kept = subject.is_none() || now.duration_since(line.at) < WINDOW;
            left_out += if kept { 0 } else { line.left_out };
            kept
        });
        if left_out > 0 {
            self.subjects.entry(None).or_insert(RecentLine { at: now, left_out: 0 }).left_out += left_out;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn a_subject_has_one_line_a_minute() {
        let (lines, address, began) = (RefusalLines::default(), Ipv4Addr::LOCALHOST.into(), Instant::now());
        let mut told = Vec::new();
        for second in 0..150 {
            for _ in 0..10 {
                told.extend(lines.admit(address, 401, began + Duration::from_secs(second)));
            }
        }
        assert_eq!(told, [0, 599, 599], "the number of lines that were left out before each");
    }

    #[test]
    fn subjects_are_sites_and_statuses() {
        let (lines, now) = (RefusalLines::default(), Instant::now());
        let v6 = |low: u16| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, low));
        assert_eq!(lines.admit(v6(1), 401, now), Some(0));
        assert_eq!(lines.admit(v6(2), 401, now), None, "one subscriber has 2^64 addresses");
        assert_eq!(lines.admit(v6(1), 404, now), Some(0));
        assert_eq!(lines.admit(Ipv4Addr::LOCALHOST.into(), 401, now), Some(0));
    }

    #[test]
    fn memory_and_lines_of_a_flood_are_bounded() {
        let (lines, began) = (RefusalLines::default(), Instant::now());
        let flood = |now: Instant| {
            let addresses = (0..20_000_u32).map(|number| IpAddr::from(Ipv4Addr::from(number)));
            addresses.filter_map(|address| lines.admit(address, 401, now)).collect::<Vec<_>>()
        };
        assert_eq!(flood(began).len(), MOST + 1, "and one for all others");
        assert_eq!(flood(began + WINDOW / 2).len(), 0);
        assert_eq!(lines.0.lock().subjects.len(), MOST + 1);
        let later = flood(began + WINDOW);
        assert_eq!(later.len(), MOST + 1);
        let left_out = later.iter().sum::<u64>();
        assert_eq!(left_out, 2 * 20_000 - (MOST as u64 + 1), "every line that was left out is counted");
    }
}
