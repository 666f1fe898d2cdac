//! Fetches the key set: once a minute, and at once for an unknown key.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::error::FetchError;
use super::pace::{Backoff, jittered};
use super::state::{Fetched, RefreshState, text};

const PATH: &str = "/.well-known/jwks.json";
const EVERY: Duration = Duration::from_secs(60);
/// Minimum interval of fetching for unknown keys: any client can name a key that does not exist.
const SPACING: Duration = Duration::from_secs(5);

/// Keeps the keys fresh forever.
pub(super) async fn keep(state: Arc<RefreshState>) {
    let mut backoff = Backoff::default();
    loop {
        let asked = Instant::now();
        let regular = jittered(EVERY.min(state.verifier.confirm_within()));
        let pause = state.pause(fetch(&state).await, &mut backoff, regular);
        // The pause is over, or a token named an unknown key.
        let _ = timeout(pause, state.keys_wanted.notified()).await;
        sleep(pause.min(SPACING).saturating_sub(asked.elapsed())).await;
    }
}

/// Fetches the key set, or confirms the known one (304).
pub(super) async fn fetch(state: &RefreshState) -> Result<(), FetchError> {
    let (at, tag) = (state.now(), state.learnt().keys_tag.clone());
    match state.get(PATH, tag).await? {
        Fetched::Unchanged => state.verifier.confirm_keys(at),
        Fetched::New { body, tag } => {
            state.verifier.update_keys(&text(PATH, body)?, at)?;
            state.learnt().keys_tag = tag;
        }
    }
    state.keys_are_fresh();
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
