//! Errors that time can mend, and the pause before the next try.

use std::time::Duration;

use super::ClientError;
use crate::clock::Timestamp;
use crate::connect::ConnectError;

impl ClientError {
    /// Returns true if a retry can help: the network or a busy server, not a refusal.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Pending { .. } | Self::Waiting { .. } | Self::Busy { .. } => true,
            // A full disk passes; a missing file does not come back.
            Self::File { source, .. } => source.kind() != std::io::ErrorKind::NotFound,
            Self::NotGatepass { .. } | Self::NoServer(_) => true,
            Self::Refused(problem) => problem.is_transient(),
            Self::Answer { .. }
            | Self::Token(_)
            | Self::TokenExpired { .. }
            | Self::UnpinnedServer { .. }
            | Self::NoAddress
            | Self::UnknownServer { .. }
            | Self::OtherRoot { .. }
            | Self::NoTrust
            | Self::NoCertificate { .. }
            | Self::LiveIdentity { .. }
            | Self::OtherKey(_)
            | Self::NoOpaqueKey { .. }
            | Self::NotEnrolled { .. }
            | Self::Expired { .. }
            | Self::Held { .. }
            | Self::ShutOut { .. }
            | Self::Exposed { .. }
            | Self::Ownership(_)
            | Self::Damaged { .. }
            | Self::OtherDaemon { .. }
            | Self::Crls(_)
            | Self::CrlFile { .. }
            | Self::Credential
            | Self::Key { .. } => false,
        }
    }

    /// Returns true if the same command can succeed later without a change on this machine.
    pub fn is_later(&self) -> bool {
        match self {
            Self::Connect(error) => error.is_of_address(),
            Self::File { .. } => false,
            other => other.is_transient(),
        }
    }

    /// Returns true if another address of the authority may answer instead.
    pub(in crate::client) fn is_of_address(&self) -> bool {
        match self {
            Self::Connect(error) => error.is_of_address(),
            Self::NotGatepass { .. } | Self::NoServer(_) => true,
            _ => false,
        }
    }

    /// The pause that the server asks for before a retry, of an answer that arrived at `now`.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        match self {
            Self::Refused(problem) => problem.retry_after.map(|retry| retry.pause(now)),
            Self::NotGatepass { retry_after, .. } => retry_after.map(|retry| retry.pause(now)),
            Self::Pending { seconds } | Self::Waiting { seconds, .. } => Some(Duration::from_secs(*seconds)),
            Self::NoServer(failures) => failures.iter().filter_map(|failure| failure.retry_after(now)).max(),
            _ => None,
        }
    }

    /// Returns true if a wrong clock of this machine can be the cause.
    pub fn is_of_clock(&self) -> bool {
        match self {
            Self::Expired { .. } => true,
            Self::Connect(error) => {
                matches!(error, ConnectError::Expired { .. } | ConnectError::NotYetValid { .. })
            }
            Self::NoServer(failures) => failures.iter().any(Self::is_of_clock),
            _ => false,
        }
    }
}
