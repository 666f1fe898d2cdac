//! The commits, as followers in this process get them: ids and names of acts, without the texts of entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};
use tokio::sync::broadcast;

use crate::id::{EnrollmentId, HostId, OutputId, PolicyId, RuleId, SessionId, TokenId};
use crate::ledger::{Action, Draft};

/// Maximum number of commits that wait for a follower. A slower one learns that it missed some.
const MAX_LAG: usize = 64;

/// A commit with ledger entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Number of its last entry.
    pub newest: u64,
    /// Its entries, in order.
    pub entries: Vec<CommittedEntry>,
}

/// A ledger entry without its texts. A secret or a label cannot be in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedEntry {
    /// The act.
    pub action: Action,
    /// Id of the token that the entry is about.
    pub token: Option<TokenId>,
    /// Id of the host.
    pub host: Option<HostId>,
    /// Name of the user.
    pub user: Option<String>,
    /// Id of the enrollment.
    pub enrollment: Option<EnrollmentId>,
    /// Id of the auto-approve rule.
    pub rule: Option<RuleId>,
    /// Id of the policy.
    pub policy: Option<PolicyId>,
    /// Id of the output.
    pub output: Option<OutputId>,
    /// Id of the session.
    pub session: Option<SessionId>,
}

impl From<&Draft> for CommittedEntry {
    fn from(entry: &Draft) -> Self {
        let Draft { action, subjects, detail, .. } = entry;
        Self {
            action: *action,
            token: subjects.token,
            host: subjects.host,
            user: subjects.user.clone(),
            enrollment: id(detail, "enrollment", EnrollmentId::parse),
            rule: id(detail, "rule", RuleId::parse),
            policy: id(detail, "policy", PolicyId::parse),
            output: id(detail, "output", OutputId::parse),
            session: id(detail, "session", SessionId::parse),
        }
    }
}

fn id<T>(detail: &Map<String, Value>, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    detail.get(name).and_then(Value::as_str).and_then(parse)
}

/// The sender's end. The writer never waits for a follower.
#[derive(Clone)]
pub(super) struct Commits {
    sender: broadcast::Sender<Arc<Commit>>,
    newest: Arc<AtomicU64>,
}

impl Default for Commits {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(MAX_LAG), newest: Arc::default() }
    }
}

impl Commits {
    /// The commits from now on.
    pub(super) fn follow(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.sender.subscribe()
    }

    /// Number of the last entry that was announced; 0 before the first.
    pub(super) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    /// Sends a commit to the followers. Does nothing without any.
    pub(super) fn announce(&self, newest: u64, entries: &[Arc<Draft>]) {
        if entries.is_empty() {
            return;
        }
        self.newest.store(newest, Ordering::Release);
        if self.sender.receiver_count() == 0 {
            return;
        }
        let entries = entries.iter().map(|entry| CommittedEntry::from(entry.as_ref())).collect();
        // The last follower may have left since: an error.
        let _ = self.sender.send(Arc::new(Commit { newest, entries }));
    }
}
