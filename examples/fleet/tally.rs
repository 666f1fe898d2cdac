//! The counts of a run, by second.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The counts of a second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Second {
    /// Successful renewals.
    pub(crate) renewals: u64,
    /// Failed attempts to renew.
    pub(crate) failures: u64,
}

impl Second {
    /// Number of attempts.
    pub(crate) const fn attempts(self) -> u64 {
        self.renewals + self.failures
    }
}

/// The counts of services.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Services {
    /// Their requests.
    pub(crate) requests: u64,
    /// Requests with a certificate that was superseded by then.
    pub(crate) superseded: u64,
    /// Refused requests.
    pub(crate) refused: u64,
}

/// The counts of a run.
pub(crate) struct Tally {
    began: Instant,
    seconds: Mutex<Vec<Second>>,
    services: Mutex<Services>,
}

impl Tally {
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), seconds: Mutex::default(), services: Mutex::default() }
    }

    /// Counts an attempt to renew.
    pub(crate) fn attempt(&self, succeeded: bool) {
        let place = usize::try_from(self.began.elapsed().as_secs()).unwrap_or(usize::MAX);
        let mut seconds = self.seconds.lock();
        if seconds.len() <= place {
            seconds.resize(place + 1, Second::default());
        }
        if let Some(second) = seconds.get_mut(place) {
            second.renewals += u64::from(succeeded);
            second.failures += u64::from(!succeeded);
        }
    }

    /// Counts a request of a service.
    pub(crate) fn request(&self, superseded: bool, refused: bool) {
        let mut services = self.services.lock();
        services.requests += 1;
        services.superseded += u64::from(superseded);
        services.refused += u64::from(refused);
    }

    pub(crate) fn services(&self) -> Services {
        *self.services.lock()
    }

    /// The largest number of attempts in a second.
    pub(crate) fn peak(&self) -> u64 {
        self.seconds.lock().iter().map(|second| second.attempts()).max().unwrap_or(0)
    }

    /// The counts of each whole minute.
    pub(crate) fn minutes(&self) -> Vec<Second> {
        let sum = |minute: &[Second]| {
            minute.iter().fold(Second::default(), |sum, second| Second {
                renewals: sum.renewals + second.renewals,
                failures: sum.failures + second.failures,
            })
        };
        self.seconds.lock().chunks_exact(MINUTE.as_secs() as usize).map(sum).collect()
    }
}

const MINUTE: Duration = Duration::from_secs(60);
