//! Who calls: the credential that a row asks for, judged.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::request::Parts;

use super::Front;
use crate::access::{Actor, Permission, Rights};
use crate::http::credential::Credential;
use crate::http::problem::Problem;
use crate::http::route::Route;
use crate::http::tls::Peer;
use crate::id::RequestId;
use crate::ledger::Basis;
use crate::secret::Secret;
use crate::service::accounts::sessions::LiveSession;
use crate::service::{Caller, HostCaller, SignedIn};

/// Who calls, once their credential has been checked.
pub(super) struct Judged {
    pub(super) actor: Actor,
    pub(super) rights: Rights,
    pub(super) basis: Option<Basis>,
    pub(super) host: Option<Arc<HostCaller>>,
    pub(super) bearer: Option<Arc<Secret<String>>>,
    pub(super) session: Option<Arc<LiveSession>>,
}

impl Front {
    async fn judge(
        &self,
        route: &Route,
        parts: &Parts,
        peer: &Peer,
        id: RequestId,
    ) -> Result<Judged, Problem> {
        match route.permission {
            Permission::Anyone => Ok(Judged::without_rights(Actor::Anyone)),
            Permission::SignIn => self.page_that_signs_in(parts),
            Permission::Redeem => bearer(&parts.headers),
            Permission::BeHost => self.host(peer, id).await,
            // Who signs in is not asked for a certificate, and a wrong sign-in is not made good by one.
            Permission::Introspect
                if !parts.headers.contains_key(AUTHORIZATION) && peer.certificate.is_some() =>
            {
                self.host(peer, id).await
            }
            _ => self.user(parts, peer, id).await,
        }
    }

    /// The caller, if the row's permission is theirs.
    pub(super) async fn admit(
        &self,
        route: &Route,
        parts: &Parts,
        peer: &Peer,
        id: RequestId,
    ) -> Result<Judged, Problem> {
        self.judge(route, parts, peer, id).await?.permitted(route)
    }

    /// The same caller after a wait: a role may have been taken away meanwhile, a user disabled or given another password, a key
    /// deleted, a session signed out.
    pub(super) async fn admit_again(
        &self,
        route: &Route,
        parts: &Parts,
        peer: &Peer,
        id: RequestId,
        judged: Judged,
    ) -> Result<Judged, Problem> {
        let judged = match (&judged.actor, &judged.session) {
            (Actor::User(_), Some(_)) => self.user(parts, peer, id).await?,
            (Actor::User(_) | Actor::ApiKey(_), _) => {
                let stranger = Caller::stranger(peer.client, id);
                let Judged { actor, rights, basis, .. } = judged;
                let caller = Caller { actor, rights, basis, ..stranger };
                let Caller { actor, rights, basis, .. } = self.authority.accounts.still(&caller).await?;
                Judged { actor, rights, basis, ..judged }
            }
            _ => judged,
        };
        judged.permitted(route)
    }

    async fn host(&self, peer: &Peer, id: RequestId) -> Result<Judged, Problem> {
        let certificate = peer.certificate.as_ref().ok_or_else(|| {
            Problem::unauthenticated("present the host's certificate: `gatepass enroll` obtains one")
        })?;
        let host =
            self.authority.authenticator.identify(&Caller::stranger(peer.client, id), certificate).await?;
        let actor = Actor::Host { id: host.id, serial: host.certificate.serial };
        Ok(Judged { host: Some(Arc::new(host)), ..Judged::without_rights(actor) })
    }

    async fn user(&self, parts: &Parts, peer: &Peer, id: RequestId) -> Result<Judged, Problem> {
        self.page_that_acts(parts)?;
        let SignedIn { actor, rights, basis } = match Credential::of(&parts.headers)? {
            Credential::Basic { user, password } => {
                self.authority.accounts.sign_in(&Caller::stranger(peer.client, id), &user, &password).await?
            }
            Credential::Session(secret) => return self.bearer_session(&secret).await,
            Credential::ApiKey(key) => self.authority.accounts.api_key(&key, peer.client).await?,
            Credential::Local(secret) if self.is_local(&secret) => SignedIn::LOCAL,
            Credential::None => return self.cookie_session(parts).await,
            Credential::Local(_) => {
                return Err(Problem::unauthenticated(
                    "this local credential is of an earlier start of the server",
                ));
            }
            Credential::Token(_) => {
                return Err(Problem::unauthenticated(
                    "an enrollment token opens no route but /api/v1/bootstrap",
                ));
            }
        };
        Ok(Judged { actor, rights, basis, ..Judged::without_rights(Actor::Anyone) })
    }
}

impl Judged {
    fn permitted(self, route: &Route) -> Result<Self, Problem> {
        match route.permission.allows(&self.actor, &self.rights) {
            true => Ok(self),
            false => Err(Problem::forbidden(route.permission, &self.actor)),
        }
    }

    /// Whose API key it is, if it is one that somebody owns.
    pub(super) fn owner(&self) -> Option<&str> {
        match &self.basis {
            Some(Basis::ApiKey { owner: Some((owner, _)), .. }) => Some(owner),
            _ => None,
        }
    }

    pub(super) const fn without_rights(actor: Actor) -> Self {
        Self { actor, rights: Rights::NONE, basis: None, host: None, bearer: None, session: None }
    }
}

/// The token of a redemption, nothing of it believed. It may also stand in the body.
fn bearer(headers: &http::HeaderMap) -> Result<Judged, Problem> {
    let bearer = match Credential::of(headers)? {
        Credential::None => None,
        Credential::Token(secret) => Some(Arc::new(secret)),
        Credential::Basic { .. } | Credential::Local(_) | Credential::ApiKey(_) | Credential::Session(_) => {
            return Err(Problem::unauthenticated(
                "redeeming takes an enrollment token, not a user's credential or an API key",
            ));
        }
    };
    Ok(Judged { bearer, ..Judged::without_rights(Actor::Bearer) })
}
