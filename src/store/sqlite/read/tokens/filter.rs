//! The filter of a list of tokens, as conditions in SQL.

use crate::id::TokenId;
use crate::name::Role;
use crate::store::sqlite::read::list_statement::{ListStatement, Tables};
use crate::store::{EndedTokens, NameFilter, TokenFilter, TokenKind, TokenState};

const MINTS: Tables = Tables {
    all: "mints AS m LEFT JOIN uses AS u ON u.token = m.token",
    walked: "mints AS m",
    id: "m.token",
    join: "",
};
const ROLES: Tables = Tables {
    all: "mint_roles AS r CROSS JOIN mints AS m LEFT JOIN uses AS u ON u.token = m.token",
    walked: "mint_roles AS r",
    id: "r.token",
    join: " AND m.token = r.token",
};
const USES: Tables = Tables {
    all: "uses AS u CROSS JOIN mints AS m",
    walked: "uses AS u",
    id: "u.token",
    join: " AND m.token = u.token",
};

/// The condition that chooses the index: the first of these that the filter has.
enum TokenWalk<'a> {
    Label(&'a str),
    Minter(&'a str),
    Role(&'a Role),
    /// The states of a used-up token.
    Used,
    /// The states of a revoked or due token.
    Revoked,
    Persistent(bool),
    Kind,
}

impl<'a> TokenWalk<'a> {
    fn of(filter: &'a TokenFilter) -> Self {
        let only = |states: &[TokenState]| {
            filter.states.as_ref().is_some_and(|wanted| wanted.iter().all(|state| states.contains(state)))
        };
        match filter {
            TokenFilter { label: Some(NameFilter::Exact(label)), .. } => Self::Label(label),
            TokenFilter { minter: Some(minter), .. } => Self::Minter(minter),
            TokenFilter { role: Some(role), .. } => Self::Role(role),
            _ if only(&[TokenState::Used, TokenState::Exhausted]) => Self::Used,
            _ if only(&[TokenState::Revoked]) => Self::Revoked,
            TokenFilter { persistent: Some(persistent), kind: TokenKind::Enrollment, .. } => {
                Self::Persistent(*persistent)
            }
            _ => Self::Kind,
        }
    }
}

/// Selects the tokens of a list, after `after`.
pub(in crate::store::sqlite) fn select(filter: &TokenFilter, after: Option<TokenId>) -> ListStatement {
    let walk = TokenWalk::of(filter);
    let tables = match walk {
        TokenWalk::Role(_) => ROLES,
        TokenWalk::Used => USES,
        _ => MINTS,
    };
    let mut selection = ListStatement::new(columns!(), tables, after.map(|after| *after.as_bytes()));
    match walk {
        TokenWalk::Label(label) => selection.walk_value("m.label =", label.to_owned()),
        TokenWalk::Minter(minter) => selection.walk_value("m.minter =", minter.to_owned()),
        TokenWalk::Role(role) => selection.walk_value("r.role =", role.clone()),
        TokenWalk::Used => {}
        TokenWalk::Revoked => selection.walk("(m.revoked_at IS NOT NULL OR m.revoke_at IS NOT NULL)"),
        TokenWalk::Persistent(true) => selection.walk("m.persistent = 1"),
        TokenWalk::Persistent(false) => selection.walk("m.persistent = 0 AND m.audience IS NULL"),
        TokenWalk::Kind => selection.walk(kind(filter.kind)),
    }
    judge(filter, &walk, &mut selection);
    selection
}

const fn kind(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Enrollment => "m.audience IS NULL",
        TokenKind::Service => "m.audience IS NOT NULL",
    }
}

/// Adds the conditions that the walk does not meet.
fn judge(filter: &TokenFilter, walk: &TokenWalk<'_>, selection: &mut ListStatement) {
    if !matches!(walk, TokenWalk::Kind | TokenWalk::Persistent(false)) {
        selection.only(kind(filter.kind));
    }
    if let (Some(persistent), false) = (filter.persistent, matches!(walk, TokenWalk::Persistent(_))) {
        selection.only(if persistent { "m.persistent = 1" } else { "m.persistent = 0" });
    }
    if let (Some(label), false) = (&filter.label, matches!(walk, TokenWalk::Label(_))) {
        selection.only_name("m.label", label);
    }
    if let (Some(minter), false) = (&filter.minter, matches!(walk, TokenWalk::Minter(_))) {
        selection.only_value("m.minter =", minter.clone());
    }
    if let (Some(role), false) = (&filter.role, matches!(walk, TokenWalk::Role(_))) {
        let role = selection.bind(role.clone());
        selection.only(&format!(
            "EXISTS (SELECT 1 FROM mint_roles AS s WHERE s.role = {role} AND s.token = m.token)"
        ));
    }
    judge_times(filter, selection);
}

fn judge_times(filter: &TokenFilter, selection: &mut ListStatement) {
    if let EndedTokens::Since(since) = filter.ended {
        let since = selection.bind(since);
        for end in ["m.revoked_at", "m.expires_at", "u.spent_at"] {
            selection.only(&format!("({end} IS NULL OR {end} > {since})"));
        }
    }
    if let Some(since) = filter.unused_since {
        let since = selection.bind(since);
        // A use of an unknown moment counts as recent.
        selection.only(&format!(
            "m.created_at <= {since} AND (u.last_at <= {since} OR (u.last_at IS NULL AND coalesce(u.used, 0) = 0))"
        ));
    }
    if let Some(states) = &filter.states {
        let now = selection.bind(filter.now);
        let states: Vec<String> = states.iter().map(|wanted| state(*wanted, &now)).collect();
        selection.only(&format!("({})", states.join(" OR ")));
    }
}

/// Returns the condition of a state at `now`. [`TokenRecord::state`](crate::store::TokenRecord::state) does the same for a record.
fn state(state: TokenState, now: &str) -> String {
    let spent = "(m.max_uses IS NOT NULL AND coalesce(u.used, 0) >= m.max_uses)";
    let expired = format!("(m.expires_at IS NOT NULL AND m.expires_at <= {now})");
    let due = format!("(m.revoke_at IS NOT NULL AND m.revoke_at <= {now})");
    let live = format!("m.revoked_at IS NULL AND NOT {spent} AND NOT {expired} AND NOT {due}");
    let once = "(m.max_uses IS NOT NULL AND m.max_uses = 1)";
    match state {
        TokenState::Pending => format!("({live} AND {once})"),
        TokenState::Active => format!("({live} AND NOT {once})"),
        TokenState::Used => format!("(m.revoked_at IS NULL AND {spent} AND {once})"),
        TokenState::Exhausted => format!("(m.revoked_at IS NULL AND {spent} AND NOT {once})"),
        TokenState::Expired => format!("(m.revoked_at IS NULL AND NOT {spent} AND {expired})"),
        TokenState::Revoked => {
            format!("(m.revoked_at IS NOT NULL OR (NOT {spent} AND NOT {expired} AND {due}))")
        }
    }
}
