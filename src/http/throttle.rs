//! Rate limits of requests by users and API keys.
//!
//! Public routes, routes of hosts and redemptions are not limited here. The local credential is not limited either, so that
//! an attack cannot keep an operator from repairing the server.

use std::net::IpAddr;

use http::StatusCode;

use super::credential::Credential;
use super::problem::Problem;
use super::tls::Peer;
use crate::access::throttle::Throttles;
use crate::access::{Actor, Permission};

/// The rate limits that a request counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestLimits {
    address: IpAddr,
    counted: CountedEvents,
}

/// The events of a request that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountedEvents {
    Nothing,
    /// Only a refusal: many requests to the route are legitimate.
    Refusal,
    Everything,
}

impl RequestLimits {
    /// The limits of a request of `peer` with this credential, to a route with this permission. `local` credentials of
    /// this server are never limited.
    pub(super) const fn of(
        permission: Permission,
        credential: &Result<Credential, Problem>,
        local: bool,
        peer: &Peer,
    ) -> Self {
        let counted = match (permission, credential) {
            (Permission::Anyone | Permission::Redeem | Permission::BeHost | Permission::Renew, _) => {
                CountedEvents::Nothing
            }
            (Permission::HostOrKey, Ok(Credential::OpaqueKey(_))) => CountedEvents::Refusal,
            (Permission::HostOrKey, _) => CountedEvents::Nothing,
            (Permission::Introspect, Ok(Credential::None)) if peer.certificate.of_service().is_some() => {
                CountedEvents::Nothing
            }
            _ if local => CountedEvents::Nothing,
            (Permission::Introspect, _) => CountedEvents::Refusal,
            _ => CountedEvents::Everything,
        };
        Self { address: peer.client, counted }
    }

    /// Counts the request by address, before its credential is checked.
    ///
    /// # Errors
    /// 429: too many requests from this address.
    pub(super) fn arrived(&self, throttles: &Throttles) -> Result<(), Problem> {
        match self.counted {
            CountedEvents::Everything => Ok(throttles.request(self.address)?),
            CountedEvents::Refusal | CountedEvents::Nothing => Ok(()),
        }
    }

    /// Counts the request by actor, and by the owner of an API key.
    ///
    /// # Errors
    /// 429: too many requests of this user or API key.
    pub(super) fn acts(
        &self,
        throttles: &Throttles,
        actor: &Actor,
        owner: Option<&str>,
    ) -> Result<(), Problem> {
        match (self.counted, actor) {
            // Callers that are not signed in yet must not share a bucket.
            (CountedEvents::Everything, Actor::User(_) | Actor::ApiKey(_)) => {
                Ok(throttles.act(actor, owner)?)
            }
            _ => Ok(()),
        }
    }

    /// Counts a refusal by address. A good credential from the same address stays accepted: passwords are guarded where they
    /// are checked, and no other secret can be guessed.
    ///
    /// # Errors
    /// 429 instead of the 401: too many refusals at this address. A 403 does not count: its credential is good.
    pub(super) fn answered(&self, throttles: &Throttles, status: StatusCode) -> Result<(), Problem> {
        match status {
            StatusCode::UNAUTHORIZED if self.counted != CountedEvents::Nothing => {
                Ok(throttles.refuse(self.address)?)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
