//! Errors of tokens.

use crate::admission::BindingError;
use crate::id::TokenId;
use crate::token::{MintError, VerifyError};

/// The token cannot be redeemed, changed or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is not valid. The cause is for the ledger and for tests; the response does not name it.
    #[error("the token is not valid")]
    Invalid(VerifyError),
    /// The token expired. Its signature is good.
    #[error("the token has expired: ask for a new one")]
    Expired,
    /// The only use of the token is spent.
    #[error("the token has been used: ask for a new one")]
    Used,
    /// The last of several uses of the token is spent.
    #[error("the token has no uses left: ask for a new one")]
    Exhausted,
    /// The token was revoked.
    #[error("the token was revoked: ask for a new one")]
    Revoked,
    /// The token is suspended since a restore.
    #[error(
        "the token is suspended since the server was restored from a backup: ask an administrator to release it (`gatepass token release`), then try again"
    )]
    Suspended,
    /// The token is bound to another key, name, cluster or host.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// Revoking the emergency token needs a confirmation.
    #[error(
        "this is the emergency token: confirm with confirm=emergency, in the query, or in the form where there is one (--emergency)"
    )]
    Emergency,
    /// Only an admin revokes the emergency token.
    #[error("this is the emergency token, which only an admin may revoke: sign in as one")]
    EmergencyOfAdmins,
    /// The emergency token cannot be rotated.
    #[error(
        "the emergency token cannot be rotated: retire the key that signed it (`gatepass keys rotate`, then `keys retire`); a new one is then minted into its file"
    )]
    EmergencyNotRotated,
    /// A suspended token with a use limit is released with a number of uses only.
    #[error(
        "the token has a use limit, and hosts may have used it after the backup: give the number of uses that it keeps (--uses-left), at most {left}"
    )]
    UsesLeftRequired {
        /// Number of uses that it had left in the backup.
        left: u32,
    },
    /// The token already has a successor.
    #[error("the token was rotated already: rotate its successor {successor}")]
    AlreadyRotated {
        /// The token to rotate instead.
        successor: TokenId,
    },
    /// The caller's earlier bulk mint still runs.
    #[error("a bulk mint of yours still runs: wait for its end")]
    BulkRuns,
    /// As many bulk mints run as may.
    #[error("{most} bulk mints run, which is the most at a time: wait until one has ended")]
    TooManyBulks {
        /// Maximum number of bulk mints at a time.
        most: usize,
    },
    /// The token could not be made.
    #[error(transparent)]
    Mint(#[from] MintError),
}
