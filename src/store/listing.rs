//! Which rows a list shows, and how it is read: page after page, newest first.

use super::record::*;
use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::name::Role;

/// How many rows one page looks at, at most: a filter that few rows pass costs no page more than this.
pub const MOST_LOOKED_AT: u32 = 20_000;

/// One page of a list that is ordered by id, newest first: it stays the same while rows are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageQuery<Id> {
    /// Only rows after (older than) this one.
    pub after: Option<Id>,
    /// At most this many rows.
    pub limit: u32,
    /// Look at most at this many rows for them.
    pub look_at: u32,
}

impl<Id> PageQuery<Id> {
    /// At most `limit` rows after (older than) `after`, of the next [`MOST_LOOKED_AT`].
    pub const fn new(after: Option<Id>, limit: u32) -> Self {
        Self { after, limit, look_at: MOST_LOOKED_AT }
    }
}

/// What a page found: fewer rows than asked for, or none, do not mean that the list ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, Id> {
    /// The rows.
    pub items: Vec<T>,
    /// The last row that was looked at, if others follow it.
    pub next: Option<Id>,
}

/// Which tokens a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFilter {
    /// Those of this kind.
    pub kind: TokenKind,
    /// Ended ones (used up, expired, revoked) too, however long ago; else only those that ended after this moment.
    pub ended: Ended,
    /// Only those in one of these states; `None` = whatever theirs is.
    pub states: Option<Vec<TokenState>>,
    /// Only those that give this role.
    pub role: Option<Role>,
    /// Only those whose label has this text in it, in either case.
    pub label: Option<String>,
    /// Only those minted by this actor, as the ledger names it.
    pub minter: Option<String>,
    /// Only persistent ones, or only ephemeral ones.
    pub persistent: Option<bool>,
    /// Only those that were neither minted nor used after this moment.
    pub unused_since: Option<Timestamp>,
    /// The moment that states are told of.
    pub now: Timestamp,
}

/// What a list does with rows that have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Shows all that are still kept.
    All,
    /// Shows those that were still good at this moment.
    Since(Timestamp),
}

impl TokenFilter {
    /// All tokens of a kind, or those that are live or ended lately.
    pub const fn every(kind: TokenKind, ended: Ended, now: Timestamp) -> Self {
        Self {
            kind,
            ended,
            states: None,
            role: None,
            label: None,
            minter: None,
            persistent: None,
            unused_since: None,
            now,
        }
    }

    /// Whether the list shows this token.
    pub fn shows(&self, token: &TokenRecord) -> bool {
        let Self { kind, ended, states, role, label, minter, persistent, unused_since, now } = self;
        let mint = &token.mint;
        mint.kind() == *kind
            && ended.shows(token)
            && states.as_ref().is_none_or(|states| states.contains(&token.state(*now)))
            && persistent.is_none_or(|persistent| mint.persistent == persistent)
            && minter.as_ref().is_none_or(|minter| mint.minter == *minter)
            && role.as_ref().is_none_or(|role| mint.roles.contains(role))
            && label.as_deref().is_none_or(|label| has_text(mint.label.as_str(), label))
            && unused_since.is_none_or(|since| token.unused_since(since))
    }
}

impl Ended {
    fn shows(self, token: &TokenRecord) -> bool {
        match self {
            Self::All => true,
            Self::Since(since) => [token.revoked_at, token.mint.expires_at, token.spent_at]
                .iter()
                .flatten()
                .all(|ended_at| *ended_at > since),
        }
    }
}

/// Which hosts a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFilter {
    /// Only those that this token admitted.
    pub token: Option<TokenId>,
    /// Only those in one of these states; `None` = whatever theirs is.
    pub states: Option<Vec<HostState>>,
    /// Only those with this role.
    pub role: Option<Role>,
    /// Only those whose name has this text in it, in either case.
    pub name: Option<String>,
    /// The moment that states are told of.
    pub now: Timestamp,
}

impl HostFilter {
    /// Every host, or all of those that one token admitted.
    pub const fn every(token: Option<TokenId>, now: Timestamp) -> Self {
        Self { token, states: None, role: None, name: None, now }
    }

    /// Whether the list shows this host.
    pub fn shows(&self, host: &HostRecord) -> bool {
        let Self { token, states, role, name, now } = self;
        token.is_none_or(|token| host.token == token)
            && states.as_ref().is_none_or(|states| states.contains(&host.state(*now)))
            && role.as_ref().is_none_or(|role| host.roles.contains(role))
            && name
                .as_deref()
                .is_none_or(|name| host.name.as_ref().is_some_and(|found| has_text(found.as_str(), name)))
    }
}

fn has_text(text: &str, wanted: &str) -> bool {
    text.to_lowercase().contains(&wanted.to_lowercase())
}
