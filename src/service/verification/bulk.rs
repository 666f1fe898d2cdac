//! Checking many tokens in one call.

use std::sync::Arc;

use crate::service::GoodToken;
use crate::service::verification::Authenticator;
use crate::service::verification::check::BadToken;
use crate::token::VerifyError;

/// How many tokens one call may bring.
pub const MOST_TOKENS: usize = 1000;
/// So many are checked where they are asked for: the way to another thread would cost more than remembered ones do.
const FEW: usize = 4;
/// How many are checked before others get their turn: some milliseconds of work.
const SLICE: usize = 128;
/// How many slices are checked at once, whoever asks: the rest of the machine is for who brings one token.
pub(in crate::service) const AT_ONCE: usize = 1;

impl Authenticator {
    /// Checks tokens of either kind, each as [`Authenticator::check`] does, in their order; each must be for
    /// `audience`, if one is named. The work is done off the threads that answer requests, slice by slice, in turn with that of
    /// other such calls.
    pub async fn check_all(
        self: &Arc<Self>,
        unverified_tokens: Vec<String>,
        audience: Option<String>,
    ) -> Vec<Result<GoodToken, BadToken>> {
        if unverified_tokens.len() <= FEW {
            return self.check_slice(&unverified_tokens, audience.as_deref());
        }
        let mut answers = Vec::with_capacity(unverified_tokens.len());
        let mut rest = unverified_tokens;
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(SLICE));
            let slice = std::mem::replace(&mut rest, later);
            // It is never closed, so that a turn always comes.
            let _turn = self.bulk.acquire().await;
            let (checker, audience) = (Arc::clone(self), audience.clone());
            let checking = move || checker.check_slice(&slice, audience.as_deref());
            match tokio::task::spawn_blocking(checking).await {
                Ok(some) => answers.extend(some),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        answers
    }

    fn check_slice(&self, slice: &[String], audience: Option<&str>) -> Vec<Result<GoodToken, BadToken>> {
        let signed = self.trust.load().many(slice, self.time.now());
        let judge = |signed| {
            let good = self.judge_signed(signed)?;
            match audience {
                Some(audience) if *good.audience() != *audience => Err(VerifyError::WrongAudience.into()),
                _ => Ok(good),
            }
        };
        signed.into_iter().map(|signed| signed.map_err(BadToken::from).and_then(judge)).collect()
    }
}
