//! Errors of use cases, in families. `http/problem/` maps each family to problems.

mod account;
mod ca;
mod host;
mod keys;
mod request;
mod token;

use serde::Serialize;
use utoipa::ToSchema;

pub use self::account::AccountError;
pub use self::ca::CaError;
pub use self::host::HostError;
pub use self::keys::KeysError;
pub use self::request::RequestError;
pub use self::token::TokenError;
use super::time::ClockDoubt;
use super::vault::VaultError;
use crate::access::throttle::RateLimited;
use crate::admission::BindingError;
use crate::ca::{CsrError, IssueError};
use crate::store::StoreError;
use crate::token::{KeyError, MintError};

/// An error of one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as a path such as `roles[2]`.
    #[schema(example = "roles[2]")]
    pub field: String,
    /// The error, and the values that are accepted.
    #[schema(example = "unknown role \"root\"; the roles are: allocator, proxy")]
    pub message: String,
}

impl FieldError {
    /// An error of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// The error that parsing `field` returned.
    pub fn of(field: impl Into<String>, error: &impl std::fmt::Display) -> Self {
        Self::new(field, error.to_string())
    }
}

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
