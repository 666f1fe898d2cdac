//! Lines for a sink that may be slow, full or gone: a bounded queue to a thread that writes.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Maximum size of all waiting lines in bytes. Further lines are lost.
const MOST_BYTES: usize = 4 << 20;

/// Pause before the next try if a sink without blocking can take nothing.
const PAUSE: Duration = Duration::from_millis(10);

/// Reports lost lines.
pub(super) trait Losses: Send + Sync + 'static {
    /// Counts the lost lines: `total` since the start.
    fn count(&self, total: u64);
    /// Logs that `lost` lines were lost before.
    fn tell(&self, lost: u64);
}

/// No reports: [`Queue::flush`] tells whether a line was lost.
pub(super) struct Untold;

impl Losses for Untold {
    fn count(&self, _total: u64) {}
    fn tell(&self, _lost: u64) {}
}

/// The sending end. Sending neither waits nor fails.
#[derive(Clone)]
pub(crate) struct Queue {
    items: Sender<QueueItem>,
    state: Arc<QueueState>,
}

enum QueueItem {
    Line(Vec<u8>),
    /// Asks whether every line before it was written.
    Flush(Sender<bool>),
}

struct QueueState {
    /// The size of the waiting lines in bytes.
    waiting: AtomicUsize,
    lost: AtomicU64,
    losses: Box<dyn Losses>,
}

thread_local! {
    /// The line that the writing thread logs itself. It goes to the sink and not into the queue.
    static OWN_LINE: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

impl Queue {
    /// Starts the thread that writes to `sink`.
    pub(super) fn start(sink: impl Write + Send + 'static, losses: impl Losses) -> io::Result<Self> {
        let (items, received) = mpsc::channel();
        let losses = Box::new(losses);
        let state = Arc::new(QueueState { waiting: AtomicUsize::new(0), lost: AtomicU64::new(0), losses });
        let writer = QueueWriter { sink, state: Arc::clone(&state), told: 0, torn: false };
        std::thread::Builder::new().name("log-writer".to_owned()).spawn(move || writer.run(&received))?;
        Ok(Self { items, state })
    }

    /// Queues a line, which ends with a line break.
    pub(crate) fn send(&self, line: Vec<u8>) {
        let size = line.len();
        if self.state.waiting.fetch_add(size, Ordering::Relaxed) + size > MOST_BYTES {
            self.state.waiting.fetch_sub(size, Ordering::Relaxed);
            self.state.lose();
        } else if self.items.send(QueueItem::Line(line)).is_err() {
            self.state.lose();
        }
    }

    /// Queues a line of text.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        self.send(format!("{}\n", text.as_ref()).into_bytes());
    }

    /// The number of lines that were lost since the start.
    pub(super) fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::Relaxed)
    }

    /// Waits at most `patience` for the writing of the waiting lines. Returns true if no line has been lost.
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        let (done, written) = mpsc::channel();
        self.items.send(QueueItem::Flush(done)).is_ok() && written.recv_timeout(patience).unwrap_or(false)
    }
}

impl QueueState {
    fn lose(&self) {
        let before = self.lost.fetch_add(1, Ordering::Relaxed);
        self.losses.count(before + 1);
    }
}

impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let own = OWN_LINE.with_borrow_mut(|own| own.as_mut().map(|own| own.extend_from_slice(line)));
        if own.is_none() {
            self.send(line.to_vec());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// The writing thread's state.
struct QueueWriter<S> {
    sink: S,
    state: Arc<QueueState>,
    /// The number of lost lines that the log tells already.
    told: u64,
    /// True if the sink has a part of a line.
    torn: bool,
}

impl<S: Write> QueueWriter<S> {
    fn run(mut self, items: &Receiver<QueueItem>) {
        let mut works = false;
        loop {
            let item = match items.try_recv() {
                Ok(item) => item,
                // The queue is empty, and the sink took the last line: time to tell the losses before it.
                Err(_) => {
                    if works {
                        works = self.tell();
                    }
                    let Ok(item) = items.recv() else { return };
                    item
                }
            };
            match item {
                QueueItem::Line(line) => {
                    works = self.write(&line);
                    self.state.waiting.fetch_sub(line.len(), Ordering::Relaxed);
                    if !works {
                        self.state.lose();
                    }
                }
                // A caller that waits no longer needs no answer.
                QueueItem::Flush(done) => drop(done.send(self.state.lost.load(Ordering::Relaxed) == 0)),
            }
        }
    }

    /// Logs the number of lines that were lost since the last such line. Returns whether the sink still takes lines.
    fn tell(&mut self) -> bool {
        let lost = self.state.lost.load(Ordering::Relaxed);
        if lost == self.told {
            return true;
        }
        OWN_LINE.set(Some(Vec::new()));
        self.state.losses.tell(lost - self.told);
        let line = OWN_LINE.take().unwrap_or_default();
        let works = self.write(&line);
        if works {
            self.told = lost;
        }
        works
    }

    /// Writes a line. Returns false if the sink does not take all of it.
    fn write(&mut self, line: &[u8]) -> bool {
        let begin: &[u8] = if self.torn { b"\n" } else { b"" };
        for part in [begin, line] {
            let mut rest = part;
            while !rest.is_empty() {
                match self.sink.write(rest) {
                    Ok(0) => return false,
                    Ok(taken) => {
                        rest = rest.get(taken..).unwrap_or_default();
                        self.torn = !rest.is_empty();
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
                    Err(_) => return false,
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
