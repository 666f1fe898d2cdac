//! The events that a daemon reports.

use crate::client::error::ClientError;
use crate::client::hook::HookError;
use crate::client::policy_file::PolicyMark;
use crate::client::renew::Renewed;
use crate::clock::Timestamp;

/// Events of the daemon.
#[derive(Debug)]
pub enum DaemonEvent<'a> {
    /// The next renewal is at this time. The first one reports that the daemon works.
    Waiting(Timestamp),
    /// The loop goes round: at least once a nap, except during an attempt.
    Alive,
    /// A renewal succeeded.
    Renewed(&'a Renewed),
    /// A renewal failed, or the server refuses the certificate. The next attempt is at this time.
    Failed(&'a ClientError, Timestamp),
    /// The server has not seen the new certificate, which is presented again at this time.
    Unseen(&'a ClientError, Timestamp),
    /// The server has given the host another policy, which is in its file now.
    PolicyWritten(PolicyMark),
    /// The policy was not fetched or written. The next check-in tries again.
    PolicyFailed(&'a ClientError),
    /// Another command has renewed or replaced the identity.
    Replaced,
    /// The identity was read again, on request.
    Reloaded,
    /// The wall clock was set by this number of seconds.
    ClockSet(i64),
    /// The hook succeeded.
    HookDone,
    /// The hook failed, and runs again at this time.
    HookFailed(&'a HookError, Timestamp),
    /// The hook cannot run, because the directory cannot hold its state.
    HookBlocked(&'a ClientError),
}
