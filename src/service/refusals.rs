//! Summaries of refusals (I8): a client with one invalid token must not be able to fill the disk with ledger entries.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::Caller;
use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::ledger::{Action, Draft, Subjects};

/// At most one entry per token or user and reason in this time.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Maximum number of entries about refusals per second.
pub const PER_SECOND: usize = 50;

/// Maximum number of distinct pairs of a token or user and a reason. Further ones are only counted, so that memory stays
/// bounded (I10).
pub(super) const MOST: usize = 10_000;

/// The subject of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    /// A token whose signature is good.
    Token(TokenId),
    /// A sign-in with this user's name.
    User(String),
    /// A sign-in with an unknown name, which is never recorded.
    Nobody,
}

impl Whom {
    const fn action(&self) -> Action {
        match self {
            Self::Token(_) => Action::TokenRefused,
            Self::User(_) | Self::Nobody => Action::SignInRefused,
        }
    }

    fn subjects(&self) -> Subjects {
        match self {
            Self::Token(token) => Subjects::token(*token),
            Self::User(user) => Subjects::user(user),
            Self::Nobody => Subjects::default(),
        }
    }
}

/// A refusal.
#[derive(Clone)]
pub struct Refused {
    /// The refused caller.
    pub caller: Caller,
    /// The subject.
    pub whom: Whom,
    /// The exact cause.
    pub reason: &'static str,
}

struct Window {
    last: Refused,
    /// Time of the newest due entry.
    entered_at: Timestamp,
    /// Number of refusals since then.
    since: u64,
    /// True if the entry of `entered_at` is not written yet.
    due: bool,
}

/// The refusals since the last entries. Noting one takes a lock and no I/O, so the refused caller does not wait.
#[derive(Default)]
pub struct Refusals(Mutex<RefusalWindows>);

#[derive(Default)]
struct RefusalWindows {
    windows: HashMap<(Whom, &'static str), Window>,
    /// Number of refusals without a window, by action.
    unreported: HashMap<Action, u64>,
}

impl Refusals {
    /// Notes a refusal at `now`.
    pub fn note(&self, refused: Refused, now: Timestamp) {
        let mut state = self.0.lock();
        let key = (refused.whom.clone(), refused.reason);
        if let Some(window) = state.windows.get_mut(&key) {
            window.since += 1;
            window.last = refused;
        } else if state.windows.len() < MOST {
            state.windows.insert(key, Window { last: refused, entered_at: now, since: 1, due: true });
        } else {
            *state.unreported.entry(refused.whom.action()).or_default() += 1;
        }
    }

    /// Returns the entries that are due at `now`, at most [`PER_SECOND`]. Call it once a second.
    pub fn due(&self, now: Timestamp) -> Vec<Draft> {
        let mut state = self.0.lock();
        let mut entries = Vec::new();
        for window in state.windows.values_mut() {
            let closed = now.since(window.entered_at) >= WINDOW;
            if entries.len() < PER_SECOND && window.since > 0 && (window.due || closed) {
                entries.push(entry(&window.last, window.since, now));
                (window.entered_at, window.since, window.due) = (now, 0, false);
            }
        }
        state.windows.retain(|_, window| window.since > 0 || now.since(window.entered_at) < WINDOW);
        let mut unreported = std::mem::take(&mut state.unreported);
        unreported.retain(|action, count| {
            let reported = entries.len() < PER_SECOND;
            if reported {
                let entry = Draft::refused(*action, now, "anyone", "too_many_to_tell");
                entries.push(entry.with("count", *count));
            }
            !reported
        });
        state.unreported = unreported;
        entries
    }
}

fn entry(refused: &Refused, count: u64, now: Timestamp) -> Draft {
    let Refused { caller, whom, reason } = refused;
    caller.was_refused(whom.action(), now, reason).about(whom.subjects()).with("count", count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    fn refused(token: TokenId) -> Refused {
        Refused { caller: Caller::SYSTEM, whom: Whom::Token(token), reason: "token_expired" }
    }

    fn counts(entries: &[Draft]) -> Vec<u64> {
        entries.iter().filter_map(|entry| entry.detail["count"].as_u64()).collect()
    }

    #[test]
    fn refusals_of_one_token_make_one_entry_a_minute() {
        let (refusals, token) = (Refusals::default(), TokenId::generate(NOW));
        let mut entries = Vec::new();
        for second in 0..180 {
            let now = NOW.plus(Duration::from_secs(second));
            for _ in 0..10 {
                refusals.note(refused(token), now);
            }
            entries.extend(refusals.due(now));
        }
        assert_eq!(counts(&entries), [10, 600, 600]);
    }

    #[test]
    fn a_quiet_token_is_forgotten() {
        let (refusals, token) = (Refusals::default(), TokenId::generate(NOW));
        refusals.note(refused(token), NOW);
        assert_eq!(counts(&refusals.due(NOW)), [1]);
        assert!(refusals.due(NOW.plus(WINDOW)).is_empty());
        assert!(refusals.0.lock().windows.is_empty());
    }

    #[test]
    fn unknown_user_names_share_one_entry_a_minute() {
        let refusals = Refusals::default();
        for _ in 0..1000 {
            for (whom, reason) in
                [(Whom::User("admin".to_owned()), "wrong_password"), (Whom::Nobody, "unknown_user")]
            {
                refusals.note(Refused { caller: Caller::SYSTEM, whom, reason }, NOW);
            }
        }
        let entries = refusals.due(NOW);
        assert_eq!(counts(&entries), [1000, 1000]);
        assert!(entries.iter().all(|entry| entry.action == Action::SignInRefused));
        let users = entries.iter().filter_map(|entry| entry.subjects.user.as_deref()).collect::<Vec<_>>();
        assert_eq!(users, ["admin"]);
    }

    #[test]
    fn entries_and_memory_are_bounded() {
        let refusals = Refusals::default();
        for _ in 0..MOST + 500 {
            refusals.note(refused(TokenId::generate(NOW)), NOW);
        }
        assert_eq!(refusals.due(NOW).len(), PER_SECOND);
        assert_eq!(refusals.0.lock().windows.len(), MOST);
        assert_eq!(refusals.0.lock().unreported[&Action::TokenRefused], 500, "reported later");
    }
}
