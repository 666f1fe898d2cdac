//! The loop of the renewals and check-ins.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::checkins::{self, Steps};
use super::{Changed, Daemon, DaemonEvent, SHORTEST_NAP};
use crate::client::checkin::FetchedPolicy;
use crate::client::directory::{is_enrolling, load};
use crate::client::error::ClientError;
use crate::client::host::HostFile;
use crate::client::renewal::pace::{End, Wake, ask_again, due, gap, patience, pause, random_share};
use crate::client::renewal::record::RenewalRecord;
use crate::client::renewal::{attempt, earliest, note};
use crate::clock::Reading;
use crate::connect::ConnectError;

/// A larger difference of the clocks between two looks is a step, not drift.
const STEP: i64 = 60;

/// The state of the loop.
pub(super) struct Renewals<'a, R> {
    daemon: &'a Daemon<'a>,
    report: &'a R,
    /// Notified when the certificate or the policy is another one.
    changed: &'a Changed,
    host: HostFile,
    /// End of the present certificate.
    end: End,
    /// Next renewal.
    next: Wake,
    /// Boot clock at which the present certificate is due, by the wall clock at its arrival. A clock that is set back later must
    /// not delay the renewal.
    due_by: Option<Duration>,
    /// Failures in a row.
    failures: u32,
    /// True if a wrong clock may be the cause of the last one.
    of_clock: bool,
    /// Next check-in, and the failures before it. It presents the certificate, and the answer says whether to renew now.
    showing: Option<(Wake, u32)>,
    /// Next request for the policy, whose answer was incomplete.
    fetching: Option<Wake>,
    /// True if the server has seen the certificate. After a start that is unknown.
    is_seen: bool,
    /// The usual time between two check-ins.
    interval: Duration,
    /// Boot clock before which no renewal comes.
    earliest: Duration,
    /// Spreads the renewals of hosts. It stays the same: another one would put off a renewal that is due.
    share: f64,
    /// The last look at the clocks.
    last: Reading,
}

impl<'a, R: Fn(DaemonEvent<'_>)> Renewals<'a, R> {
    pub(super) fn new(daemon: &'a Daemon<'a>, report: &'a R, changed: &'a Changed, host: HostFile) -> Self {
        let last = daemon.clock.read();
        let earliest = earliest(&RenewalRecord::load(&daemon.host.cert_dir), &host.life);
        let share = random_share();
        let next = Wake::due(last, due(&host.life, share), earliest);
        Self {
            daemon,
            report,
            changed,
            end: End::of_known(last, &host.life),
            host,
            next,
            due_by: Some(next.latest),
            failures: 0,
            of_clock: false,
            showing: Some((Wake::after(last, Duration::ZERO), 0)),
            fetching: None,
            is_seen: false,
            interval: ask_again(share),
            earliest,
            share,
            last,
        }
    }

    /// Renews until the server reports that the host is revoked, which it returns.
    pub(super) async fn run(mut self) -> ClientError {
        self.announce();
        loop {
            let now = self.daemon.clock.read();
            let ended = if self.next.has_come(now) {
                self.renew(now).await
            } else if let Some((wake, failures)) = self.showing
                && wake.has_come(now)
            {
                self.show(now, failures).await
            } else if self.fetching.is_some_and(|wake| wake.has_come(now)) {
                self.fetch_policy(now).await;
                Ok(())
            } else {
                self.rest(now).await;
                Ok(())
            };
            if let Err(revoked) = ended
                && !self.is_replaced(&revoked)
            {
                return revoked;
            }
        }
    }

    /// Returns true if an enrollment replaces the revoked host, so that the daemon goes on. Its answer may be lost until the
    /// command is run again.
    fn is_replaced(&mut self, revoked: &ClientError) -> bool {
        let dir = &self.daemon.host.cert_dir;
        if let Some(host) = load(dir).ok().flatten().filter(|host| host.host_id != self.host.host_id) {
            (self.report)(DaemonEvent::Replaced);
            self.adopt(host);
            return true;
        }
        let waits = is_enrolling(dir);
        if waits {
            self.showing = None;
            self.retry(revoked);
        }
        waits
    }

    /// Plans the next renewal of the present certificate.
    fn plan(&mut self) {
        let now = self.daemon.clock.read();
        self.failures = 0;
        let next = Wake::due(now, due(&self.host.life, self.share), self.earliest);
        self.next = next.by(*self.due_by.get_or_insert(next.latest));
        self.announce();
    }

    fn announce(&self) {
        note(&self.daemon.host, |record| record.next_attempt_at = Some(self.next.at));
        (self.report)(DaemonEvent::Waiting(self.next.at));
    }

    async fn renew(&mut self, now: Reading) -> Result<(), ClientError> {
        match attempt(&self.daemon.host, &self.host, now).await {
            Ok(renewed) => {
                (self.report)(DaemonEvent::Renewed(&renewed));
                self.earliest = now.boot + gap(&renewed.host.life);
                let end = End::of_new(now, &renewed.host.life);
                self.adopt(renewed.host);
                self.end = end;
            }
            Err(error) if error.is_revoked() => return Err(error),
            Err(error) => self.retry(&error),
        }
        Ok(())
    }

    /// Plans the next attempt after a failure. A refusal is not worth many.
    fn retry(&mut self, error: &ClientError) {
        let now = self.daemon.clock.read();
        let failures = if error.is_transient() { self.failures } else { u32::MAX };
        let left = self.end.left(now);
        self.next = Wake::after(now, pause(failures, random_share(), left, error.retry_after(now.wall)));
        self.failures = self.failures.saturating_add(1);
        self.of_clock = error.is_of_clock();
        if self.is_seen {
            // The renewal itself asks next: a server that asked for patience gets it.
            self.showing = Some((self.next, 0));
        }
        note(&self.daemon.host, |record| record.next_attempt_at = Some(self.next.at));
        (self.report)(DaemonEvent::Failed(error, self.next.at));
    }

    /// Goes on with another certificate.
    fn adopt(&mut self, host: HostFile) {
        self.end = End::of_known(self.daemon.clock.read(), &host.life);
        (self.host, self.due_by, self.is_seen) = (host, None, false);
        self.try_again();
    }

    /// Tries again what is due for the present certificate, except in a pause that the server asked for.
    fn try_again(&mut self) {
        // Another command may have renewed just now.
        let record = RenewalRecord::load(&self.daemon.host.cert_dir);
        self.earliest = self.earliest.max(earliest(&record, &self.host.life));
        self.showing = Some((Wake::after(self.daemon.clock.read(), Duration::ZERO), 0));
        self.changed.certificate.notify_one();
        self.plan();
    }

    /// Checks in, which presents the certificate to the server.
    async fn show(&mut self, now: Reading, failures: u32) -> Result<(), ClientError> {
        let span = patience(self.end.left(now));
        let late = |_| Err(ConnectError::TimedOut { server: self.host.servers.server.clone(), span }.into());
        let asked = timeout(span, checkins::ask(self.daemon, now.wall)).await.unwrap_or_else(late);
        let next = match &asked {
            Ok(steps) => Wake::after(self.daemon.clock.read(), steps.pause.unwrap_or(ask_again(self.share))),
            Err(error) => self.after_silence(error, failures),
        };
        checkins::record(self.daemon, now.wall, &asked, next.at);
        self.showing = Some((next, if asked.is_ok() { 0 } else { failures.saturating_add(1) }));
        match asked {
            Ok(steps) => self.seen(steps).await,
            Err(error) if error.is_revoked() => return Err(error),
            Err(error) => self.report_silence(&error, next),
        }
        Ok(())
    }

    /// The next check-in after a failed one.
    fn after_silence(&self, error: &ClientError, failures: u32) -> Wake {
        let now = self.daemon.clock.read();
        let asked = error.retry_after(now.wall);
        let pause = pause(failures, random_share(), self.end.left(now), asked);
        match (error.is_transient(), self.is_seen) {
            // After an outage hosts are back within their interval, unless the server asks for patience.
            (true, true) if asked.is_none() => Wake::after(now, pause.min(self.interval)),
            (true, _) => Wake::after(now, pause),
            (false, true) => Wake::after(now, ask_again(self.share)),
            (false, false) => self.next,
        }
    }

    fn report_silence(&self, error: &ClientError, next: Wake) {
        let at = next.at.min(self.next.at);
        match (error.is_transient(), self.is_seen) {
            (true, true) => tracing::debug!(%error, "the server did not say whether to renew"),
            // The renewal would be refused too, days later.
            (false, true) => (self.report)(DaemonEvent::Failed(error, at)),
            (_, false) => (self.report)(DaemonEvent::Unseen(error, at)),
        }
    }

    /// Goes on after the server saw the certificate. Roles that an administrator gave later arrive with a renewal that the
    /// server asks for.
    async fn seen(&mut self, steps: Steps) {
        let now = self.daemon.clock.read();
        let Steps { host, renew_after, pause, has_new_policy } = steps;
        (self.host, self.is_seen) = (host, true);
        self.interval = pause.unwrap_or(ask_again(self.share));
        if self.failures == 0 && renew_after < self.host.life.renew_after && renew_after < self.next.at {
            self.next = Wake::due(now, renew_after, self.earliest);
            self.announce();
        }
        if has_new_policy {
            self.fetch_policy(now).await;
        }
    }

    /// Fetches the policy. If the server still prepares a part of it, the next request follows when the server asks for it.
    async fn fetch_policy(&mut self, now: Reading) {
        self.fetching = None;
        let Some(out) = &self.daemon.policy else { return };
        let span = patience(self.end.left(now));
        let late = |_| Err(ConnectError::TimedOut { server: self.host.servers.server.clone(), span }.into());
        match timeout(span, checkins::fetch(self.daemon, out, now.wall)).await.unwrap_or_else(late) {
            Ok(FetchedPolicy { mark, is_new, retry_after }) => {
                let (least, most) = checkins::PAUSE;
                let after = |asked: Duration| asked.clamp(least, most).mul_f64(1.0 + random_share() / 10.0);
                self.fetching = retry_after.map(|asked| Wake::after(now, after(asked)));
                if is_new {
                    (self.report)(DaemonEvent::PolicyWritten(mark));
                    self.changed.policy.notify_one();
                }
            }
            Err(error) => (self.report)(DaemonEvent::PolicyFailed(&error)),
        }
    }

    /// Sleeps until something can be due, and looks around.
    async fn rest(&mut self, now: Reading) {
        let planned = [self.showing.map(|(wake, _)| wake), self.fetching, Some(self.next)];
        let left = planned.into_iter().flatten().map(|wake| wake.left(now)).min().unwrap_or(Duration::MAX);
        // A wrong clock must be noticed while there is time to renew.
        let longest = self.daemon.nap.min(gap(&self.host.life) / 4).max(SHORTEST_NAP);
        let reload = tokio::select! {
            () = sleep(left.clamp(SHORTEST_NAP, longest)) => false,
            () = self.daemon.reload.notified() => true,
        };
        (self.report)(DaemonEvent::Alive);
        self.look(reload);
    }

    /// Notices a stepped clock and a changed identity. Both can make an attempt worth it that failed before, and so does a
    /// request to `reload`.
    fn look(&mut self, reload: bool) {
        let now = self.daemon.clock.read();
        let step = step(self.last, now);
        self.last = now;
        // A damaged file is reported by the next attempt.
        let found = load(&self.daemon.host.cert_dir).ok().flatten();
        if let Some(host) =
            found.filter(|host| (host.host_id, host.life) != (self.host.host_id, self.host.life))
        {
            (self.report)(DaemonEvent::Replaced);
            self.adopt(host);
        } else if reload {
            (self.report)(DaemonEvent::Reloaded);
            // Facts from before a wrong clock stay known.
            self.end = self.end.set(now, &self.host.life);
            self.try_again();
        } else if step.abs() > STEP {
            (self.report)(DaemonEvent::ClockSet(step));
            self.end = self.end.set(now, &self.host.life);
            // A server that asked for patience gets it on any clock.
            if self.failures == 0 || self.of_clock {
                self.plan();
            }
        }
    }
}

/// Seconds by which the wall clock was set between two readings.
fn step(before: Reading, now: Reading) -> i64 {
    let passed = i64::try_from(now.boot.saturating_sub(before.boot).as_secs()).unwrap_or(i64::MAX);
    now.wall.secs().saturating_sub(before.wall.secs()).saturating_sub(passed)
}
