//! Sinks that fail, tear lines, and stall.

use std::sync::{Condvar, Mutex};

use super::*;

const PATIENCE: Duration = Duration::from_secs(120);

/// A sink whose behaviour a test changes.
#[derive(Clone, Default)]
struct Sink(Arc<(Mutex<Inside>, Condvar)>);

#[derive(Default)]
struct Inside {
    taken: Vec<u8>,
    /// Bytes that it takes before it fails; `None` for all.
    room: Option<usize>,
    stalled: bool,
    /// Number of calls that end with EAGAIN.
    busy: usize,
    /// Number of calls that failed for want of room.
    refused: usize,
}

impl Sink {
    fn change(&self, change: impl FnOnce(&mut Inside)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    /// Waits until it has failed that often.
    fn refuses(&self, times: usize) {
        let inside = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(inside, |inside| inside.refused < times).unwrap());
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().taken.clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inside = self.0.1.wait_while(self.0.0.lock().unwrap(), |inside| inside.stalled).unwrap();
        if inside.busy > 0 {
            inside.busy -= 1;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let most = inside.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if most == 0 {
            inside.refused += 1;
            drop(inside);
            self.0.1.notify_all();
            return Err(io::ErrorKind::StorageFull.into());
        }
        inside.room = inside.room.map(|room| room - most);
        inside.taken.extend_from_slice(&bytes[..most]);
        Ok(most)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tells as a log would: through the queue that it reports on.
struct Told(std::sync::OnceLock<Queue>, AtomicU64);

impl Losses for Arc<Told> {
    fn count(&self, total: u64) {
        self.1.store(total, Ordering::Relaxed);
    }

    fn tell(&self, lost: u64) {
        writeln!(self.0.get().unwrap(), "lost {lost}").unwrap();
    }
}

fn queue(sink: &Sink) -> (Queue, Arc<Told>) {
    let told = Arc::new(Told(std::sync::OnceLock::new(), AtomicU64::new(0)));
    let queue = Queue::start(sink.clone(), Arc::clone(&told)).unwrap();
    assert!(told.0.set(queue.clone()).is_ok());
    (queue, told)
}

fn line(queue: &Queue, text: &str) -> bool {
    queue.send(format!("{text}\n").into_bytes());
    queue.flush(PATIENCE)
}

/// Waits until the sink has this text.
fn has(sink: &Sink, text: &str) {
    let guard = sink.0.0.lock().unwrap();
    drop(guard);
    let deadline = std::time::Instant::now() + PATIENCE;
    while sink.text() != text {
        assert!(std::time::Instant::now() < deadline, "{:?}", sink.text());
        std::thread::yield_now();
    }
}

#[test]
fn a_sink_that_recovers_gets_the_number_lost() {
    let sink = Sink::default();
    let (queue, told) = queue(&sink);
    assert!(line(&queue, "one"));
    sink.change(|inside| inside.room = Some(0));
    assert!(!line(&queue, "two") && !line(&queue, "three"));
    assert_eq!(told.1.load(Ordering::Relaxed), 2);
    sink.change(|inside| inside.room = None);
    line(&queue, "four");
    has(&sink, "one\nfour\nlost 2\n");
    line(&queue, "five");
    has(&sink, "one\nfour\nlost 2\nfive\n");
}

#[test]
fn a_report_that_fails_is_repeated() {
    let sink = Sink::default();
    let (queue, _told) = queue(&sink);
    sink.change(|inside| inside.room = Some(0));
    line(&queue, "one");
    sink.change(|inside| inside.room = Some(4));
    line(&queue, "two");
    sink.refuses(2);
    assert_eq!(sink.text(), "two\n", "the line, and not the report after it");
    sink.change(|inside| inside.room = None);
    line(&queue, "six");
    has(&sink, "two\nsix\nlost 1\n");
}

#[test]
fn a_torn_line_does_not_tear_the_next() {
    let sink = Sink::default();
    let (queue, _told) = queue(&sink);
    sink.change(|inside| inside.room = Some(2));
    line(&queue, "one");
    sink.change(|inside| inside.room = None);
    line(&queue, "two");
    has(&sink, "on\ntwo\nlost 1\n");
}

#[test]
fn a_busy_sink_gets_the_line_later() {
    let sink = Sink::default();
    sink.change(|inside| inside.busy = 3);
    assert!(line(&queue(&sink).0, "one"));
    assert_eq!(sink.text(), "one\n");
}

#[test]
fn a_stalled_sink_holds_neither_caller_nor_memory() {
    let sink = Sink::default();
    sink.change(|inside| inside.stalled = true);
    let (queue, told) = queue(&sink);
    let long = vec![b'x'; 1 << 20];
    for _ in 0..20 {
        queue.send(long.clone());
    }
    assert_eq!(told.1.load(Ordering::Relaxed), 16);
    assert!(queue.state.waiting.load(Ordering::Relaxed) <= MOST_BYTES);
    assert!(!queue.flush(Duration::from_millis(10)));
    sink.change(|inside| inside.stalled = false);
    assert!(!queue.flush(PATIENCE), "lines are lost");
    assert_eq!(queue.state.waiting.load(Ordering::Relaxed), 0);
}
