//! How a use case can fail: one closed list. What each means on the wire is said in `http::problem`, in one match.

use serde::Serialize;
use utoipa::ToSchema;

use super::time::ClockDoubt;
use super::vault::VaultError;
use crate::access::Excess;
use crate::access::throttle::RateLimited;
use crate::admission::BindingError;
use crate::ca::{CsrError, IssueError};
use crate::id::TokenId;
use crate::store::StoreError;
use crate::token::{KeyError, MintError, VerifyError};

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as a path such as `roles[2]`.
    #[schema(example = "roles[2]")]
    pub field: String,
    /// What is wrong, and what would be right.
    #[schema(example = "unknown role \"root\"; the roles are: allocator, proxy")]
    pub message: String,
}

impl FieldError {
    /// What is wrong with `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

fn beyond(excess: &[Excess]) -> String {
    let each = excess.iter().map(|excess| format!("{}: {}", excess.limit, excess.message));
    format!("this is beyond your limits: {}", each.collect::<Vec<_>>().join("; "))
}

/// Why a use case did not do what was asked. Nothing was half done, and no use was spent; of what many transactions do, such
/// as taking back many tokens together, those before the failure stay done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// Fields of the request are wrong: all of them at once.
    #[error("the request has {} wrong field(s)", .0.len())]
    InvalidRequest(Vec<FieldError>),
    /// The token is not one of ours. The cause is for the ledger and for tests; a stranger learns nothing of it.
    #[error("the token is not valid")]
    InvalidToken(VerifyError),
    /// The act goes beyond the limits of who asks for it.
    #[error("{}", beyond(.0))]
    BeyondLimits(Vec<Excess>),
    /// The token's signature is good; its time has passed.
    #[error("the token has expired: ask for a new one")]
    TokenExpired,
    /// The token's one use is spent.
    #[error("the token has been used: ask for a new one")]
    TokenUsed,
    /// The token's last of several uses is spent.
    #[error("all uses of the token are taken: ask for a new one")]
    TokenExhausted,
    /// The token was taken back.
    #[error("the token was revoked: ask for a new one")]
    TokenRevoked,
    /// The token is for another key, name, cluster or host.
    #[error(transparent)]
    BindingMismatch(#[from] BindingError),
    /// The key or certificate belongs to a revoked host.
    #[error("the host was revoked: enroll it again with a new key and a new token")]
    HostRevoked,
    /// The certificate was revoked, though its host was not.
    #[error("the certificate was revoked, as it carries a role that was taken away: enroll the host again")]
    CertificateRevoked,
    /// A superseded certificate was used after its successor.
    #[error(
        "a newer certificate of this host is in use: two machines hold one identity; revoke the host and enroll both"
    )]
    LineageConflict,
    /// The name belongs to the authority or to a live host.
    #[error("the name is taken: choose another, or revoke the host that holds it")]
    NameTaken,
    /// The certificate request cannot be signed.
    #[error(transparent)]
    CsrRejected(#[from] CsrError),
    /// There is no such thing.
    #[error("there is no {what} {id}")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Which, as it was asked for, if that is safe to repeat.
        id: String,
    },
    /// The emergency token goes only when that is confirmed.
    #[error(
        "this is the emergency token: confirm with confirm=emergency, in the query, or in the form where there is one (--emergency)"
    )]
    EmergencyToken,
    /// The emergency token has its own way to a new one.
    #[error(
        "the emergency token is not rotated: retire the key that signed it (`gatepass keys rotate`, then `keys retire`), and a new one is minted into its file"
    )]
    EmergencyNotRotated,
    /// The token has a successor already.
    #[error("the token was rotated before: {successor} takes its place; rotate that")]
    AlreadyRotated {
        /// The successor.
        successor: TokenId,
    },
    /// What is to be taken back together is not what was counted.
    #[error(
        "it is {count} by now, and not what was counted: nothing was done; count again, and bring what that answers"
    )]
    CountChanged {
        /// How many it is now.
        count: u64,
    },
    /// Live persistent tokens need the key.
    #[error("{tokens} live persistent token(s) were signed with this key and end with it: confirm to go on")]
    KeyNeeded {
        /// How many.
        tokens: u64,
    },
    /// The current and the prepared key cannot be retired, unless they are compromised.
    #[error("the key is in use: rotate the signing keys first, or retire it as compromised (--compromised)")]
    KeyInUse,
    /// Live persistent tokens name the URL.
    #[error("{tokens} live persistent token(s) were minted under this URL and end with it: confirm to go on")]
    IssuerNeeded {
        /// How many.
        tokens: u64,
    },
    /// The current external URL cannot be retired.
    #[error("this is the current external URL: start the server with another one first")]
    IssuerInUse,
    /// The root's private key is not on this machine.
    #[error(
        "the root's private key is not here: bring it back to the keys directory, or bring a new issuing CA"
    )]
    RootKeyAway,
    /// The root has expired: no issuing CA can stand under it.
    #[error("the root certificate has expired: run `gatepass ca rotate --root`")]
    RootExpired,
    /// No enabled user has this name and this password. Which of them is wrong is nobody's business.
    #[error("the user name or the password is wrong")]
    Unauthenticated,
    /// There is no such key, or it does nothing any more. Which of them is nobody's business.
    #[error("the API key is not good: there is none, it has expired, or its owner is disabled")]
    ApiKeyNotGood,
    /// The certificate is not one that a host of this authority may show now.
    #[error("the certificate is no host's of this authority, or has expired: present one that is good")]
    NoHostCertificate,
    /// Who asked was signed in, and is so no more.
    #[error(
        "whoever asked was disabled, changed or signed out meanwhile, and what was not done by then is not done: sign in again"
    )]
    CallerGone,
    /// The name belongs to another user.
    #[error("there is a user of this name already: choose another name")]
    UserExists,
    /// Nobody could do everything any more.
    #[error("this is the last enabled admin without limits: make another one first")]
    LastAdmin,
    /// The owner, or nobody, has as many API keys as one may have.
    #[error("{most} API keys is as many as one user may have: delete some first")]
    TooManyApiKeys {
        /// How many that is.
        most: u32,
    },
    /// The session is none, or none any more. Why is nobody's business who has no other credential.
    #[error("the session is over: sign in again (`gatepass login`)")]
    SessionOver,
    /// The host has renewed many times within the hour.
    #[error("the host has got too many certificates within an hour: renew again in an hour")]
    RenewedTooOften,
    /// A rate limit is reached.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// Too many sign-ins are being checked.
    #[error("too many sign-ins at once: try again in a second")]
    SignInBusy,
    /// The clock is in doubt.
    #[error(transparent)]
    ClockInDoubt(#[from] ClockDoubt),
    /// Between the judging and the writing the caller's rights changed: they are to be judged again.
    #[error(
        "your role, your limits or your password changed while this was under way, and what was not done by then is not done: ask again"
    )]
    RightsChanged,
    /// The store did not do it.
    #[error(transparent)]
    Store(StoreError),
    /// A key file could not be written or read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A signing key's file is not what it should be.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The token could not be made.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The certificate could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::ActorGone => Self::CallerGone,
            StoreError::RightsChanged => Self::RightsChanged,
            error => Self::Store(error),
        }
    }
}
