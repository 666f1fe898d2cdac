//! The hook that each new certificate is owed. The debt is a comparison: the certificate in the directory with the one that
//! the hook last succeeded with. So a crash between renewal and hook loses nothing.

use std::future::Future;
use std::path::Path;

use super::record::{Attempt, HookRecord, RenewalRecord};
use crate::client::error::ClientError;
use crate::client::hook::{Hook, HookError};
use crate::client::host::load_serial;
use crate::clock::Timestamp;

/// The hook of a directory.
#[derive(Clone, Copy, Debug)]
pub struct OwedHook<'a> {
    hook: &'a Hook,
    dir: &'a Path,
}

impl<'a> OwedHook<'a> {
    /// The hook of `dir`. A hook that is new there is owed from the next certificate on: the services have started with the
    /// present one.
    ///
    /// # Errors
    /// If the identity cannot be read, or the record not be written. A renewal without the record could lose the hook.
    pub fn begin(hook: &'a Hook, dir: &'a Path) -> Result<Self, ClientError> {
        if RenewalRecord::load(dir).hook.is_none() {
            let served = Some(load_serial(dir)?);
            let first = HookRecord { served, ..HookRecord::default() };
            RenewalRecord::update(dir, |record| record.hook = Some(first))?;
        }
        Ok(Self { hook, dir })
    }

    /// Returns true if the certificate in the directory is another than the hook last succeeded with.
    pub fn is_owed(&self) -> bool {
        let served = RenewalRecord::load(self.dir).hook.and_then(|hook| hook.served);
        load_serial(self.dir).is_ok_and(|serial| served != Some(serial))
    }

    /// Runs the hook if it is owed. Returns whether it ran.
    ///
    /// # Errors
    /// As [`OwedHook::run`].
    pub async fn run_if_owed(
        &self,
        now: Timestamp,
        stop: impl Future<Output = ()>,
    ) -> Result<bool, HookError> {
        match self.is_owed() {
            true => self.run(now, stop).await.map(|()| true),
            false => Ok(false),
        }
    }

    /// Runs the hook, and records its end.
    ///
    /// # Errors
    /// The failure of the hook, which stays owed.
    pub async fn run(&self, now: Timestamp, stop: impl Future<Output = ()>) -> Result<(), HookError> {
        // Read before: a renewal during the run owes another one.
        let serial = load_serial(self.dir).ok();
        let ended = self.hook.run(stop).await;
        let noted = RenewalRecord::update(self.dir, |record| {
            let hook = record.hook.get_or_insert_default();
            hook.attempt = Attempt::of(now, &ended);
            hook.next_attempt_at = None;
            if ended.is_ok() {
                hook.served = serial;
            }
        });
        if let Err(error) = noted {
            tracing::warn!(%error, "the end of the hook was not written: it runs again");
        }
        ended
    }
}
