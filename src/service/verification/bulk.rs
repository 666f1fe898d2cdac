//! Checking many tokens in one call.

use std::sync::Arc;

use crate::service::GoodToken;
use crate::service::verification::Authenticator;
use crate::service::verification::check::BadToken;

/// Maximum number of tokens in one call.
pub const MOST_TOKENS: usize = 1000;
/// Number of tokens up to which a call is answered on its own thread. Another thread would cost more than cached checks.
const FEW: usize = 4;
/// Number of tokens per slice: some milliseconds of work before another call gets its turn.
const SLICE: usize = 128;
/// Number of slices that are checked at once, for all callers. The rest of the machine serves calls with one token.
pub(in crate::service) const AT_ONCE: usize = 1;

impl Authenticator {
    /// Checks tokens of both kinds in their order, each as one alone is checked. Each must be for `audience`, if one
    /// is given. Blocking threads do the work slice by slice, in turn with other such calls.
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
            // The semaphore is never closed, so a turn always comes.
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
        let signed = self.trust.load().many(slice, self.base.time.now());
        let judge = |signed| {
            let good = self.judge_signed(signed)?;
            match audience {
                Some(audience) => good.for_audience(audience),
                None => Ok(good),
            }
        };
        signed.into_iter().map(|signed| signed.map_err(BadToken::from).and_then(judge)).collect()
    }
}
