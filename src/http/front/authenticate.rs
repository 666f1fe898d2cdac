//! Authentication: from the credential of a request to its caller.

use http::header::AUTHORIZATION;
use http::request::Parts;

use super::{Front, direct};
use crate::access::{Actor, Permission, SessionKind, SessionSecret};
use crate::http::call::Presented;
use crate::http::cookie;
use crate::http::credential::{self, Credential};
use crate::http::csrf::{self, Here};
use crate::http::problem::Problem;
use crate::http::route::Route;
use crate::http::tls::Peer;
use crate::secret::Secret;
use crate::service::{AccountError, Caller, SignedIn};

/// A caller and the credential that proved it.
pub(super) type Authenticated = (Caller, Presented);

/// The credential that a route with `permission` reads from the `Authorization` header. Other routes ignore that header.
pub(super) fn credential(permission: Permission, parts: &Parts) -> Result<Credential, Problem> {
    match permission {
        Permission::Anyone | Permission::BeHost => Ok(Credential::None),
        _ => Credential::of(&parts.headers),
    }
}

impl Front {
    /// The caller of a request, with the permission that its route demands. `stranger` is the caller before authentication.
    pub(super) async fn authenticate(
        &self,
        route: &Route,
        parts: &Parts,
        peer: &Peer,
        credential: Result<Credential, Problem>,
        stranger: Caller,
    ) -> Result<Authenticated, Problem> {
        let (caller, presented) = match route.permission {
            Permission::Anyone => (stranger, Presented::Nothing),
            Permission::SignIn => {
                self.check_page(parts, |here| csrf::same_origin(&parts.headers, here))?;
                (stranger, Presented::Nothing)
            }
            Permission::Redeem => token(credential?, stranger)?,
            Permission::BeHost => self.host(peer, stranger).await?,
            // A request with a credential is not asked for a certificate: a wrong credential is not made good by one.
            Permission::Introspect
                if !parts.headers.contains_key(AUTHORIZATION) && peer.certificate.is_some() =>
            {
                self.host(peer, stranger).await?
            }
            _ => self.account(parts, credential?, stranger).await?,
        };
        permitted(route, &caller)?;
        Ok((caller, presented))
    }

    /// The same caller with its rights of now. The user may have been changed or signed out since, the API key deleted.
    pub(super) async fn revalidate(&self, route: &Route, caller: Caller) -> Result<Caller, Problem> {
        let caller = self.authority.accounts.still(&caller).await?;
        permitted(route, &caller)?;
        Ok(caller)
    }

    async fn host(&self, peer: &Peer, stranger: Caller) -> Result<Authenticated, Problem> {
        let certificate = peer.certificate.as_ref().ok_or_else(|| {
            Problem::unauthenticated("present the host's certificate: `gatepass enroll` obtains one")
        })?;
        let host = self.authority.authenticator.identify(&stranger, certificate).await?;
        let actor = Actor::Host { id: host.id, serial: host.certificate.serial };
        Ok((Caller { actor, ..stranger }, Presented::Host(Box::new(host))))
    }

    async fn account(
        &self,
        parts: &Parts,
        credential: Credential,
        stranger: Caller,
    ) -> Result<Authenticated, Problem> {
        // A browser stores this credential and sends it for a page of any site.
        if credential::is_basic(&parts.headers) {
            self.check_page(parts, |here| csrf::kept_by_browser(&parts.method, &parts.headers, here))?;
        }
        let signed_in = match credential {
            Credential::Basic { user, password } => {
                self.authority.accounts.sign_in(&stranger, &user, &password).await?
            }
            Credential::Session(secret) => return self.session(&secret, SessionKind::Bearer, stranger).await,
            Credential::ApiKey(key) => {
                let address = stranger.address.ok_or_else(Problem::internal)?;
                self.authority.accounts.api_key(&key, address).await?
            }
            Credential::Local(secret) if self.is_local(&secret) => SignedIn::LOCAL,
            Credential::None => return self.cookie(parts, stranger).await,
            Credential::Local(_) => {
                let detail = "the local credential is from an earlier start of the server";
                return Err(Problem::unauthenticated(detail));
            }
            Credential::Token(_) => {
                let detail = "an enrollment token opens only /api/v1/bootstrap";
                return Err(Problem::unauthenticated(detail));
            }
        };
        Ok((as_signed_in(stranger, signed_in), Presented::Account))
    }

    /// The caller whose browser sends a session cookie. It does so for a page of any site, so the page is checked too.
    async fn cookie(&self, parts: &Parts, stranger: Caller) -> Result<Authenticated, Problem> {
        let Some(secret) = cookie::read(&parts.headers)? else {
            let detail = "sign in: with a user name and a password, a session, or an API key";
            return Err(Problem::unauthenticated(detail));
        };
        let (caller, presented) = self.session(&secret, SessionKind::Cookie, stranger).await?;
        if let Presented::Session(session) = &presented
            && let Some(expected) = &session.csrf
        {
            self.check_page(parts, |here| csrf::judge(&parts.method, &parts.headers, here, expected))?;
        }
        Ok((caller, presented))
    }

    async fn session(
        &self,
        secret: &Secret<String>,
        kind: SessionKind,
        stranger: Caller,
    ) -> Result<Authenticated, Problem> {
        let secret = SessionSecret::parse(secret.expose()).ok_or(AccountError::SessionOver)?;
        let (signed_in, session) = self.authority.accounts.resume(&secret, kind).await?;
        Ok((as_signed_in(stranger, signed_in), Presented::Session(session)))
    }

    /// Checks the page that made the request, by the addresses of this server.
    fn check_page(
        &self,
        parts: &Parts,
        check: impl FnOnce(&Here<'_>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let issuers = self.authority.trust.issuers();
        check(&Here { url: issuers.current(), host: direct::host(parts) })
    }

    /// Compares `presented` with the local credential of this start, in constant time.
    pub(super) fn is_local(&self, presented: &Secret<String>) -> bool {
        subtle::ConstantTimeEq::ct_eq(presented.expose().as_bytes(), self.local.expose().as_bytes()).into()
    }
}

fn permitted(route: &Route, caller: &Caller) -> Result<(), Problem> {
    match route.permission.allows(&caller.actor, &caller.rights) {
        true => Ok(()),
        false => Err(Problem::forbidden(route.permission, &caller.actor)),
    }
}

fn as_signed_in(stranger: Caller, signed_in: SignedIn) -> Caller {
    let SignedIn { actor, rights, basis } = signed_in;
    Caller { actor, rights, basis, ..stranger }
}

/// The token of a redemption, not verified yet. It may also be in the body.
fn token(credential: Credential, stranger: Caller) -> Result<Authenticated, Problem> {
    let presented = match credential {
        Credential::None => Presented::Nothing,
        Credential::Token(secret) => Presented::Token(secret),
        Credential::Basic { .. } | Credential::Local(_) | Credential::ApiKey(_) | Credential::Session(_) => {
            let detail = "redeeming takes an enrollment token, not the credential of a user or an API key";
            return Err(Problem::unauthenticated(detail));
        }
    };
    Ok((Caller { actor: Actor::Bearer, ..stranger }, presented))
}
