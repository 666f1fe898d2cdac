//! A host: its daemon, and a service that presents its certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gatepass::client::connect::Connector;
use gatepass::client::daemon::{Daemon, DaemonEvent};
use gatepass::client::directory::load_enrolled;
use gatepass::client::enroll::{Enroll, EnrollResult, enroll};
use gatepass::client::first_use::first_use;
use gatepass::client::host::ThisHost;
use gatepass::clock::{SystemClock, Timestamp};
use gatepass::secret::Secret;
use http::{Method, StatusCode};
use parking_lot::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::Fault;
use crate::server::Place;
use crate::step_clock::StepClock;
use crate::tally::Tally;

/// Time between two requests of a service.
const BETWEEN: Duration = Duration::from_secs(1);
/// Number of its requests after a renewal, until it reloads.
const RELOADS_AFTER: u32 = 5;

/// A host of the fleet.
pub(crate) struct Host {
    pub(crate) number: u32,
    pub(crate) dir: PathBuf,
    pub(crate) clock: StepClock,
    /// The failures since the last renewal, for the report about a host that is out.
    failures: Mutex<Vec<String>>,
}

impl Host {
    /// Enrolls a host into a directory of its own.
    pub(crate) async fn enroll(parent: &Path, number: u32, token: &Secret<String>) -> Result<Self, Fault> {
        let dir = parent.join(format!("host-{number}"));
        let ask = Enroll { cert_dir: dir.clone(), ..Enroll::default() };
        match enroll(&ask, token, SystemClock::now()).await? {
            EnrollResult::Now(_) => {
                Ok(Self { number, dir, clock: StepClock::default(), failures: Mutex::default() })
            }
            EnrollResult::Already(_) => Err("a new directory holds an identity".into()),
        }
    }

    /// Renews until `stop`.
    pub(crate) async fn renew(self: Arc<Self>, tally: Arc<Tally>, stop: CancellationToken) {
        // The usual look at the clock, once a minute, is too slow for a life of a minute.
        let daemon = Daemon { nap: BETWEEN, ..Daemon::new(ThisHost::at(&self.dir), &self.clock) };
        let report = |event: DaemonEvent<'_>| match event {
            DaemonEvent::Renewed(_) => {
                tally.attempt(true);
                self.failures.lock().clear();
            }
            DaemonEvent::Failed(error, again) => {
                tally.attempt(false);
                let at = SystemClock::now();
                self.failures.lock().push(format!("{at}: again at {again} by the host's clock: {error}"));
            }
            _ => {}
        };
        if let Err(error) = daemon.run(report, stop.cancelled_owned()).await {
            eprintln!("fleet: the daemon of host {} ended: {error}", self.number);
        }
    }

    /// Asks the server as a service does that has loaded the certificate, and reloads late, until `stop`.
    pub(crate) async fn serve(
        self: Arc<Self>,
        loaded: Connector,
        place: Place,
        tally: Arc<Tally>,
        stop: CancellationToken,
    ) {
        let (mut loaded, mut expires_at, mut old_for) = (loaded, self.expires_at(), 0);
        while !stop.is_cancelled() {
            let superseded = self.expires_at() != expires_at;
            old_for = if superseded { old_for + 1 } else { 0 };
            if old_for > RELOADS_AFTER
                && let Ok(reloaded) = place.connect(&self)
            {
                (loaded, expires_at) = (reloaded, self.expires_at());
            }
            // A loaded certificate that has ended was not renewed in time: the host is out, which the end shows.
            if expires_at > Some(SystemClock::now().plus(BETWEEN)) {
                let answer = loaded.request(Method::GET, "/api/v1/whoami", &[], None).await;
                let refused = answer.is_ok_and(|answer| answer.status != StatusCode::OK);
                tally.request(superseded && old_for <= RELOADS_AFTER, refused);
            }
            sleep(BETWEEN).await;
        }
    }

    fn expires_at(&self) -> Option<Timestamp> {
        load_enrolled(&self.dir).ok().map(|host| host.life.expires_at)
    }

    /// Presents the certificate at the end.
    pub(crate) async fn is_in(&self) -> Result<(), Fault> {
        let shown = first_use(&ThisHost::at(&self.dir), SystemClock::now()).await;
        shown.map(drop).map_err(|error| format!("{error}\n{}", self.failures.lock().join("\n")).into())
    }
}
