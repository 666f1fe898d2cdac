//! The hook that each new certificate, or each new policy, is owed. The debt is a comparison: the certificate in the directory,
//! or the policy in its file, with the one that the hook last succeeded with. So a crash before the hook loses nothing.

use std::future::Future;
use std::path::Path;

use super::record::{Attempt, HookRecord, RenewalRecord};
use crate::client::error::ClientError;
use crate::client::hook::{Hook, HookError};
use crate::client::host::load_serial;
use crate::client::policy_file::PolicyFile;
use crate::clock::Timestamp;

/// The files that a hook is about.
#[derive(Clone, Copy, Debug)]
pub enum Occasion<'a> {
    /// The certificate in the directory.
    Certificate,
    /// The policy in this file.
    Policy(&'a PolicyFile),
}

impl Occasion<'_> {
    /// The present content: the certificate's serial number, or policy and revision.
    fn mark(self, dir: &Path) -> Option<String> {
        match self {
            Self::Certificate => load_serial(dir).ok().map(|serial| serial.to_string()),
            Self::Policy(file) => file.held().map(|held| held.to_string()),
        }
    }

    /// The place of the hook in the record.
    pub(in crate::client) const fn slot(self, record: &mut RenewalRecord) -> &mut Option<HookRecord> {
        match self {
            Self::Certificate => &mut record.hook,
            Self::Policy(_) => &mut record.policy_hook,
        }
    }

    fn of(self, dir: &Path) -> Option<HookRecord> {
        self.slot(&mut RenewalRecord::load(dir)).take()
    }
}

/// The hook of a directory.
#[derive(Clone, Copy, Debug)]
pub struct OwedHook<'a> {
    hook: &'a Hook,
    dir: &'a Path,
    occasion: Occasion<'a>,
}

impl<'a> OwedHook<'a> {
    /// The hook of `dir`. A hook that is new there is owed from the next certificate or policy on: the services have started
    /// with the present one.
    ///
    /// # Errors
    /// If the identity cannot be read, or the record not be written. A renewal without the record could lose the hook.
    pub fn begin(hook: &'a Hook, dir: &'a Path, occasion: Occasion<'a>) -> Result<Self, ClientError> {
        if occasion.of(dir).is_none() {
            load_serial(dir)?;
            let first = HookRecord { served: occasion.mark(dir), ..HookRecord::default() };
            RenewalRecord::update(dir, |record| *occasion.slot(record) = Some(first))?;
        }
        Ok(Self { hook, dir, occasion })
    }

    /// Returns true if the present certificate or policy is another than the hook last succeeded with.
    pub fn is_owed(&self) -> bool {
        let served = self.occasion.of(self.dir).and_then(|hook| hook.served);
        let mark = self.occasion.mark(self.dir);
        mark.is_some() && served != mark
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
        // Read before: a change during the run owes another one.
        let mark = self.occasion.mark(self.dir);
        let ended = self.hook.run(stop).await;
        let noted = RenewalRecord::update(self.dir, |record| {
            let hook = self.occasion.slot(record).get_or_insert_default();
            hook.attempt = Attempt::of(now, &ended);
            hook.next_attempt_at = None;
            if ended.is_ok() {
                hook.served = mark;
            }
        });
        if let Err(error) = noted {
            tracing::warn!(%error, "the end of the hook was not written: it runs again");
        }
        ended
    }
}
