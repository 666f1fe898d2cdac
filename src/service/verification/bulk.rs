//! Checking many tokens in one call.

use std::sync::Arc;

use crate::service::GoodToken;
use crate::service::verification::Authenticator;
use crate::service::verification::check::BadToken;
use crate::store::StoreError;
use crate::token::{AuthenticatedToken, VerifyError};

/// Maximum number of tokens in one call.
pub const MOST_TOKENS: usize = 1000;
/// Number of tokens up to which a call is answered on its own thread. Another thread would cost more than cached checks.
const FEW: usize = 4;
/// Number of tokens per slice: some milliseconds of work before another call gets its turn.
const SLICE: usize = 128;
/// Number of slices that are checked at once, for all callers. The rest of the machine serves calls with one token.
pub(in crate::service) const AT_ONCE: usize = 1;

/// Tokens after the check of their signatures.
type Signed = Vec<Result<AuthenticatedToken, VerifyError>>;

impl Authenticator {
    /// Checks tokens of both kinds in their order, each as one alone is checked. Each must be for `audience`, if one
    /// is given. Blocking threads check the signatures slice by slice, in turn with other such calls.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn check_all(
        self: &Arc<Self>,
        unverified_tokens: Vec<String>,
        audience: Option<String>,
    ) -> Result<Vec<Result<GoodToken, BadToken>>, StoreError> {
        let few = unverified_tokens.len() <= FEW;
        let mut answers = Vec::with_capacity(unverified_tokens.len());
        let mut rest = unverified_tokens;
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(SLICE));
            let slice = std::mem::replace(&mut rest, later);
            let signed = if few { self.check_signatures(&slice) } else { self.in_turn(slice).await };
            for signed in signed {
                answers.push(self.judge_for(signed, audience.as_deref()).await?);
            }
        }
        Ok(answers)
    }

    async fn in_turn(self: &Arc<Self>, slice: Vec<String>) -> Signed {
        // The semaphore is never closed, so a turn always comes.
        let _turn = self.bulk.acquire().await;
        let checker = Arc::clone(self);
        match tokio::task::spawn_blocking(move || checker.check_signatures(&slice)).await {
            Ok(signed) => signed,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn check_signatures(&self, slice: &[String]) -> Signed {
        self.trust.load().many(slice, self.base.time.now())
    }

    async fn judge_for(
        &self,
        signed: Result<AuthenticatedToken, VerifyError>,
        audience: Option<&str>,
    ) -> Result<Result<GoodToken, BadToken>, StoreError> {
        let judged = match signed {
            Ok(signed) => self.judge_signed(signed).await?,
            Err(error) => return Ok(Err(error.into())),
        };
        Ok(match audience {
            Some(audience) => judged.and_then(|good| good.for_audience(audience)),
            None => judged,
        })
    }
}
