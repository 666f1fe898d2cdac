//! The hold of rotations. It has a time limit, so that a process that dies blocks no rotation.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use crate::id::{hex, random};

/// The longest time for which rotations are held.
pub const HELD: Duration = Duration::from_secs(10);

/// The turns of every change of keys and CA.
pub(super) struct Guards {
    pub(super) _ca: OwnedMutexGuard<()>,
    pub(super) _keys: OwnedMutexGuard<()>,
}

/// The random id of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldId(String);

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for HoldId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_id { Ok(Self(text.to_owned())) } else { Err("it is no id of a hold: 32 hex digits") }
    }
}

/// The running hold. Another one waits for its guards.
#[derive(Default)]
pub(super) struct Holds(Mutex<Option<(HoldId, CancellationToken)>>);

impl Holds {
    /// Keeps the guards until the hold ends.
    pub(super) fn begin(&self, guards: Guards) -> HoldId {
        let (id, ended) = (HoldId(hex(&random::<16>())), CancellationToken::new());
        *self.0.lock() = Some((id.clone(), ended.clone()));
        tokio::spawn(async move {
            let _ = tokio::time::timeout(HELD, ended.cancelled()).await;
            drop(guards);
        });
        id
    }

    /// Ends the hold `id`, unless it has ended before.
    pub(super) fn end(&self, id: HoldId) {
        let mut running = self.0.lock();
        if let Some((_, ended)) = running.take_if(|(held, _)| *held == id) {
            ended.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Mutex as Turn;

    use super::*;

    async fn guards(turns: &[Arc<Turn<()>>; 2]) -> Guards {
        let [ca, keys] = turns.clone();
        Guards { _ca: ca.lock_owned().await, _keys: keys.lock_owned().await }
    }

    #[tokio::test(start_paused = true)]
    async fn a_forgotten_hold_ends_after_ten_seconds() {
        let (holds, turns) = (Holds::default(), [Arc::default(), Arc::default()]);
        let began = tokio::time::Instant::now();
        holds.begin(guards(&turns).await);
        assert!(turns.iter().all(|turn| turn.try_lock().is_err()));
        drop(guards(&turns).await);
        assert!(began.elapsed() >= HELD);
    }

    #[tokio::test(start_paused = true)]
    async fn only_its_id_ends_a_hold() {
        let (holds, turns) = (Holds::default(), [Arc::default(), Arc::default()]);
        let began = tokio::time::Instant::now();
        let id = holds.begin(guards(&turns).await);
        holds.end("0".repeat(32).parse().unwrap());
        assert!(turns[0].try_lock().is_err());
        holds.end(id);
        drop(guards(&turns).await);
        assert!(began.elapsed() < HELD);
        assert!("not an id".parse::<HoldId>().is_err());
    }
}
