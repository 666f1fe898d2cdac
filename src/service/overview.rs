//! The overview of the authority: its numbers, the room on its disk, and secrets of the first start that lie there.

mod activity;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::fs::statvfs;
use serde::Serialize;
use utoipa::ToSchema;

use self::activity::Charted;
pub use self::activity::{Activity, Acts};
use super::ServiceError;
use super::base::Base;
use super::found::FIRST_SECRETS;
use super::shared_run::SharedRun;
use crate::clock::Timestamp;
use crate::store::StoreError;

/// The use cases of the overview.
pub struct Overview {
    base: Base,
    data_dir: PathBuf,
    /// A count reads every row: one at a time.
    counting: SharedRun<Result<Arc<StateCounts>, StoreError>>,
    /// The newest count.
    counted: Mutex<Option<Counted>>,
    charted: Mutex<Charted>,
    /// The number of waiting hosts, with its minute and the number of the newest entry.
    waiting: Mutex<Option<((Timestamp, u64), u64)>>,
}

/// Maximum age of a count. Views of a page must not read every row each.
const FRESH: Duration = Duration::from_secs(1);

/// The same while nothing is committed: states change with time alone.
const UNCHANGED: Duration = Duration::from_secs(60);

/// A count reads every row. With many of them pages wait this multiple of its time for the next, so that counts take at most a
/// twentieth of a processor.
const REST: u32 = 20;

/// A count, with the uptime of the machine when it began.
struct Counted {
    at: Duration,
    took: Duration,
    /// The newest ledger entry of that moment.
    newest: u64,
    counts: Arc<StateCounts>,
}

impl Counted {
    /// Returns true if pages may show it at the uptime `now`, after the ledger entry `newest`.
    fn is_fresh(&self, now: Duration, newest: u64) -> bool {
        let age = now.saturating_sub(self.at);
        age < FRESH.max(self.took * REST) || (self.newest == newest && age < UNCHANGED)
    }
}

/// Numbers of hosts and enrollment tokens by state.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateCounts {
    /// Number of hosts in each state.
    #[schema(example = json!({"active": 120, "expiring": 3, "lapsed": 2, "quarantined": 1, "revoked": 7}))]
    pub hosts: BTreeMap<&'static str, u64>,
    /// Number of stored enrollment tokens in each state.
    #[schema(example = json!({"active": 3, "pending": 1, "used": 40}))]
    pub tokens: BTreeMap<&'static str, u64>,
    /// Number of tokens of clusters and policies that are in use and expire within 30 days.
    #[schema(example = 0)]
    pub tokens_expiring_soon: u64,
}

/// The facts of the data directory.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct DataDirectory {
    /// Files with secrets of the first start that are still there. They belong in a safe.
    #[schema(example = json!(["emergency.token"]))]
    pub first_secrets: Vec<&'static str>,
    /// Room on its disk; `null`: not known.
    #[schema(required)]
    pub disk: Option<DiskRoom>,
}

/// Free and total bytes.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct DiskRoom {
    /// Bytes that the server may still write.
    #[schema(example = 42_949_672_960_u64)]
    pub free_bytes: u64,
    /// All bytes of the disk, free or not.
    #[schema(example = 85_899_345_920_u64)]
    pub size_bytes: u64,
}

impl Overview {
    pub(super) fn new(base: Base, data_dir: PathBuf) -> Self {
        Self {
            base,
            data_dir,
            counting: SharedRun::default(),
            counted: Mutex::default(),
            charted: Mutex::default(),
            waiting: Mutex::default(),
        }
    }

    /// Counts hosts and tokens by state. Concurrent callers share a count.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn count(&self) -> Result<Arc<StateCounts>, ServiceError> {
        Ok(self.counting.share(self.count_now()).await?)
    }

    /// Returns the numbers of hosts and tokens by state for pages. They are at most a second old, unless counting takes long
    /// or nothing was committed since.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn recent_count(&self) -> Result<Arc<StateCounts>, ServiceError> {
        match self.fresh() {
            Some(counts) => Ok(counts),
            None => self.count().await,
        }
    }

    /// Returns the number of hosts that wait for approval, for every page. Each decision changes it at once, and the end of a wait
    /// within a minute.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn waiting_hosts(&self) -> Result<u64, ServiceError> {
        let (store, now) = (&self.base.store, self.base.time.now());
        let key = (now.start_of(Duration::from_secs(60)), store.newest_commit());
        let known = self.waiting.lock().filter(|(of, _)| *of == key);
        if let Some((_, hosts)) = known {
            return Ok(hosts);
        }
        let hosts = store.waiting(now).await?.count;
        *self.waiting.lock() = Some((key, hosts));
        Ok(hosts)
    }

    /// The newest count, unless it is too old.
    fn fresh(&self) -> Option<Arc<StateCounts>> {
        let (boot, newest) = (self.base.time.boot(), self.base.store.newest_commit());
        let counted = self.counted.lock();
        counted.as_ref().filter(|counted| counted.is_fresh(boot, newest)).map(|it| Arc::clone(&it.counts))
    }

    async fn count_now(&self) -> Result<Arc<StateCounts>, StoreError> {
        let (store, now, at) = (self.base.store.as_ref(), self.base.time.now(), self.base.time.boot());
        let (newest, began) = (store.newest_commit(), Instant::now());
        let (hosts, tokens) = (store.count_hosts(now).await?, store.count_tokens(now).await?);
        let hosts = hosts.into_iter().map(|(state, number)| (state.into(), number)).collect();
        let tokens = tokens.into_iter().map(|(state, number)| (state.into(), number)).collect();
        let tokens_expiring_soon = store.count_expiring_tokens(now).await?;
        let counts = Arc::new(StateCounts { hosts, tokens, tokens_expiring_soon });
        *self.counted.lock() =
            Some(Counted { at, took: began.elapsed(), newest, counts: Arc::clone(&counts) });
        Ok(counts)
    }

    /// Looks at the data directory.
    pub async fn data_directory(&self) -> DataDirectory {
        let data_dir = self.data_dir.clone();
        // A disk that hangs must not hold up other requests.
        let looked = tokio::task::spawn_blocking(move || DataDirectory::at(&data_dir));
        looked.await.unwrap_or_default()
    }
}

impl DataDirectory {
    /// Looks at this directory.
    pub fn at(data_dir: &Path) -> Self {
        let is_there = |file: &&str| data_dir.join(file).symlink_metadata().is_ok();
        let disk = statvfs(data_dir).ok().map(|disk| DiskRoom {
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            size_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
        });
        Self { first_secrets: FIRST_SECRETS.into_iter().filter(is_there).collect(), disk }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(took: Duration) -> Counted {
        let counts = StateCounts { hosts: BTreeMap::new(), tokens: BTreeMap::new(), tokens_expiring_soon: 0 };
        Counted { at: Duration::ZERO, took, newest: 7, counts: Arc::new(counts) }
    }

    #[test]
    fn a_count_is_kept_until_something_changes() {
        let quick = counted(Duration::from_millis(1));
        let second = Duration::from_secs(1);
        assert!(quick.is_fresh(second / 2, 8), "half a second later");
        assert!(!quick.is_fresh(second, 8));
        assert!(quick.is_fresh(59 * second, 7), "nothing was committed");
        assert!(!quick.is_fresh(60 * second, 7), "time alone changes states");
    }

    #[test]
    fn a_slow_count_is_kept_longer() {
        let slow = counted(Duration::from_millis(200));
        assert!(slow.is_fresh(Duration::from_millis(3999), 8));
        assert!(!slow.is_fresh(Duration::from_secs(4), 8));
    }
}
