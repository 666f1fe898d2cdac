//! Taking back a token by the token itself, for who holds it and knows no id.

use crate::service::tokens::{HowToRevoke, TokenAdmin};
use crate::service::{Caller, RequestError, ServiceError};
use crate::token::{AuthenticatedToken, VerifyError};

/// What became of a token that was presented to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// It is revoked, now or since before.
    Revoked,
    /// It is no token of this authority's, or none that anything is known of any more.
    NotOurs,
    /// It is something signed of another kind than tokens are.
    OtherKind,
}

impl TokenAdmin {
    /// Revokes the token that this text is, if its signature is good, whatever its time: one that is not valid yet must not
    /// become so. Nothing is written for any other text.
    ///
    /// # Errors
    /// It is the emergency token and `even_emergency` is not set, or the store cannot be written.
    pub async fn take_back(
        &self,
        caller: &Caller,
        unverified_token: &str,
        even_emergency: bool,
    ) -> Result<TakenBack, ServiceError> {
        let revoked = match self.trust.load().whatever_audience(unverified_token, self.time.now()) {
            Ok(AuthenticatedToken::Enrollment(token)) => {
                let how = HowToRevoke { even_emergency, ..HowToRevoke::default() };
                self.revoke_token(caller, token.grant().token.id, how).await.map(drop)
            }
            Ok(AuthenticatedToken::Service(token)) => {
                self.revoke_service_token(caller, token.grant().token.id).await.map(drop)
            }
            Err(VerifyError::WrongType) => return Ok(TakenBack::OtherKind),
            Err(_) => return Ok(TakenBack::NotOurs),
        };
        match revoked {
            Ok(()) => Ok(TakenBack::Revoked),
            Err(ServiceError::Request(RequestError::NotFound { .. })) => Ok(TakenBack::NotOurs),
            Err(error) => Err(error),
        }
    }
}
