//! Errors of users, sessions and API keys.

/// The caller is not signed in, or the account cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// No enabled user has this name and password. The error does not say which of them is wrong.
    #[error("the user name or the password is wrong")]
    Unauthenticated,
    /// The API key does not exist or no longer works. The error does not say which.
    #[error("the API key is not good: there is none, it has expired, or its owner is disabled")]
    ApiKeyNotGood,
    /// The session does not exist or has ended. The error does not say which.
    #[error("the session is over: sign in again (`gatepass login`)")]
    SessionOver,
    /// The caller was signed in when the request began and no longer is.
    #[error(
        "whoever asked was disabled, changed or signed out meanwhile, and what was not done by then is not done: sign in again"
    )]
    CallerGone,
    /// The caller's rights changed between the check and the write.
    #[error(
        "your role, your limits or your password changed while this was under way, and what was not done by then is not done: ask again"
    )]
    RightsChanged,
    /// The name belongs to another user.
    #[error("there is a user of this name already: choose another name")]
    UserExists,
    /// The change would leave no enabled admin without limits.
    #[error("this is the last enabled admin without limits: make another one first")]
    LastAdmin,
    /// The owner has as many API keys as one owner may have.
    #[error("{most} API keys is as many as one user may have: delete some first")]
    TooManyApiKeys {
        /// Maximum number of API keys of an owner.
        most: u32,
    },
    /// Too many sign-ins are being checked.
    #[error("too many sign-ins at once: try again in a second")]
    SignInBusy,
}
