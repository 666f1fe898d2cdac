//! The credential of an OAuth client in the body of its request (`client_secret_post`, RFC 6749 section 2.3.1).

use bytes::Bytes;
use hyper::body::Incoming;

use super::{Front, media_type};
use crate::http::budget::Payer;
use crate::http::credential::Credential;
use crate::http::form::Form;
use crate::http::head::Head;
use crate::http::problem::Problem;
use crate::http::route::Route;

impl Front {
    /// The credential of a request, which may be in its body if it has no `Authorization` header. Then the body has been
    /// read.
    pub(super) async fn client(
        &self,
        route: &Route,
        head: &Head,
        credential: Result<Credential, Problem>,
        body: &mut Incoming,
    ) -> Result<(Result<Credential, Problem>, Option<Bytes>), Problem> {
        if !route.dialect.oauth_clients || !matches!(credential, Ok(Credential::None)) {
            return Ok((credential, None));
        }
        let held = self.budgets.strangers.hold(Payer::of(&head.peer));
        let (body, _) = self.read(route, body, held).await?;
        Ok((posted(route, head, &body).unwrap_or(credential), Some(body)))
    }
}

/// The credential in `body`. A body that is not a form has none: the handler refuses it after authentication.
fn posted(route: &Route, head: &Head, body: &[u8]) -> Option<Result<Credential, Problem>> {
    if !route.dialect.oauth_clients || media_type::check(route, head.headers()).is_err() {
        return None;
    }
    Credential::in_form(&Form::parse(body).ok()?)
}

/// Rejects a second credential in `body` (RFC 6749 section 2.3).
pub(super) fn refuse_another(route: &Route, head: &Head, body: &[u8]) -> Result<(), Problem> {
    match posted(route, head, body) {
        None => Ok(()),
        Some(_) => Err(Problem::bad_request(
            "the request has an Authorization header and client_secret in its body: send one of them",
        )),
    }
}
