//! A program in a process group of its own, which can be ended as a whole.

use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process_group, wait, waitid};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::HookError;

/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// Time between two looks at a group that ends.
const LOOK: Duration = Duration::from_millis(20);

/// Runs `command` for at most `limit`, and not beyond `stop`. Its output goes to standard error, which is no script's.
pub(super) async fn run(
    hook: String,
    mut command: Command,
    limit: Duration,
    stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<(), HookError> {
    command.stdin(Stdio::null()).stdout(std::io::stderr()).process_group(0);
    let _running = Running::begin();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(source) => return Err(HookError::NotStarted { hook, source }),
    };
    // Declared after the child, and dropped before it: until then nobody else can have its number.
    let group = Group::of(&child);
    let cut = tokio::select! {
        status = child.wait() => {
            group.release();
            return match status {
                Ok(status) if status.success() => Ok(()),
                Ok(status) => Err(HookError::Failed { hook, status }),
                Err(source) => Err(HookError::NotStarted { hook, source }),
            };
        }
        () = sleep(limit) => HookError::TooLong { hook, limit },
        () = stop => HookError::Stopped { hook },
    };
    group.end().await;
    Err(cut)
}

/// Number of hooks that run. The lock also keeps the start of a hook apart from [`reap_orphans`].
static RUNNING: Mutex<u32> = Mutex::new(0);

/// A hook that runs.
struct Running;

impl Running {
    fn begin() -> Self {
        *RUNNING.lock() += 1;
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *RUNNING.lock() -= 1;
        if std::process::id() == 1 {
            reap_orphans();
        }
    }
}

/// Reaps the processes that hooks left behind and that have ended. Only the first process of a container inherits them. While a
/// hook runs, nothing is reaped: its exit status belongs to its own wait, whose end comes back here.
pub fn reap_orphans() {
    let running = RUNNING.lock();
    while *running == 0 && matches!(wait(WaitOptions::NOHANG), Ok(Some(_))) {}
}

/// The group of a running child. Dropping it kills the group.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    /// Leaves the processes of a program that has ended alone.
    fn release(mut self) {
        self.0 = None;
    }

    /// Asks every process of the group to end, and kills the group once its program has ended, or after the grace.
    async fn end(self) {
        let Some(leader) = self.0 else { return };
        // A group that has ended is not there.
        let _ = kill_process_group(leader, Signal::TERM);
        let deadline = Instant::now() + GRACE;
        // NOWAIT leaves the number taken, so that the signal after it reaches no other group.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while Instant::now() < deadline
            && waitid(WaitId::Pid(leader), options).is_ok_and(|ended| ended.is_none())
        {
            sleep(LOOK).await;
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // A group that has ended is not there.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}
