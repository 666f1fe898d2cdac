//! Commits that a stream has not sent yet, and the events that a reader gets of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::access::{Actor, Permission};
use crate::ledger::Action;
use crate::service::Caller;
use crate::store::{Commit, CommittedEntry};

/// Maximum number of changes in one message. For more, loading the page again costs less.
const MOST: usize = 100;

/// The event of a reader that missed changes.
pub(super) const RELOAD: &str = "event: reload\ndata: {}\n\n";

/// The commits since the last message.
#[derive(Default)]
pub(super) struct News {
    commits: Vec<Arc<Commit>>,
    missed: bool,
}

/// The kind of a changed item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum ChangedKind {
    Token,
    Host,
    Enrollment,
    Rule,
    Policy,
    Output,
    /// A session of the reader.
    Session,
    /// Users, API keys, keys, CAs, URLs, settings, the clock.
    Admin,
    /// The ledger; its id is the number of the newest entry.
    Ledger,
}

/// The data of an event.
#[derive(Serialize)]
struct ChangeEvent<'a> {
    kind: ChangedKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Action>,
}

impl News {
    pub(super) fn add(&mut self, commit: Arc<Commit>) {
        self.commits.push(commit);
    }

    /// Notes that commits are unknown.
    pub(super) const fn missed_some(&mut self) {
        self.missed = true;
    }

    /// Returns true if users or sessions may have changed.
    pub(super) fn concern_accounts(&self) -> bool {
        let mut kinds = self.entries().flat_map(|entry| kinds(entry.action));
        self.missed || kinds.any(|kind| matches!(kind, ChangedKind::Session | ChangedKind::Admin))
    }

    /// The events for `reader`: the last act on each item that it may list. Empty if it may list none of them.
    pub(super) fn events(&self, reader: &Caller) -> String {
        let mut latest = BTreeMap::new();
        for entry in self.entries() {
            for kind in kinds(entry.action).iter().filter(|kind| kind.is_for(reader, entry)) {
                let id = kind.id(entry);
                // A host may be enrolled without an enrollment or a rule.
                if id.is_some() || *kind == ChangedKind::Admin {
                    latest.insert((*kind, id), Some(entry.action));
                }
            }
        }
        if self.missed || latest.len() > MOST {
            return RELOAD.to_owned();
        }
        if let Some(newest) =
            self.commits.last().filter(|_| reader.rights.permissions.contain(Permission::ReadLedger))
        {
            latest.insert((ChangedKind::Ledger, Some(newest.newest.to_string())), None);
        }
        let event = |((kind, id), action): (&(ChangedKind, Option<String>), &Option<Action>)| {
            let data = ChangeEvent { kind: *kind, id: id.as_deref(), action: *action };
            // Words and ids are always JSON.
            format!("event: change\ndata: {}\n\n", serde_json::to_string(&data).unwrap_or_default())
        };
        latest.iter().map(event).collect()
    }

    fn entries(&self) -> impl Iterator<Item = &CommittedEntry> {
        self.commits.iter().flat_map(|commit| &commit.entries)
    }
}

impl ChangedKind {
    /// Returns true if `reader` may list the item of this kind that the entry is about.
    fn is_for(self, reader: &Caller, entry: &CommittedEntry) -> bool {
        let permission = match self {
            Self::Token => Permission::ReadTokens,
            Self::Host | Self::Enrollment => Permission::ReadHosts,
            Self::Rule | Self::Policy | Self::Output => Permission::ReadPolicies,
            Self::Session => {
                return matches!(&reader.actor, Actor::User(user) if entry.user.as_ref() == Some(user));
            }
            Self::Admin => Permission::Administer,
            Self::Ledger => Permission::ReadLedger,
        };
        reader.rights.permissions.contain(permission)
    }

    /// The id of the item. Administration has none: the name of a user is not sent.
    fn id(self, entry: &CommittedEntry) -> Option<String> {
        match self {
            Self::Token => entry.token.map(|id| id.to_string()),
            Self::Host => entry.host.map(|id| id.to_string()),
            Self::Enrollment => entry.enrollment.map(|id| id.to_string()),
            Self::Rule => entry.rule.map(|id| id.to_string()),
            Self::Policy => entry.policy.map(|id| id.to_string()),
            Self::Output => entry.output.map(|id| id.to_string()),
            Self::Session => entry.session.map(|id| id.to_string()),
            Self::Admin | Self::Ledger => None,
        }
    }
}

/// The kinds of items that an act changes. Refusals and readings change none: the ledger alone has them.
const fn kinds(action: Action) -> &'static [ChangedKind] {
    use ChangedKind as K;
    match action {
        Action::TokenCreated
        | Action::ServiceTokenCreated
        | Action::TokenRevoked
        | Action::TokenRotated
        | Action::TokenReleased => &[K::Token],
        Action::EnrollmentWaiting | Action::EnrollmentDenied | Action::EnrollmentExpired => {
            &[K::Enrollment, K::Token]
        }
        Action::HostEnrolled | Action::HostReenrolled => &[K::Host, K::Token, K::Enrollment, K::Rule],
        Action::OpaqueKeyReplaced
        | Action::HostRenewed
        | Action::HostAdopted
        | Action::HostQuarantined
        | Action::HostReleased
        | Action::HostRolesChanged
        | Action::HostLabelChanged
        | Action::NameWithdrawn
        | Action::NameTakenOver
        | Action::HostMoved
        | Action::HostCollected
        | Action::HostRevoked => &[K::Host],
        Action::OutputKeyCreated | Action::OutputKeyInvalidated => &[K::Host, K::Output],
        Action::RuleCreated | Action::RuleChanged | Action::RuleDeleted => &[K::Rule],
        Action::PolicyCreated | Action::PolicyChanged | Action::PolicyDeleted => &[K::Policy],
        Action::OutputCreated | Action::OutputChanged | Action::OutputDeleted => &[K::Output],
        Action::SessionStarted | Action::SessionExtended | Action::SessionEnded => &[K::Session],
        Action::TokenShown
        | Action::TokenRefused
        | Action::HostRefused
        | Action::SignInRefused
        | Action::Collected => &[],
        Action::AuthorityCreated
        | Action::AuthorityChanged
        | Action::KeyRotated
        | Action::KeyRetired
        | Action::CaRotated
        | Action::CaRevoked
        | Action::IssuerRetired
        | Action::TrustDomainChanged
        | Action::BackupMade
        | Action::ClockAccepted
        | Action::Restored
        | Action::PasswordSet
        | Action::UserCreated
        | Action::UserChanged
        | Action::UserDisabled
        | Action::UserEnabled
        | Action::ApiKeyReleased
        | Action::UserSignedOut
        | Action::UserDeleted
        | Action::ApiKeyCreated
        | Action::ApiKeyDeleted
        | Action::SettingsChanged => &[K::Admin],
    }
}

#[cfg(test)]
mod tests;
