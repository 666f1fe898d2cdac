//! The caller of a use case.

use std::net::IpAddr;

use super::RequestError;
use crate::access::limits::Most;
use crate::access::{Act, Actor, Rights};
use crate::clock::Timestamp;
use crate::id::RequestId;
use crate::ledger::{Action, Basis, Draft};
use crate::span::Spans;

/// Who calls, from where, in which request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// What they may do.
    pub rights: Rights,
    /// What their rights were read from, if they can be taken away.
    pub basis: Option<Basis>,
    /// From where, if over the network.
    pub address: Option<IpAddr>,
    /// In which request, if in one.
    pub request: Option<RequestId>,
}

impl Caller {
    /// Gatepass itself.
    pub const SYSTEM: Self =
        Self { actor: Actor::System, rights: Rights::ALL, basis: None, address: None, request: None };

    /// Whoever sends a request and has not been judged yet.
    pub const fn stranger(address: IpAddr, request: RequestId) -> Self {
        Self {
            actor: Actor::Anyone,
            rights: Rights::NONE,
            basis: None,
            address: Some(address),
            request: Some(request),
        }
    }

    /// Whether this caller may go as far as `act` does (I5): every use case that leads to roles, lifetimes or rights asks.
    ///
    /// # Errors
    /// [`RequestError::BeyondLimits`] with every limit that it goes beyond.
    pub fn may(&self, act: Act<'_>) -> Result<(), RequestError> {
        self.rights.judge(act).map_err(RequestError::BeyondLimits)
    }

    /// `spans` for what this caller mints: a token that always expires, and for which no life is asked, gets none beyond the caller's
    /// limits. A life that is asked for is judged as it stands.
    pub fn defaults(&self, spans: Spans) -> Spans {
        match self.rights.limits.max_ttl {
            Most::Any => spans,
            Most::UpTo(most) => Spans { default_ttl: spans.default_ttl.min(most), ..spans },
        }
    }

    /// The beginning of a ledger entry of something this caller did at `at`. The store writes it, and what it is about, only if the
    /// caller's rights are still those that were read.
    pub fn did(&self, action: Action, at: Timestamp) -> Draft {
        let draft = self.placed(Draft::done(action, at, self.actor.to_string()));
        Draft { basis: self.basis.clone(), ..draft }
    }

    /// The beginning of a ledger entry of something this caller was refused at `at`, for `reason`.
    pub fn was_refused(&self, action: Action, at: Timestamp, reason: &str) -> Draft {
        self.placed(Draft::refused(action, at, self.actor.to_string(), reason))
    }

    fn placed(&self, draft: Draft) -> Draft {
        Draft { address: self.address, request: self.request, ..draft }
    }
}
