//! People and their scripts: users, API keys, sessions, signing in.

pub mod api_keys;
pub mod sessions;
pub(super) mod sign_in;
pub(super) mod standing;
pub mod users;
