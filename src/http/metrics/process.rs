//! The metrics of the process, under the names that Prometheus gives them. Linux has most of them under `/proc`.

use std::fs;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Measures the process. Where a file of `/proc` is missing, its metrics are.
pub(super) fn measure() {
    let spent = clock_gettime(ClockId::ProcessCPUTime).tv_sec;
    metrics::counter!("process_cpu_seconds_total").absolute(u64::try_from(spent).unwrap_or(0));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(threads) = number(&status, "Threads:") {
        metrics::gauge!("process_threads").set(threads as f64);
    }
    if let Some(kib) = number(&status, "VmRSS:") {
        metrics::gauge!("process_resident_memory_bytes").set((kib * 1024) as f64);
    }
    if let Some(kib) = number(&status, "VmSize:") {
        metrics::gauge!("process_virtual_memory_bytes").set((kib * 1024) as f64);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        metrics::gauge!("process_open_fds").set(open.count() as f64);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        metrics::gauge!("process_max_fds").set(most as f64);
    }
}

/// The number in the line `name` of `/proc/self/status`, see proc_pid_status(5).
fn number(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_without_their_unit() {
        let status = "Name:\tgatepass\nVmSize:\t  123456 kB\nThreads:\t9\n";
        assert_eq!(number(status, "VmSize:"), Some(123_456));
        assert_eq!(number(status, "Threads:"), Some(9));
        assert_eq!(number(status, "VmRSS:"), None);
    }
}
