//! The caller of a use case.

use std::net::IpAddr;

use super::RequestError;
use crate::access::limits::Most;
use crate::access::{Act, Actor, Permission, Rights};
use crate::clock::Timestamp;
use crate::id::{RequestId, SessionId};
use crate::ledger::{Action, Basis, Draft, Origin};
use crate::span::Spans;
use crate::store::{MintRecord, UserRecord};

/// The caller: actor, rights, address and request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// User, API key, host or token that calls.
    pub actor: Actor,
    /// The actor's rights.
    pub rights: Rights,
    /// The database record the rights were read from; `None` if they cannot be taken away.
    pub basis: Option<Basis>,
    /// The client's address, for a call over the network.
    pub address: Option<IpAddr>,
    /// The request's id, for a call in a request.
    pub request: Option<RequestId>,
}

impl Caller {
    /// Gatepass itself.
    pub const SYSTEM: Self =
        Self { actor: Actor::System, rights: Rights::ALL, basis: None, address: None, request: None };

    /// The same request by a client that can read the data directory of the running server.
    #[must_use]
    pub fn by_local(self) -> Self {
        Self { actor: Actor::Local, rights: Rights::ALL, basis: None, ..self }
    }

    /// The same request by `user`; `None` if the user is disabled. `session` is the one that proved the user.
    pub(super) fn by_user(&self, user: UserRecord, session: Option<SessionId>) -> Option<Self> {
        let UserRecord { name, role, limits, epoch, version, disabled_at, .. } = user;
        let basis = Some(Basis::User { name: name.clone(), epoch, version, session });
        let (actor, rights) = (Actor::User(name), Rights::of_role(role, limits));
        disabled_at.is_none().then(|| Self { actor, rights, basis, ..self.clone() })
    }

    /// The unauthenticated sender of a request.
    pub const fn stranger(address: IpAddr, request: RequestId) -> Self {
        Self {
            actor: Actor::Anyone,
            rights: Rights::NONE,
            basis: None,
            address: Some(address),
            request: Some(request),
        }
    }

    /// Checks `act` against the caller's limits (I5). Every use case that grants roles, lifetimes or rights calls it.
    ///
    /// # Errors
    /// [`RequestError::BeyondLimits`] with every exceeded limit.
    pub fn may(&self, act: Act<'_>) -> Result<(), RequestError> {
        self.rights.judge(act).map_err(RequestError::BeyondLimits)
    }

    /// Returns true if the caller, or the owner of the caller's API key, minted the token.
    pub(super) fn has_minted(&self, token: &MintRecord) -> bool {
        self.is_or_acts_for(&token.minter)
    }

    /// Returns true if `maker`, as the ledger names it, is the caller or the owner of the caller's API key.
    pub(super) fn is_or_acts_for(&self, maker: &str) -> bool {
        let owner = match &self.basis {
            Some(Basis::ApiKey { owner: Some((name, _)), .. }) => Some(Actor::User(name.clone())),
            _ => None,
        };
        [Some(&self.actor), owner.as_ref()].into_iter().flatten().any(|actor| actor.to_string() == maker)
    }

    /// Returns true if the caller is an admin, or uses a key with that scope.
    pub(super) const fn is_admin(&self) -> bool {
        self.rights.permissions.contain(Permission::Administer)
    }

    /// Returns `spans` with a default life within the caller's limits. A requested life is checked as it is.
    pub fn defaults(&self, spans: Spans) -> Spans {
        match self.rights.limits.max_ttl {
            Most::Any => spans,
            Most::UpTo(most) => Spans { default_ttl: spans.default_ttl.min(most), ..spans },
        }
    }

    /// Starts a ledger entry for an action of this caller at `at`. The store writes it, with its change, only if the caller's
    /// rights have not changed.
    pub fn did(&self, action: Action, at: Timestamp) -> Draft {
        let draft = self.placed(Draft::done(action, at, self.actor.to_string()));
        Draft { basis: self.basis.clone(), ..draft }
    }

    /// Starts a ledger entry for an action that this caller was refused at `at`, for `reason`.
    pub fn was_refused(&self, action: Action, at: Timestamp, reason: &str) -> Draft {
        self.placed(Draft::refused(action, at, self.actor.to_string(), reason))
    }

    fn placed(&self, draft: Draft) -> Draft {
        let origin = Origin { address: self.address, request: self.request, ..draft.origin };
        Draft { origin, ..draft }
    }
}
