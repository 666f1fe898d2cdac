//! Errors of use cases, in families. `http/problem/` maps each family to problems.

mod account;
mod ca;
mod host;
mod keys;
mod request;
mod token;

pub use self::account::AccountError;
pub use self::ca::{CaError, IMPORT_NEWER};
pub use self::host::HostError;
pub use self::keys::KeysError;
pub use self::request::RequestError;
pub use self::token::TokenError;
use super::backups::BackupRefusal;
use super::time::ClockDoubt;
use super::vault::VaultError;
use crate::access::throttle::RateLimited;
use crate::admission::BindingError;
use crate::backup::BackupError;
use crate::ca::{CsrError, IssueError};
use crate::store::{CopyError, StoreError};
use crate::token::{KeyError, MintError};
pub use crate::wire::FieldError;

/// Any failure of a use case. The failed transaction changed nothing and spent no use. An operation of several transactions,
/// such as a bulk revocation, keeps those before the failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The request itself is wrong.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// An operation on a token failed.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A host or its certificate is refused.
    #[error(transparent)]
    Host(#[from] HostError),
    /// An operation on a user, session or API key failed.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The certificate authority cannot do it.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// An operation on a signing key, an external URL or a key file failed.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A backup was not made.
    #[error(transparent)]
    Backup(#[from] BackupRefusal),
    /// The caller reached a limit.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// The clock is in doubt.
    #[error(transparent)]
    Clock(#[from] ClockDoubt),
    /// The store could not read or write.
    #[error(transparent)]
    Store(StoreError),
}

/// Lets `?` lift a cause into its family.
macro_rules! lifted {
    ($($cause:ty => $family:ident;)*) => {
        $(impl From<$cause> for ServiceError {
            fn from(cause: $cause) -> Self {
                Self::$family(cause.into())
            }
        })*
    };
}

lifted! {
    BindingError => Token;
    MintError => Token;
    CsrError => Ca;
    IssueError => Ca;
    VaultError => Keys;
    KeyError => Keys;
    CopyError => Backup;
    BackupError => Backup;
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::ActorGone => AccountError::CallerGone.into(),
            StoreError::RightsChanged => AccountError::RightsChanged.into(),
            error => Self::Store(error),
        }
    }
}
