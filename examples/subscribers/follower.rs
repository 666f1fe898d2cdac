//! One subscriber, and the board on which all note when they have seen an event.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_rustls::client::TlsStream;

use crate::Fault;
use crate::server::Place;

/// Timeout of an event.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time at which each subscriber saw the current event.
pub(crate) struct Board {
    began: Mutex<Instant>,
    /// Microseconds from the beginning.
    seen: Vec<AtomicU64>,
    missing: AtomicUsize,
    lost: AtomicUsize,
    changed: Notify,
}

impl Board {
    pub(crate) fn new(subscribers: usize) -> Self {
        Self {
            began: Mutex::new(Instant::now()),
            seen: (0..subscribers).map(|_| AtomicU64::new(0)).collect(),
            missing: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            changed: Notify::new(),
        }
    }

    pub(crate) const fn subscribers(&self) -> usize {
        self.seen.len()
    }

    /// An event is on its way from `at` on.
    pub(crate) fn begin(&self, at: Instant) {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = at;
        self.missing.store(self.seen.len(), Ordering::SeqCst);
    }

    /// Delay until each subscriber saw the event; `None` if one did not.
    pub(crate) async fn all_seen(&self) -> Option<Vec<Duration>> {
        let all = async {
            loop {
                let changed = self.changed.notified();
                if self.lost.load(Ordering::SeqCst) > 0 || self.missing.load(Ordering::SeqCst) == 0 {
                    return;
                }
                changed.await;
            }
        };
        timeout(PATIENCE, all).await.ok()?;
        let seen = self.seen.iter().map(|seen| Duration::from_micros(seen.load(Ordering::SeqCst)));
        (self.lost.load(Ordering::SeqCst) == 0).then(|| seen.collect())
    }

    fn note(&self, number: usize) {
        let began = *self.began.lock().unwrap_or_else(PoisonError::into_inner);
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        if let Some(seen) = self.seen.get(number) {
            seen.store(micros, Ordering::SeqCst);
        }
        if self.missing.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.changed.notify_waiters();
        }
    }

    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
    }
}

/// A subscriber with an open stream.
pub(crate) struct Follower {
    stream: TlsStream<TcpStream>,
    unread: Vec<u8>,
}

impl Follower {
    /// Connects and subscribes to every list; returns after the event `hello`.
    pub(crate) async fn open(place: &Place) -> Result<Self, Fault> {
        let tcp = TcpStream::connect(place.address).await?;
        tcp.set_nodelay(true)?;
        let mut stream = place.tls.connect(place.name.clone(), tcp).await?;
        let request = format!("GET /status/events HTTP/1.1\r\nhost: {}\r\n\r\n", place.address);
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut follower = Self { stream, unread: Vec::new() };
        while !follower.events().iter().any(|event| event.contains("event: hello")) {
            if !timeout(PATIENCE, follower.read()).await? {
                let said = String::from_utf8_lossy(&follower.unread).into_owned();
                return Err(format!("no stream was opened: {said:?}").into());
            }
        }
        Ok(follower)
    }

    /// Records every change, as subscriber `number`.
    pub(crate) async fn run(mut self, number: usize, board: Arc<Board>) {
        while self.read().await {
            let changes = self.events().iter().filter(|event| event.contains("event: change")).count();
            (0..changes).for_each(|_| board.note(number));
        }
        board.lose();
    }

    async fn read(&mut self) -> bool {
        self.stream.read_buf(&mut self.unread).await.is_ok_and(|count| count > 0)
    }

    /// The events that are there whole. The sizes of HTTP's chunks stand between them and do not matter.
    fn events(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        while let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
            let event = self.unread.drain(..end + 2).collect::<Vec<_>>();
            events.push(String::from_utf8_lossy(&event).into_owned());
        }
        // Ten thousand of these wait, so that their memory must be small.
        self.unread.shrink_to_fit();
        events
    }
}
