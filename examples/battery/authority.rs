//! A running server, which the battery may kill.

use std::net::SocketAddr;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::Fault;
use crate::caller::{Answer, Caller};
use crate::child::listening;
use crate::site::Site;

/// Longer than a start or an end takes, even under strace.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(3);

/// A server that answers. Dropping it kills it.
pub(crate) struct Authority {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) caller: Arc<Caller>,
}

/// The result of a start.
pub(crate) enum Started {
    /// It answers.
    Runs(Authority),
    /// It ended or hung: its exit code in words, and the end of its log.
    Ended(String),
}

impl Authority {
    /// Waits until the server answers, or ends.
    pub(crate) async fn wait_for(mut child: Child, site: &Site) -> Result<Started, Fault> {
        let lines = listening(child.stdout.take().ok_or("the server has no output")?);
        let deadline = Instant::now() + PATIENCE;
        let mut found = None;
        while Instant::now() < deadline {
            if found.is_none()
                && let Some(address) = url(&lines)
            {
                found = Some((address, Arc::new(Caller::new(address, &site.data, &site.password)?)));
            }
            if let Some((address, caller)) = &found
                && matches!(caller.get_public("/livez").await, Answer::Done(_))
            {
                return Ok(Started::Runs(Self { child, address: *address, caller: Arc::clone(caller) }));
            }
            if let Some(status) = child.try_wait()? {
                return Ok(Started::Ended(format!("{}: {}", described(status), site.end_of_log())));
            }
            sleep(PAUSE).await;
        }
        let _ = child.kill();
        let _ = child.wait();
        Ok(Started::Ended(format!("no answer within {} s: {}", PATIENCE.as_secs(), site.end_of_log())))
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL. Returns the exit code, if it had ended before.
    pub(crate) fn kill(mut self) -> Result<Option<String>, Fault> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(Some(described(status)));
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(None)
    }

    /// SIGTERM, as an operator stops it. Returns its exit code.
    pub(crate) async fn stop(self) -> Result<String, Fault> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.end().await
    }

    /// Waits for the end of a server that is about to end. Returns its exit code, and kills it if it stays.
    pub(crate) async fn end(mut self) -> Result<String, Fault> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(described(status));
            }
            sleep(PAUSE).await;
        }
        Ok(format!("no end within {} s", PATIENCE.as_secs()))
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        // A server that has ended already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the line of a server that listens: `URL (ADDRESS)`.
fn url(lines: &Receiver<String>) -> Option<SocketAddr> {
    match lines.try_recv() {
        Ok(line) => line.split_once('(')?.1.split_once(')')?.0.parse().ok(),
        Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
    }
}

fn described(status: ExitStatus) -> String {
    status.code().map_or_else(|| status.to_string(), |code| format!("exit {code}"))
}
