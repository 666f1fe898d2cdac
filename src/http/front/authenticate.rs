//! Authentication: from the credential of a request to its caller.

use http::request::Parts;

use super::Front;
use crate::access::session::CsrfToken;
use crate::access::{Actor, Permission, SessionKind, SessionSecret};
use crate::http::api::bootstrap;
use crate::http::call::Presented;
use crate::http::cookie;
use crate::http::credential::{self, Credential};
use crate::http::csrf::{self, Here};
use crate::http::form::Form;
use crate::http::forwarded::ShownCertificate;
use crate::http::head::Head;
use crate::http::problem::Problem;
use crate::http::route::Route;
use crate::http::tls::Peer;
use crate::secret::Secret;
use crate::service::{AccountError, Caller};

/// The refusal of a proxy's certificate.
const FORWARDED: &str = "a header says that a proxy forwards this request, so the certificate of the connection does not count: \
                         connect to the server directly";

/// A caller and the credential that proved it.
pub(super) type ProvenCaller = (Caller, Presented);

/// The credential that the route reads from the `Authorization` header. Other routes ignore that header.
pub(super) fn credential(route: &Route, parts: &Parts) -> Result<Credential, Problem> {
    match route.permission {
        Permission::Anyone | Permission::BeHost | Permission::Renew => Ok(Credential::None),
        _ if route.dialect.page.is_some() => Ok(Credential::None),
        Permission::HostOrKey => match Credential::of(&parts.headers) {
            Ok(key @ Credential::OpaqueKey(_)) => Ok(key),
            _ => Ok(Credential::None),
        },
        _ if route.dialect.oauth_clients => Credential::of(&parts.headers).map(Credential::of_client),
        _ => Credential::of(&parts.headers),
    }
}

impl Front {
    /// The caller of a request. `stranger` is the caller before authentication.
    pub(super) async fn authenticate(
        &self,
        route: &Route,
        head: &Head,
        credential: Result<Credential, Problem>,
        stranger: Caller,
    ) -> Result<ProvenCaller, Problem> {
        match route.permission {
            Permission::Anyone => Ok((stranger, Presented::Nothing)),
            Permission::SignIn => {
                self.check_page(route, head, None)?;
                Ok((stranger, Presented::Nothing))
            }
            Permission::Redeem => self.token(credential?, stranger).await,
            Permission::BeHost | Permission::Renew => self.host(&head.peer, stranger, route.permission).await,
            // A wrong key is not made good by a certificate.
            Permission::HostOrKey => match credential? {
                Credential::OpaqueKey(key) => self.host_by_key(&key, stranger).await,
                _ => self.host(&head.peer, stranger, route.permission).await,
            },
            // A request with a credential is not asked for a certificate: a wrong credential is not made good by one.
            Permission::Introspect
                if matches!(credential, Ok(Credential::None))
                    && head.peer.certificate.of_service().is_some() =>
            {
                self.host(&head.peer, stranger, route.permission).await
            }
            _ => self.account(route, head, credential?, stranger).await,
        }
    }

    /// The same caller with its rights of now. The user may have been changed or signed out since, the API key deleted.
    pub(super) async fn revalidate(&self, route: &Route, caller: Caller) -> Result<Caller, Problem> {
        let caller = self.authority.accounts.still(&caller).await?;
        permitted(route, &caller)?;
        Ok(caller)
    }

    async fn host(
        &self,
        peer: &Peer,
        stranger: Caller,
        permission: Permission,
    ) -> Result<ProvenCaller, Problem> {
        let certificate = peer.certificate.of_host().ok_or_else(|| {
            Problem::unauthenticated(match peer.certificate {
                ShownCertificate::Forwarder => FORWARDED,
                _ => "present the host's certificate: `gatepass enroll` obtains one",
            })
        })?;
        let authenticator = &self.authority.authenticator;
        let host = match permission {
            Permission::Renew => authenticator.identify_to_renew(&stranger, certificate).await?,
            _ => authenticator.identify(&stranger, certificate).await?,
        };
        let actor = Actor::Host { id: host.id, serial: host.certificate.serial };
        Ok((Caller { actor, ..stranger }, Presented::Host(Box::new(host))))
    }

    async fn host_by_key(&self, key: &Secret<String>, stranger: Caller) -> Result<ProvenCaller, Problem> {
        let host = self.authority.authenticator.identify_by_key(&stranger, key).await?;
        Ok((Caller { actor: Actor::OpaqueKey(host.id), ..stranger }, Presented::Host(Box::new(host))))
    }

    async fn account(
        &self,
        route: &Route,
        head: &Head,
        credential: Credential,
        stranger: Caller,
    ) -> Result<ProvenCaller, Problem> {
        // A browser stores this credential and sends it for a page of any site.
        if credential::is_basic(head.headers()) {
            self.check_page(route, head, None)?;
        }
        let caller = match credential {
            Credential::Basic { user, password } => {
                self.authority.accounts.sign_in(&stranger, &user, &password).await?
            }
            Credential::Session(secret) => {
                return self.session(&secret, SessionKind::Bearer, &stranger).await;
            }
            Credential::ApiKey(key) => self.authority.accounts.api_key(&stranger, &key).await?,
            Credential::Local(secret) if self.is_local(&secret) => stranger.by_local(),
            Credential::None if route.dialect.cookies => return self.cookie(route, head, &stranger).await,
            Credential::None => {
                let detail = "sign in: with a user name and a password, an API key, or a session as a bearer";
                return Err(Problem::unauthenticated(detail));
            }
            Credential::Local(_) => {
                let detail = "the local credential is from an earlier start of the server: read it again";
                return Err(Problem::unauthenticated(detail));
            }
            Credential::Token(_) => {
                let detail = "only /api/v1/bootstrap accepts an enrollment token";
                return Err(Problem::unauthenticated(detail));
            }
            Credential::OpaqueKey(_) => {
                let detail = "the opaque key of a host opens its check-in, policy, whoami and leave only";
                return Err(Problem::unauthenticated(detail));
            }
        };
        Ok((caller, Presented::Account))
    }

    /// The caller whose browser sends a session cookie. It does so for a page of any site, so the page is checked too.
    async fn cookie(&self, route: &Route, head: &Head, stranger: &Caller) -> Result<ProvenCaller, Problem> {
        let Some(secret) = cookie::read(head.headers())? else {
            let detail = "sign in: with a user name and a password, a session, or an API key";
            return Err(Problem::unauthenticated(detail));
        };
        let (caller, presented) = self.session(&secret, SessionKind::Cookie, stranger).await?;
        if let Presented::Session(session) = &presented
            && let Some(expected) = &session.csrf
        {
            self.check_page(route, head, Some(expected))?;
        }
        Ok((caller, presented))
    }

    async fn session(
        &self,
        secret: &Secret<String>,
        kind: SessionKind,
        stranger: &Caller,
    ) -> Result<ProvenCaller, Problem> {
        let secret = SessionSecret::parse(secret.expose()).ok_or(AccountError::SessionOver)?;
        let (caller, session) = self.authority.accounts.resume(stranger, &secret, kind).await?;
        Ok((caller, Presented::Session(session)))
    }

    /// The token of a redemption in the header. A token in the body is verified by the handler.
    async fn token(&self, credential: Credential, stranger: Caller) -> Result<ProvenCaller, Problem> {
        let presented = match credential {
            Credential::None => Presented::Nothing,
            Credential::Token(secret) => {
                let known = self.authority.enrollment.recognize(&stranger, secret.expose()).await;
                Presented::Token { is_live: bootstrap::refused(known)?, secret }
            }
            Credential::Basic { .. }
            | Credential::Local(_)
            | Credential::ApiKey(_)
            | Credential::OpaqueKey(_)
            | Credential::Session(_) => {
                let detail =
                    "redeeming needs an enrollment token, not the credential of a user or an API key";
                return Err(Problem::unauthenticated(detail));
            }
        };
        Ok((Caller { actor: Actor::Bearer, ..stranger }, presented))
    }

    /// Checks the page that made the request, by the addresses of this server. The CSRF token of a form stands in its body:
    /// see [`Front::check_form`].
    fn check_page(&self, route: &Route, head: &Head, expected: Option<&CsrfToken>) -> Result<(), Problem> {
        let issuers = self.authority.trust.issuers();
        let here = Here { url: issuers.current(), host: head.host() };
        let (method, headers) = (&head.parts.method, head.headers());
        match route.dialect.page {
            Some(_) => csrf::judge_form(method, headers, &here),
            None => csrf::judge(method, headers, &here, expected),
        }
    }

    /// Checks the CSRF token in the form of a page.
    pub(super) fn check_form(
        &self,
        route: &Route,
        presented: &Presented,
        body: &[u8],
    ) -> Result<(), Problem> {
        let (Some(pages), Presented::Session(session)) = (&route.dialect.page, presented) else {
            return Ok(());
        };
        if !route.writes_entries() {
            return Ok(());
        }
        let form = Form::parse(body)?;
        let given = form.get(pages.csrf_field).unwrap_or("");
        match &session.csrf {
            Some(expected) if expected.is(given.as_bytes()) => Ok(()),
            _ => Err(csrf::stale_form()),
        }
    }

    /// Compares `presented` with the local credential of this start, in constant time.
    pub(super) fn is_local(&self, presented: &Secret<String>) -> bool {
        subtle::ConstantTimeEq::ct_eq(presented.expose().as_bytes(), self.local.expose().as_bytes()).into()
    }
}

/// Rejects a caller without the permission that its route demands.
pub(super) fn permitted(route: &Route, caller: &Caller) -> Result<(), Problem> {
    match route.permission.allows(&caller.actor, &caller.rights) {
        true => Ok(()),
        false => Err(Problem::forbidden(route.permission, &caller.actor)),
    }
}
