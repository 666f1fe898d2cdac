//! Whether who sent a request still waits for its answer.

use std::convert::Infallible;
use std::future::Future;

use tokio::sync::oneshot;

use crate::http::problem::Problem;

/// Kept by the task of the connection as long as the answer can be sent.
pub(super) struct Waiting {
    _kept: oneshot::Sender<Infallible>,
}

/// Whoever waits, as the task of the request knows of them.
pub(super) struct Client(oneshot::Receiver<Infallible>);

/// Both ends.
pub(super) fn client() -> (Waiting, Client) {
    let (kept, gone) = oneshot::channel();
    (Waiting { _kept: kept }, Client(gone))
}

impl Client {
    /// What `work` comes to, which is dropped when the client goes away: only for what may end anywhere.
    ///
    /// # Errors
    /// 401, which nobody hears: it counts as a refusal, so that nobody learns to leave before they are refused.
    pub(super) async fn while_waiting<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Problem> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            _ = &mut self.0 => Err(Problem::unauthenticated("the client left before it was known")),
        }
    }
}
