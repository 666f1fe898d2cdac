//! Fetches the key set: once a minute, and at once for an unknown key.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::error::FetchError;
use super::pace::{Backoff, jittered};
use super::shared::{Answer, Shared};

const PATH: &str = "/.well-known/jwks.json";
const EVERY: Duration = Duration::from_secs(60);
/// Minimum interval of fetching for unknown keys: any client can name a key that does not exist.
const SPACING: Duration = Duration::from_secs(5);

/// Keeps the keys fresh forever.
pub(super) async fn keep(shared: &Shared) {
    let mut backoff = Backoff::default();
    loop {
        let asked = Instant::now();
        let pause = match fetch(shared).await {
            Ok(()) => {
                backoff.succeeded();
                jittered(EVERY.min(shared.verifier.confirm_within()))
            }
            Err(error) => {
                shared.note(error);
                backoff.failed()
            }
        };
        // The pause is over, or a token named an unknown key.
        let _ = timeout(pause, shared.keys_wanted.notified()).await;
        sleep(pause.min(SPACING).saturating_sub(asked.elapsed())).await;
    }
}

/// Fetches the key set, or confirms the known one (304).
pub(super) async fn fetch(shared: &Shared) -> Result<(), FetchError> {
    let (at, tag) = (shared.now(), shared.learnt().keys_tag.clone());
    match shared.get(PATH, tag).await? {
        Answer::Unchanged => shared.verifier.confirm_keys(at),
        Answer::New { body, tag } => {
            let malformed = |_| FetchError::Malformed { path: PATH.to_owned(), why: "it is no text" };
            let jwks = String::from_utf8(body.into()).map_err(malformed)?;
            shared.verifier.update_keys(&jwks, at)?;
            shared.learnt().keys_tag = tag;
        }
    }
    shared.keys_are_fresh();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier::{MAX_STALENESS, Verifier};

    #[test]
    fn keys_are_fetched_often_before_they_are_stale() {
        let verifier = |limit| Verifier::new("https://a", "https://b").max_staleness(limit);
        for limit in [MAX_STALENESS, Duration::from_secs(60), Duration::from_secs(4)] {
            let most = EVERY.min(verifier(limit).confirm_within()).mul_f64(1.1);
            assert!(most * 3 < limit, "{most:?} of {limit:?}");
        }
    }
}
