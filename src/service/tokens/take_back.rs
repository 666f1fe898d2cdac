//! Revocation by the token itself, for a holder that does not know the id.

use crate::service::tokens::{HowToRevoke, TokenAdmin};
use crate::service::{Caller, RequestError, ServiceError};
use crate::token::{AuthenticatedToken, VerifyError};

/// The outcome for a presented token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// It is revoked, by this request or before.
    Revoked,
    /// It is not a token of this authority, or its record is gone.
    NotOurs,
    /// It is a signed text, but not a token.
    OtherKind,
}

impl TokenAdmin {
    /// Revokes the token with this text if its signature is good, also before its validity begins. Nothing is written for any
    /// other text.
    ///
    /// # Errors
    /// It is the emergency token and `even_emergency` is not set, or the store cannot be written.
    pub async fn take_back(
        &self,
        caller: &Caller,
        unverified_token: &str,
        even_emergency: bool,
    ) -> Result<TakenBack, ServiceError> {
        let revoked =
            match self.minting.trust.load().whatever_audience(unverified_token, self.base.time.now()) {
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
