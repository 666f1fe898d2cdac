//! Renewals on a machine whose clock is wrong, and of a server that asks for patience.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gatepass::client::ClientError;
use gatepass::client::daemon::{Daemon, DaemonEvent};
use gatepass::client::directory::load_enrolled;
use gatepass::client::enroll::{Enroll, enroll};
use gatepass::client::host::ThisHost;
use gatepass::client::renew::renew;
use gatepass::clock::{Clock as _, ManualClock, Timestamp};
use gatepass::secret::Secret;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::authority::start;
use crate::support::gateway::{Gateway, Mode, page};
use crate::support::{Running, eventually};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// Life of the certificates.
const LIFE: (&str, &str) = ("hosts.certificate_lifetime", "6d");

/// A daemon with a clock of its own, behind a gateway.
struct World {
    at: Running,
    gateway: Gateway,
    clock: Arc<ManualClock>,
    certs: PathBuf,
    events: Arc<Mutex<Vec<Event>>>,
    reload: Arc<Notify>,
    daemon: JoinHandle<Result<(), ClientError>>,
    _dir: tempfile::TempDir,
}

/// The events that the tests look at.
#[derive(Clone, Debug, PartialEq)]
enum Event {
    Waiting(Timestamp),
    Renewed,
    Failed(String, Timestamp),
    ClockSet(i64),
    /// The first rest: the start of the daemon is over.
    Idle,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut gateway = Gateway::bind().await;
        let set = [("server.external_url", &*gateway.url), LIFE];
        let servers = Arc::new(ManualClock::at(start()));
        let at = Running::open(&dir.path().join("data"), servers, &set).await.unwrap();
        gateway.open(at.data_dir(), at.local);
        let (certs, token) = (dir.path().join("host"), Secret::new(at.mint_once().await));
        let ask = Enroll { cert_dir: certs.clone(), ..Enroll::default() };
        enroll(&ask, &token, at.clock_reading()).await.unwrap();
        let (clock, events) = (Arc::new(ManualClock::at(start())), Arc::new(Mutex::new(Vec::new())));
        let reload = Arc::new(Notify::new());
        let daemon = tokio::spawn(daemon(certs.clone(), clock.clone(), events.clone(), reload.clone()));
        let world = Self { at, gateway, clock, certs, events, reload, daemon, _dir: dir };
        // It has presented its certificate: another answer of the gateway is for an attempt that a test expects.
        world.next("it is idle", 0, |event| (*event == Event::Idle).then_some(())).await;
        world
    }

    /// Lets time pass, for host and server.
    fn pass(&self, span: Duration) {
        self.clock.advance(span);
        self.at.clock.advance(span);
    }

    fn now(&self) -> Timestamp {
        self.clock.read().wall
    }

    /// The next event that `look` accepts, from the `seen`-th on.
    async fn next<T>(&self, what: &str, seen: usize, look: impl Fn(&Event) -> Option<T>) -> T {
        eventually(what, async || self.events.lock().iter().skip(seen).find_map(&look)).await
    }

    fn seen(&self) -> usize {
        self.events.lock().len()
    }

    fn renewals(&self) -> usize {
        self.events.lock().iter().filter(|event| **event == Event::Renewed).count()
    }

    /// Fails an attempt that is due with this answer. Returns the reported error and the pause until the next one.
    async fn fail_with(&self, mode: Mode, span: Duration) -> (String, Duration) {
        self.gateway.set(mode);
        let seen = self.seen();
        // A reported time has whole milliseconds.
        self.pass(span + Duration::from_millis(1));
        let (error, at) = self.next("it fails", seen, failed).await;
        (error, at.since(self.now()))
    }
}

async fn daemon(
    certs: PathBuf,
    clock: Arc<ManualClock>,
    events: Arc<Mutex<Vec<Event>>>,
    reload: Arc<Notify>,
) -> Result<(), ClientError> {
    let daemon = Daemon { nap: Duration::from_millis(5), ..Daemon::new(ThisHost::at(certs), &*clock) };
    let note = |event: DaemonEvent<'_>| {
        let mut events = events.lock();
        let is_idle = events.contains(&Event::Idle);
        events.extend(match event {
            DaemonEvent::Waiting(at) => Some(Event::Waiting(at)),
            DaemonEvent::Renewed(_) => Some(Event::Renewed),
            DaemonEvent::Failed(error, at) => Some(Event::Failed(error.to_string(), at)),
            DaemonEvent::ClockSet(step) => Some(Event::ClockSet(step)),
            DaemonEvent::Alive if !is_idle => Some(Event::Idle),
            _ => None,
        });
    };
    tokio::select! {
        ended = daemon.run(note, std::future::pending()) => ended,
        never = pass_on(&reload, &daemon.reload) => match never {},
    }
}

async fn pass_on(from: &Notify, to: &Notify) -> Infallible {
    loop {
        from.notified().await;
        to.notify_one();
    }
}

fn failed(event: &Event) -> Option<(String, Timestamp)> {
    match event {
        Event::Failed(error, at) => Some((error.clone(), *at)),
        _ => None,
    }
}

fn waiting(event: &Event) -> Option<Timestamp> {
    match event {
        Event::Waiting(at) => Some(*at),
        _ => None,
    }
}

fn ends(certs: &Path) -> Timestamp {
    load_enrolled(certs).unwrap().life.expires_at
}

fn busy(retry_after: &str) -> Mode {
    page("503 Service Unavailable", &[&format!("retry-after: {retry_after}")], "text/html", "busy")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_patience_gets_it() {
    let world = World::new().await;
    let (_, pause) = world.fail_with(busy("300"), DAY * 43 / 10).await;
    assert!((300..=331).contains(&pause.as_secs()), "{pause:?}");
    let asked = world.gateway.answered();
    for step in [DAY, DAY / 2] {
        let seen = world.seen();
        let is_step = |event: &Event| matches!(event, Event::ClockSet(_)).then_some(());
        world.clock.step_to(world.now().plus(step));
        world.next("the step is seen", seen, is_step).await;
        world.clock.step_to(world.now().minus(step));
        world.next("the step back is seen", seen + 1, is_step).await;
    }
    world.pass(Duration::from_secs(299));
    let (_, pause) = world.fail_with(busy("1200"), Duration::from_secs(40)).await;
    assert_eq!(world.gateway.answered(), asked + 1, "it came once, and not before the time");
    assert!((1200..=1321).contains(&pause.as_secs()), "{pause:?}");

    let date = "date: Tue, 01 Jan 2030 00:00:00 GMT";
    let at = page("503 Busy", &[date, "retry-after: Tue, 01 Jan 2030 01:30:00 GMT"], "text/html", "busy");
    let (_, pause) = world.fail_with(at, pause).await;
    assert!((5400..=5941).contains(&pause.as_secs()), "{pause:?}");
    let (_, pause) = world.fail_with(busy("999999999999"), pause).await;
    let left = ends(&world.certs).since(world.now());
    assert!(pause <= left / 2, "{pause:?} of {left:?}");
    world.gateway.set(Mode::Pass);
    world.pass(pause + Duration::from_millis(1));
    world.next("it renews", 0, |event| (*event == Event::Renewed).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_puts_off_no_due_renewal() {
    let world = World::new().await;
    let due = world.next("it waits", 0, waiting).await;
    let busy = page("503 Service Unavailable", &[], "text/html", "busy");
    world.fail_with(busy, due.since(world.now())).await;
    for _ in 0..10 {
        let seen = world.seen();
        world.reload.notify_one();
        world.next("it tries again", seen, failed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pause_on_a_wrong_clock_outlasts_the_certificate() {
    let world = World::new().await;
    world.fail_with(busy("300"), DAY * 43 / 10).await;
    world.fail_with(busy("300"), DAY * 12 / 10).await;
    let left = ends(&world.certs).since(world.now());
    assert!(left < DAY, "{left:?}");
    let seen = world.seen();
    world.clock.step_to(world.now().minus(DAY * 40));
    let is_step = |event: &Event| matches!(event, Event::ClockSet(_)).then_some(());
    world.next("the step is seen", seen, is_step).await;
    let seen = world.seen();
    world.reload.notify_one();
    world.next("it is reloaded", seen, waiting).await;
    let (_, pause) = world.fail_with(busy("999999999999"), HOUR).await;
    assert!(pause <= (left - HOUR) / 2, "{pause:?} of {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_past_the_expiry_ends_no_daemon() {
    let world = World::new().await;
    world.gateway.set(busy("1"));
    let (right, seen) = (world.now(), world.seen());
    world.clock.step_to(right.plus(DAY * 40));
    let step = world.next("the step is seen", seen, |event| match event {
        Event::ClockSet(step) => Some(*step),
        _ => None,
    });
    assert!((step.await - 40 * 86_400).abs() <= 1);
    let (error, _) = world.next("it fails", seen, failed).await;
    assert!(error.contains("expired at") && error.contains("this machine's clock says"), "{error}");
    assert!(!world.daemon.is_finished());

    let seen = world.seen();
    world.clock.step_to(right);
    let at = world.next("it waits again", seen, waiting).await;
    assert!(at > right.plus(DAY * 3), "as before: {at}");
    world.gateway.set(Mode::Pass);
    world.pass(DAY * 43 / 10);
    world.next("it renews", 0, |event| (*event == Event::Renewed).then_some(())).await;
    assert!(!world.daemon.is_finished());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_clock_judges_an_expired_certificate() {
    let (at, dir) = (Running::start_with(&[]).await, tempfile::tempdir().unwrap());
    let token = Secret::new(at.mint_once().await);
    let ask = Enroll { cert_dir: dir.path().to_owned(), ..Enroll::default() };
    enroll(&ask, &token, at.clock_reading()).await.unwrap();
    let (host, before) = (ThisHost::at(dir.path()), ends(dir.path()));
    let ahead = before.plus(DAY * 10);
    let status = gatepass::client::status::status(&host, ahead).await.unwrap();
    assert!(status.seconds_left > 0 && status.clock_ahead.unwrap() > 86_400, "{status:?}");
    assert_eq!(status.exit_code(None), 1, "the clock needs to be set, and the certificate is good");
    at.clock.advance(HOUR);
    renew(&host, ahead).await.unwrap();
    assert!(ends(dir.path()) > before);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_ahead_renews_once_an_hour_at_most() {
    let world = World::new().await;
    let seen = world.seen();
    // Every certificate of the server is due at once by this clock.
    world.clock.step_to(world.now().plus(DAY * 5));
    world.next("it renews", seen, |event| (*event == Event::Renewed).then_some(())).await;
    for renewals in 2..5 {
        let earliest = world.now().plus(HOUR * 99 / 100);
        let at = eventually("it waits", async || world.events.lock().last().and_then(waiting)).await;
        assert!(at >= earliest, "{at} {earliest}");
        world.pass(HOUR);
        eventually("it renews again", async || (world.renewals() == renewals).then_some(())).await;
    }
    assert_eq!(world.at.entries("host_renewed").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_delays_no_renewal() {
    let world = World::new().await;
    let first = ends(&world.certs);
    world.pass(DAY);
    let seen = world.seen();
    world.clock.step_to(world.now().minus(DAY / 2));
    world.next("the step is seen", seen, |event| matches!(event, Event::ClockSet(_)).then_some(())).await;
    world.pass(DAY * 38 / 10);
    eventually("it renews", async || (ends(&world.certs) != first).then_some(())).await;
}

/// "A host that came with a role-less token gets roles from an operator; the next renewal brings them." "`renew --daemon` asks `whoami` once an hour."
#[tokio::test(flavor = "multi_thread")]
async fn roles_given_later_arrive_within_an_hour() {
    let world = World::new().await;
    let (seen, host) = (world.seen(), load_enrolled(&world.certs).unwrap().host_id);
    let roles = json!({ "roles": ["allocator", "proxy"] });
    let said = world.at.admin().patch(&format!("/api/v1/hosts/{host}"), &roles).await;
    assert_eq!(said.status, 200, "{}", said.text);
    world.pass(HOUR);
    world.next("it renews", seen, |event| (*event == Event::Renewed).then_some(())).await;
    let renewed = load_enrolled(&world.certs).unwrap();
    assert_eq!(renewed.certified.roles.len(), 2, "{:?}", renewed.certified);
    world
        .next("it waits for two thirds of the life again", seen, |event| {
            waiting(event).filter(|at| at.since(world.now()) > DAY * 3)
        })
        .await;
    assert_eq!(world.renewals(), 1);
}

/// A refusal that time does not mend is reported with the next question, and not first with the renewal in days.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_host_is_reported_before_its_renewal() {
    let world = World::new().await;
    let copy = world.certs.with_file_name("copy");
    assert!(Command::new("cp").arg("-a").args([&world.certs, &copy]).status().unwrap().success());
    renew(&ThisHost::at(copy), world.now()).await.unwrap();
    let seen = world.seen();
    // The server's clock goes first: the overlap is over when the daemon asks.
    world.at.clock.advance(HOUR * 3);
    world.clock.advance(HOUR * 3);
    let (error, at) = world.next("it is refused", seen, failed).await;
    assert!(error.contains("certificate_superseded"), "{error}");
    assert!(at.since(world.now()) < HOUR * 2, "it asks again within about an hour: {at}");
    assert!(world.renewals() == 0 && !world.daemon.is_finished());
}
