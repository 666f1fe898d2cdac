//! The state of a store, for readiness.

use super::StoreError;

/// The faults of a store that outlast the request that met them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The reason why the newest write failed.
    pub write: Option<StoreError>,
    /// The first damage that a statement met since the start. Other statements may still succeed.
    pub damage: Option<StoreError>,
    /// The reason why the newest checkpoint failed. The data is safe in the write-ahead log.
    pub checkpoint: Option<String>,
    /// Size of the write-ahead log in MiB, while it is long.
    pub long_log: Option<u64>,
}

impl Standing {
    /// The reason why the store is not ready.
    pub fn fault(&self) -> Option<String> {
        let error = self.write.as_ref().or(self.damage.as_ref());
        error.map(ToString::to_string).or_else(|| self.checkpoint.clone())
    }

    /// A warning about a store that is ready.
    pub fn warning(&self) -> Option<String> {
        self.long_log.map(|size| {
            format!(
                "the write-ahead log has grown to {size} MiB, because a read has not ended: end the program that reads the database"
            )
        })
    }
}
