//! Revocation by the token itself, for a holder that does not know the id.

use crate::id::TokenId;
use crate::service::tokens::{HowToRevoke, Taken, TokenAdmin};
use crate::service::{Caller, RequestError, ServiceError};
use crate::store::TokenType;
use crate::token::{AuthenticatedToken, VerifyError};

/// The outcome for a presented token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// It is revoked, by this request or before.
    Revoked(Taken),
    /// It is not a token of this authority, or its record is gone.
    NotOurs,
    /// It is a signed text, but not a token.
    OtherKind,
}

impl TokenAdmin {
    /// Revokes the token with this text if its signature is good, also before its validity begins and beyond the caller's
    /// limits: the caller holds it. Nothing is written for any other text.
    ///
    /// # Errors
    /// It is the emergency token and `how` does not include it, or the caller is no admin. Or the store cannot be written.
    pub async fn take_back(
        &self,
        caller: &Caller,
        unverified_token: &str,
        how: HowToRevoke,
    ) -> Result<TakenBack, ServiceError> {
        let (token_type, id) = match self.presented(unverified_token) {
            Ok(presented) => presented,
            Err(VerifyError::WrongType) => return Ok(TakenBack::OtherKind),
            Err(_) => return Ok(TakenBack::NotOurs),
        };
        match self.revoke_typed(caller, token_type, id, how).await {
            Ok(taken) => Ok(TakenBack::Revoked(taken)),
            Err(ServiceError::Request(RequestError::NotFound { .. })) => Ok(TakenBack::NotOurs),
            Err(error) => Err(error),
        }
    }

    /// The type and id of a token with a good signature.
    fn presented(&self, unverified_token: &str) -> Result<(TokenType, TokenId), VerifyError> {
        let trust = self.minting.trust.load();
        Ok(match trust.whatever_audience(unverified_token, self.base.time.now())? {
            AuthenticatedToken::Enrollment(token) => (TokenType::Enrollment, token.grant().token.id),
            AuthenticatedToken::Service(token) => (TokenType::Service, token.grant().token.id),
            // It ends within the hour, and has no entry in a status list.
            AuthenticatedToken::Access(_) => return Err(VerifyError::WrongType),
        })
    }
}
