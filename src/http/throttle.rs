//! Which requests the rate limits are for: those by users and API keys.
//!
//! What anyone may have, what hosts do and redeeming are not limited here; nor is who holds the credential of the server's
//! own data directory, so that nobody can be kept from mending it.

use std::net::IpAddr;

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use super::credential::Credential;
use super::problem::Problem;
use crate::access::throttle::Throttles;
use crate::access::{Actor, Permission};
use crate::secret::Secret;

/// What a request from some address passes on its way to its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turnstile {
    address: IpAddr,
    counts: Counts,
}

/// What counts of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    Nothing,
    /// That it is refused, where many requests are rightly made.
    Refusal,
    Everything,
}

impl Turnstile {
    /// The turnstile of a request from `address` to a row with this permission.
    pub(super) fn before(
        permission: Permission,
        headers: &HeaderMap,
        address: IpAddr,
        is_local: impl Fn(&Secret<String>) -> bool,
    ) -> Self {
        let local = || matches!(Credential::of(headers), Ok(Credential::Local(secret)) if is_local(&secret));
        let counts = match permission {
            Permission::Anyone | Permission::Redeem | Permission::BeHost => Counts::Nothing,
            Permission::Introspect if !headers.contains_key(AUTHORIZATION) => Counts::Nothing,
            _ if local() => Counts::Nothing,
            Permission::Introspect => Counts::Refusal,
            _ => Counts::Everything,
        };
        Self { address, counts }
    }

    /// Before the credential is judged.
    ///
    /// # Errors
    /// 429: too many requests of this address.
    pub(super) fn enter(&self, throttles: &Throttles) -> Result<(), Problem> {
        match self.counts {
            Counts::Everything => Ok(throttles.request(self.address)?),
            Counts::Refusal | Counts::Nothing => Ok(()),
        }
    }

    /// Once it is known by whom it is; of an API key, whose it is too.
    ///
    /// # Errors
    /// 429: too many requests of this user or API key.
    pub(super) fn act(
        &self,
        throttles: &Throttles,
        actor: &Actor,
        owner: Option<&str>,
    ) -> Result<(), Problem> {
        match (self.counts, actor) {
            // Whoever is still to sign in is nobody in particular: strangers must not share a bucket.
            (Counts::Everything, Actor::User(_) | Actor::ApiKey(_)) => Ok(throttles.act(actor, owner)?),
            _ => Ok(()),
        }
    }

    /// Once it is answered. Whoever is behind the same address and holds a good credential is not kept out: passwords are
    /// guarded from guessing where they are proven, and no other secret can be guessed.
    ///
    /// # Errors
    /// 429 in the place of a 401: too many of them at this address. Who may not do something (403) has shown a good credential.
    pub(super) fn leave(&self, throttles: &Throttles, status: StatusCode) -> Result<(), Problem> {
        match status {
            StatusCode::UNAUTHORIZED if self.counts != Counts::Nothing => Ok(throttles.refuse(self.address)?),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
