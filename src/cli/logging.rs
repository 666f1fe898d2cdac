//! Log lines, on standard error. A log that cannot be written neither stops nor delays its process.

mod queue;

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

pub(crate) use self::queue::Queue;
use self::queue::{Losses, Untold};
use super::error::CliError;
use crate::config::{LogConfig, LogFormat};

/// Longest wait for a sink at the end of the process.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Levels of libraries that log at the will of any client. A directive of `log.level` for the same library replaces them.
const LIBRARIES: &str = "h2=error,hyper=error,rustls=error";

/// Maximum number of characters of a panic's text, which may repeat a part of a request.
const MOST_OF_PANIC: usize = 512;

/// The queue of the process to its standard error.
static LOG: OnceLock<Queue> = OnceLock::new();

/// Starts the server's log. A second start changes nothing.
pub(crate) fn start(config: &LogConfig) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(format!("{LIBRARIES},{}", config.level))
        .map_err(|error| CliError::Usage(format!("log.level {:?} is not a filter: {error}", config.level)))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(errors()?.clone());
    // An error of the log must not be printed: a print to a closed standard error panics.
    let lines = lines.log_internal_errors(false);
    // A program that embeds this one may log already.
    let _ = match config.format {
        LogFormat::Json => lines.json().try_init(),
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).try_init(),
    };
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Shows warnings of commands that are clients.
pub(crate) fn show_warnings() {
    let lines = tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).with_writer(|| Notes);
    let lines = lines.log_internal_errors(false);
    // A program that embeds this one may log already.
    let _ = lines.without_time().with_target(false).with_ansi(false).try_init();
}

/// Standard error, by its queue if that is in use.
struct Notes;

impl Write for Notes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match queued() {
            Some(mut log) => log.write(bytes),
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The queue to standard error. From the first call, notes use it too.
pub(crate) fn errors() -> Result<&'static Queue, CliError> {
    if LOG.get().is_none() {
        let _ = LOG.set(Queue::start(copy_of(&io::stderr())?, LostLogLines)?);
    }
    LOG.get().ok_or_else(|| CliError::Output(io::ErrorKind::Other.into()))
}

/// Starts the series of lost lines, which the metrics have only once a server is open.
pub(crate) fn measure() {
    if let Some(log) = queued() {
        LostLogLines.count(log.lost());
    }
}

/// The queue to standard error, once it is in use.
pub(super) fn queued() -> Option<&'static Queue> {
    LOG.get()
}

/// A queue to standard output.
pub(crate) fn output() -> Result<Queue, CliError> {
    Ok(Queue::start(copy_of(&io::stdout())?, Untold)?)
}

/// Waits for the waiting lines before the end of the process. A pipe that nobody reads must not hold it.
pub(crate) fn finish() {
    if let Some(log) = queued() {
        log.flush(LAST_WAIT);
    }
}

/// A second descriptor of the same file. A writer that waits for its sink then holds none of the locks of std.
fn copy_of(stream: &impl AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

/// Logs a panic. The hook of std would wait for standard error in the thread that panicked.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let text = panic.payload_as_str().unwrap_or_default();
    let text = text.chars().take(MOST_OF_PANIC).collect::<String>();
    tracing::error!(place, panic = text, "a thread panicked");
    // The process ends with this thread.
    if std::thread::current().name() == Some("main") {
        finish();
    }
}

/// Lost lines of the log, in the metrics and in the log itself.
struct LostLogLines;

impl Losses for LostLogLines {
    fn count(&self, total: u64) {
        // Not `increment`: lines may be lost before the metrics are recorded.
        metrics::counter!("gatepass_log_lines_dropped_total").absolute(total);
    }

    fn tell(&self, lost: u64) {
        tracing::warn!(lost, "log lines were lost: standard error could not take them");
    }
}
