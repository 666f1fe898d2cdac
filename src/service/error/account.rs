//! Errors of users, sessions and API keys.

/// The caller is not signed in, or the account cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// No enabled user has this name and password. The error does not say which of them is wrong.
    #[error("the user name or the password is wrong")]
    Unauthenticated,
    /// The API key does not exist or no longer works. The error does not say which.
    #[error("the API key is not valid: it is unknown, it has expired, or its owner is disabled")]
    ApiKeyNotGood,
    /// The API key is suspended since a restore. Its secret is right.
    #[error(
        "the API key is suspended since the server was restored from a backup: ask an admin to release it (`gatepass api-key release`)"
    )]
    ApiKeySuspended,
    /// The session does not exist or has ended. The error does not say which.
    #[error("the session is over: sign in again (`gatepass login`)")]
    SessionOver,
    /// The caller was signed in when the request began and no longer is.
    #[error(
        "your account was disabled, changed or signed out while the request ran; the rest was not done: sign in again"
    )]
    CallerGone,
    /// The caller's rights changed between the check and the write.
    #[error("your role, limits or password changed while the request ran; the rest was not done: try again")]
    RightsChanged,
    /// A session sets a password, makes, changes or disables an admin, only with the user's current password.
    #[error(
        "a session needs your current password to set a password, and to make, change or disable an admin; to delete an \
         admin, take the role away first"
    )]
    CurrentPasswordRequired,
    /// An API key sets no password, and makes, changes and deletes no admin.
    #[error("an API key may not set a password, or make, change or delete an admin: sign in as a user")]
    NotByApiKey,
    /// The name belongs to another user.
    #[error("a user of this name exists already: choose another name")]
    UserExists,
    /// The change would leave no enabled admin without limits.
    #[error("this is the last enabled admin without limits: create another one first")]
    LastAdmin,
    /// The owner has as many API keys as one owner may have.
    #[error("a user may have at most {most} API keys: delete some first")]
    TooManyApiKeys {
        /// Maximum number of API keys of an owner.
        most: u32,
    },
    /// Too many sign-ins are being checked.
    #[error("too many sign-ins at once: try again in a second")]
    SignInBusy,
}
