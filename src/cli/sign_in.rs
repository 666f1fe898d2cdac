//! Signing in with a password: the server proves its identity before the password is typed, and a mistyped password can be
//! typed again.

use super::ask;
use super::error::CliError;
use super::output::note;
use super::remote::{Remote, ServerTarget};
use crate::client::ClientError;
use crate::client::api::{Api, Credential};
use crate::id::Fingerprint;
use crate::secret::Secret;

/// Number of passwords that a prompt takes.
pub(super) const TRIES: u32 = 3;

/// Reaches the server, and shows the root that verified it.
pub(super) async fn reach(target: ServerTarget) -> Result<Api, CliError> {
    let api = Remote::open(target, Credential::None)?;
    api.get_text("/livez").await?;
    note(match api.connector().server_root() {
        Some(root) => format!("verified by the root {}", Fingerprint::of(&root)),
        None => String::from("verified by its external TLS certificate"),
    });
    Ok(api)
}

/// Signs `user` in by `act`, with the given password or with up to [`TRIES`] typed ones. `instead` is the error without a
/// terminal.
pub(super) async fn with_password<T>(
    mut api: Api,
    user: &str,
    mut given: Option<Secret<String>>,
    instead: &str,
    act: impl AsyncFn(&Api) -> Result<T, ClientError>,
) -> Result<(Api, T), CliError> {
    let mut left = if given.is_some() { 1 } else { TRIES };
    loop {
        let password = match given.take() {
            Some(password) => password,
            None => ask::prompt(&format!("password of {user}: "), instead)?,
        };
        api = api.with(Credential::Basic { user: user.to_owned(), password });
        left -= 1;
        match act(&api).await {
            Err(error) if left > 0 && error.code() == Some("unauthenticated") => {
                note(format!("the password of {user} is wrong, or there is no such user: try again"));
            }
            answer => return Ok((api, answer?)),
        }
    }
}
