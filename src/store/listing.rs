//! Filters and pages of lists, newest first.

use super::record::*;
use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::name::Role;

/// Maximum number of rows that one page judges. A filter that few rows pass costs no page more than this.
pub const MOST_LOOKED_AT: u32 = 20_000;

/// One page of a list in descending order of its ids. The page stays the same while rows are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageQuery<Id> {
    /// The row before the page; the page has older ones only.
    pub after: Option<Id>,
    /// Maximum number of rows.
    pub limit: u32,
    /// Maximum number of rows that are judged for them.
    pub look_at: u32,
}

impl<Id> PageQuery<Id> {
    /// At most `limit` rows after `after`, of the next [`MOST_LOOKED_AT`].
    pub const fn new(after: Option<Id>, limit: u32) -> Self {
        Self { after, limit, look_at: MOST_LOOKED_AT }
    }
}

/// A page of rows. Fewer rows than the limit, or none, do not mean that the list ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, Id> {
    /// The rows.
    pub items: Vec<T>,
    /// The last row that was judged, if others follow it.
    pub next: Option<Id>,
}

/// A condition on a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameFilter {
    /// The name itself. An index finds it.
    Exact(String),
    /// A pattern in which `*` stands for any text, and ASCII letters match in either case. Each row is judged.
    Pattern(String),
}

impl NameFilter {
    /// Reads a text: a pattern if it has a `*`.
    pub fn new(text: String) -> Self {
        if text.contains('*') { Self::Pattern(text) } else { Self::Exact(text) }
    }
}

/// A filter of tokens. Each condition is for tokens that a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFilter {
    /// Kind of the tokens.
    pub kind: TokenKind,
    /// Treatment of ended tokens: used up, expired or revoked.
    pub ended: EndedTokens,
    /// States, of which a token has one; `None` for any.
    pub states: Option<Vec<TokenState>>,
    /// A role that the token gives.
    pub role: Option<Role>,
    /// A condition on the label.
    pub label: Option<NameFilter>,
    /// The minter, as the ledger names actors.
    pub minter: Option<String>,
    /// True for persistent tokens, false for ephemeral ones.
    pub persistent: Option<bool>,
    /// A moment after which the token was neither minted nor used.
    pub unused_since: Option<Timestamp>,
    /// The moment of the states.
    pub now: Timestamp,
}

/// Treatment of ended tokens in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedTokens {
    /// Shows all that the store keeps.
    All,
    /// Shows those that ended after this moment.
    Since(Timestamp),
}

impl TokenFilter {
    /// A filter without conditions but these.
    pub const fn every(kind: TokenKind, ended: EndedTokens, now: Timestamp) -> Self {
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
}

/// A filter of hosts. Each condition is for hosts that a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFilter {
    /// The token that admitted the host.
    pub token: Option<TokenId>,
    /// States, of which a host has one; `None` for any.
    pub states: Option<Vec<HostState>>,
    /// A role of the host.
    pub role: Option<Role>,
    /// The DNS name.
    pub name: Option<NameFilter>,
    /// The moment of the states.
    pub now: Timestamp,
}

impl HostFilter {
    /// A filter for every host, or for every host of one token.
    pub const fn every(token: Option<TokenId>, now: Timestamp) -> Self {
        Self { token, states: None, role: None, name: None, now }
    }
}
