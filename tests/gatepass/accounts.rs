//! Users and API keys, over real TLS.

mod cli;
mod current_password;
mod demoted;
mod keys;
mod limits;
mod many;
mod once;
mod race;
mod slow_body;
mod told;
mod users;
mod who;

/// A password that is good enough.
const PASSWORD: &str = "staple battery horse correct";
const USERS: &str = "/api/v1/users";
const KEYS: &str = "/api/v1/api-keys";
const TOKENS: &str = "/api/v1/enrollment-tokens";
