//! Who comes with a session.

use std::sync::Arc;

use http::request::Parts;

use super::judge::Judged;
use super::{Front, direct};
use crate::access::{Actor, SessionKind, SessionSecret};
use crate::http::cookie;
use crate::http::credential;
use crate::http::csrf::{self, Here};
use crate::http::problem::Problem;
use crate::secret::Secret;
use crate::service::{AccountError, SignedIn};

impl Front {
    /// Who shows the secret of a session in the `Authorization` header.
    pub(super) async fn bearer_session(&self, secret: &Secret<String>) -> Result<Judged, Problem> {
        self.session(secret, SessionKind::Bearer).await
    }

    /// Whose browser sends the cookie of a session. It does so for any page, so that this is judged too.
    pub(super) async fn cookie_session(&self, parts: &Parts) -> Result<Judged, Problem> {
        let Some(secret) = cookie::read(&parts.headers)? else {
            return Err(Problem::unauthenticated(
                "sign in: with a user name and a password, a session, or an API key",
            ));
        };
        let judged = self.session(&secret, SessionKind::Cookie).await?;
        if let Some(expected) = judged.session.as_ref().and_then(|session| session.csrf.as_ref()) {
            let issuers = self.authority.trust.issuers();
            let here = Here { url: issuers.current(), host: direct::host(parts) };
            csrf::judge(&parts.method, &parts.headers, &here, expected)?;
        }
        Ok(judged)
    }

    /// A browser sends the password that somebody once typed into its dialog for any page.
    pub(super) fn page_that_acts(&self, parts: &Parts) -> Result<(), Problem> {
        if !credential::is_basic(&parts.headers) {
            return Ok(());
        }
        let issuers = self.authority.trust.issuers();
        let here = Here { url: issuers.current(), host: direct::host(parts) };
        csrf::kept_by_browser(&parts.method, &parts.headers, &here)
    }

    /// A page of another site must not sign a browser in as somebody else. Who it is, the handler judges.
    pub(super) fn page_that_signs_in(&self, parts: &Parts) -> Result<Judged, Problem> {
        let issuers = self.authority.trust.issuers();
        csrf::same_origin(&parts.headers, &Here { url: issuers.current(), host: direct::host(parts) })?;
        Ok(Judged::without_rights(Actor::Anyone))
    }

    async fn session(&self, secret: &Secret<String>, kind: SessionKind) -> Result<Judged, Problem> {
        let secret = SessionSecret::parse(secret.expose()).ok_or(AccountError::SessionOver)?;
        let (SignedIn { actor, rights, basis }, session) =
            self.authority.accounts.resume(&secret, kind).await?;
        let session = Some(Arc::new(session));
        Ok(Judged { actor, rights, basis, session, ..Judged::without_rights(Actor::Anyone) })
    }
}
