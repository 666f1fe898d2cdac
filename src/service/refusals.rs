//! Refusals, summarised (I8): whoever finds one bad token must not be able to fill a disk with entries about it.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::Caller;
use crate::clock::Timestamp;
use crate::id::{HostId, TokenId};
use crate::ledger::{Action, Draft, Subjects};

/// At most one entry per token or user and reason in this time.
pub const WINDOW: Duration = Duration::from_secs(60);

/// How many entries about refusals are written in a second, at most.
pub const PER_SECOND: usize = 50;

/// How many pairs of a token or user and a reason are told apart; beyond it only a count is kept, so that memory stays bounded (I10).
const MOST: usize = 10_000;

/// Which hosts have had a lineage conflict within the last minute: the ledger hears of each once in that time.
#[derive(Default)]
pub struct Conflicts(Mutex<HashMap<HostId, Timestamp>>);

impl Conflicts {
    /// Whether this is the first conflict of `host` in [`WINDOW`].
    pub fn first_in_a_minute(&self, host: HostId, now: Timestamp) -> bool {
        let mut lately = self.0.lock();
        lately.retain(|_, at| now.since(*at) < WINDOW);
        let first = lately.len() < MOST && !lately.contains_key(&host);
        if first {
            lately.insert(host, now);
        }
        first
    }
}

/// What was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    /// A token whose signature is good.
    Token(TokenId),
    /// Somebody who said to be this user.
    User(String),
    /// Somebody who said to be a user that there is not; who, nobody writes down.
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
    /// Who was refused.
    pub caller: Caller,
    /// What.
    pub whom: Whom,
    /// The exact cause.
    pub reason: &'static str,
}

struct Window {
    last: Refused,
    /// When the newest entry about it was due.
    entered_at: Timestamp,
    /// How many refusals since then.
    since: u64,
    /// Whether the entry of `entered_at` is still to be written.
    due: bool,
}

/// The refusals since the last entries. Noting one costs a lock and no I/O: the refused caller does not wait.
#[derive(Default)]
pub struct Refusals(Mutex<State>);

#[derive(Default)]
struct State {
    windows: HashMap<(Whom, &'static str), Window>,
    /// How many were refused for which there was no window, by action.
    untold: HashMap<Action, u64>,
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
            *state.untold.entry(refused.whom.action()).or_default() += 1;
        }
    }

    /// The entries that are due at `now`, [`PER_SECOND`] at most: call it once a second.
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
        let mut untold = std::mem::take(&mut state.untold);
        untold.retain(|action, count| {
            let told = entries.len() < PER_SECOND;
            if told {
                let entry = Draft::refused(*action, now, "anyone", "too_many_to_tell");
                entries.push(entry.with("count", *count));
            }
            !told
        });
        state.untold = untold;
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
    fn a_thousand_refusals_of_one_token_make_one_entry_a_minute() {
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
    fn wrong_passwords_of_a_user_make_one_entry_a_minute_and_unknown_names_none_of_their_own() {
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
    fn entries_and_memory_are_bounded_under_many_tokens() {
        let refusals = Refusals::default();
        for _ in 0..MOST + 500 {
            refusals.note(refused(TokenId::generate(NOW)), NOW);
        }
        assert_eq!(refusals.due(NOW).len(), PER_SECOND);
        assert_eq!(refusals.0.lock().windows.len(), MOST);
        assert_eq!(refusals.0.lock().untold[&Action::TokenRefused], 500, "told when there is room");
    }
}
