//! CPU time of all threads of a process.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// Linux counts `stat` in hundredths of a second, whatever the kernel's own tick (proc(5), `sysconf(_SC_CLK_TCK)`).
const TICK: Duration = Duration::from_millis(10);

/// The CPU time of a process at one moment.
#[derive(Clone, Debug)]
pub(crate) struct CpuTime {
    threads: BTreeMap<u32, Duration>,
    whole: Duration,
}

impl CpuTime {
    /// The CPU time of process `pid`; `None` without the process or /proc.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let mut threads = BTreeMap::new();
        for task in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
            // A thread may end while the directory is read.
            let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
            let spent = text.split(' ').next()?.parse().ok()?;
            threads.insert(task.file_name().to_str()?.parse().ok()?, Duration::from_nanos(spent));
        }
        Some(Self { threads, whole: whole(pid)? })
    }

    /// CPU time since `before`, to the nanosecond. If a thread has ended since, its counter is gone, and the precision is a
    /// hundredth of a second.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        if before.threads.keys().any(|thread| !self.threads.contains_key(thread)) {
            return self.whole.saturating_sub(before.whole);
        }
        let used = |(thread, now): (&u32, &Duration)| {
            now.saturating_sub(before.threads.get(thread).copied().unwrap_or_default())
        };
        self.threads.iter().map(used).sum()
    }
}

/// User and system time of a process, ended threads included (proc(5): fields 14 and 15 of `stat`).
fn whole(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; fields are counted after it.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some(TICK * (ticks()? + ticks()?))
}
