//! Which cores the server and the generator run on.

use std::num::NonZeroU64;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity, set_current_timer_slack};

use crate::error::LoadError;

/// The cores of this process, dealt out. Threads and children inherit the cores of the thread that makes them.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    server: Vec<usize>,
    generator: Vec<usize>,
    pinned: bool,
}

impl Cores {
    /// Deals the cores out: `wanted` for the server, or half. One core, or `no_pin`, is shared by both.
    pub(crate) fn split(no_pin: bool, wanted: Option<usize>) -> Self {
        // The shortest timers the system has: a schedule is kept by sleeping.
        let _ = set_current_timer_slack(NonZeroU64::new(1));
        let all =
            sched_getaffinity(None).map(|set| (0..CpuSet::MAX_CPU).filter(move |core| set.is_set(*core)));
        let all = all.map(Iterator::collect::<Vec<_>>).unwrap_or_default();
        let share = wanted.unwrap_or(all.len() / 2).min(all.len().saturating_sub(1));
        if no_pin || share == 0 {
            return Self { server: all.clone(), generator: all, pinned: false };
        }
        let (server, generator) = all.split_at(share);
        let cores = Self { server: server.to_vec(), generator: generator.to_vec(), pinned: true };
        cores.pin(&cores.generator);
        cores
    }

    /// Runs `work` on the server's cores, with its threads and children.
    pub(crate) fn on_server<T>(&self, work: impl FnOnce() -> Result<T, LoadError>) -> Result<T, LoadError> {
        self.pin(&self.server);
        let done = work();
        self.pin(&self.generator);
        done
    }

    fn pin(&self, cores: &[usize]) {
        if !self.pinned {
            return;
        }
        let mut set = CpuSet::new();
        cores.iter().for_each(|core| set.set(*core));
        // Where that is forbidden the numbers are noisier, and still numbers.
        let _ = sched_setaffinity(None, &set);
    }

    /// Number of generator threads.
    pub(crate) fn generator_threads(&self) -> usize {
        self.generator.len().max(1)
    }

    /// The cores, for the report.
    pub(crate) fn describe(&self) -> String {
        match self.pinned {
            true => format!("server on {:?}, generator on {:?}", self.server, self.generator),
            false => String::from("not pinned: server and generator share the cores"),
        }
    }
}
