//! Filters, orders and pages of lists. Without an order, the newest row is first.

mod order;
mod search;

pub use self::order::{Direction, HostSort, Position, SortValue, Sorting, TokenSort};
pub use self::search::Search;
use super::record::*;
use crate::clock::Timestamp;
use crate::id::{BatchId, HostId, PolicyId, ShortId, TokenId};
use crate::ledger::{Action, EntryRecord, Outcome};
use crate::name::{Cluster, Role};

/// Maximum number of rows that one page judges. A filter that few rows pass costs no page more than this.
pub const MOST_LOOKED_AT: u32 = 20_000;

/// One page of a list. The page stays the same while rows are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageQuery<Id> {
    /// The row before the page; the page has later rows of the list only.
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
    /// Type of the tokens.
    pub token_type: TokenType,
    /// The end of the id.
    pub short_id: Option<ShortId>,
    /// Treatment of ended tokens: used up, expired or revoked.
    pub ended: EndedTokens,
    /// States, of which a token has one; `None` for any.
    pub states: Option<Vec<TokenState>>,
    /// A role that the token gives.
    pub role: Option<Role>,
    /// A condition on the label.
    pub label: Option<NameFilter>,
    /// Kinds, of which a token has one; `None` for any.
    pub kinds: Option<Vec<TokenKind>>,
    /// The minter, as the ledger names actors.
    pub minter: Option<String>,
    /// The batch in which the token was minted.
    pub batch: Option<BatchId>,
    /// The policy of the token's hosts.
    pub policy: Option<PolicyId>,
    /// True for persistent tokens, false for ephemeral ones.
    pub persistent: Option<bool>,
    /// A moment after which the token was neither minted nor used.
    pub unused_since: Option<Timestamp>,
    /// A search for the label or the id.
    pub search: Option<Search>,
    /// The order of the list.
    pub sort: Sorting<TokenSort>,
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
    pub const fn every(token_type: TokenType, ended: EndedTokens, now: Timestamp) -> Self {
        Self {
            token_type,
            short_id: None,
            ended,
            states: None,
            role: None,
            label: None,
            kinds: None,
            minter: None,
            batch: None,
            policy: None,
            persistent: None,
            unused_since: None,
            search: None,
            sort: Sorting::<TokenSort>::NEWEST,
            now,
        }
    }
}

/// A filter of the tokens that have an `api_key`. Each condition is for tokens that a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetFilter {
    /// The policy of the token.
    pub policy: Option<PolicyId>,
    /// The token itself.
    pub token: Option<TokenId>,
    /// The token's label.
    pub label: Option<String>,
    /// True for tokens that admit hosts, false for ended ones.
    pub active: Option<bool>,
    /// The moment of the states.
    pub now: Timestamp,
}

/// A page of tokens that have an `api_key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetPage {
    /// The tokens.
    pub items: Vec<TokenRecord>,
    /// Number of tokens on all pages.
    pub total: u64,
}

/// A filter of hosts. Each condition is for hosts that a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFilter {
    /// The end of the id.
    pub short_id: Option<ShortId>,
    /// The token that admitted the host.
    pub token: Option<TokenId>,
    /// States, of which a host has one; `None` for any.
    pub states: Option<Vec<HostState>>,
    /// A role of the host.
    pub role: Option<Role>,
    /// Conditions on names and labels.
    pub texts: HostTexts,
    /// The cluster that the host named.
    pub cluster: Option<Cluster>,
    /// The policy of the host.
    pub policy: Option<PolicyId>,
    /// A moment since which the host was not seen.
    pub unseen_since: Option<Timestamp>,
    /// A moment by which the newest certificate expires, if it is still valid.
    pub expires_by: Option<Timestamp>,
    /// True for hosts whose renewal is overdue: they are not revoked.
    pub overdue: bool,
    /// A search for the label, the name, the reported hostname or the id.
    pub search: Option<Search>,
    /// The order of the list.
    pub sort: Sorting<HostSort>,
    /// The moment of the states.
    pub now: Timestamp,
}

/// A filter of the current chain's entries. Each condition is for entries that a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// The number of an earlier entry.
    pub after: Option<u64>,
    /// The actor, as the ledger names it.
    pub actor: Option<String>,
    /// The act.
    pub action: Option<Action>,
    /// The end of the act.
    pub outcome: Option<Outcome>,
    /// The token that the entry is about.
    pub token: Option<TokenId>,
    /// The host that the entry is about.
    pub host: Option<HostId>,
    /// The first moment.
    pub since: Option<Timestamp>,
    /// The moment after the last one.
    pub until: Option<Timestamp>,
}

impl EntryFilter {
    /// Returns true if an entry meets every condition. The statement of a list does the same in SQL.
    pub fn matches(&self, entry: &EntryRecord) -> bool {
        let Self { after, actor, action, outcome, token, host, since, until } = self;
        let EntryRecord { origin, .. } = entry;
        after.is_none_or(|after| entry.seq > after)
            && actor.as_ref().is_none_or(|actor| origin.actor == *actor)
            && action.is_none_or(|action| entry.action == action.as_str())
            && outcome.is_none_or(|outcome| entry.outcome == outcome.as_str())
            && (token.is_none() || entry.token == *token)
            && (host.is_none() || entry.host == *host)
            && since.is_none_or(|since| origin.at >= since)
            && until.is_none_or(|until| origin.at < until)
    }
}

/// A filter of enrollments. Each condition is for enrollments that a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollmentFilter {
    /// The end of the id.
    pub short_id: Option<ShortId>,
    /// States, of which an enrollment has one; `None` for any.
    pub states: Option<Vec<EnrollmentState>>,
    /// The token that the host redeems.
    pub token: Option<TokenId>,
    /// The cluster that the host named.
    pub cluster: Option<Cluster>,
    /// A role of the token.
    pub role: Option<Role>,
    /// The moment of the states.
    pub now: Timestamp,
}

/// Conditions on the texts by which people recognise hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostTexts {
    /// The DNS name.
    pub name: Option<NameFilter>,
    /// The label from an administrator, or else the reported one.
    pub label: Option<NameFilter>,
    /// The hostname from the report.
    pub hostname: Option<NameFilter>,
    /// True if a host's own words match, also a search: its hostname, and its label if no administrator gave it one.
    pub reported_words: bool,
}

impl HostTexts {
    /// No condition.
    pub const ANY: Self = Self { name: None, label: None, hostname: None, reported_words: true };
}

impl HostFilter {
    /// A filter for every host, or for every host of one token.
    pub const fn every(token: Option<TokenId>, now: Timestamp) -> Self {
        Self {
            short_id: None,
            token,
            states: None,
            role: None,
            texts: HostTexts::ANY,
            cluster: None,
            policy: None,
            unseen_since: None,
            expires_by: None,
            overdue: false,
            search: None,
            sort: Sorting::<HostSort>::NEWEST,
            now,
        }
    }
}
