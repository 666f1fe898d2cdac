//! The filter of a list of tokens, as conditions in SQL.

use strum::VariantArray as _;

use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::store::sqlite::driver::{self, Sql};
use crate::store::sqlite::read::list_statement::{
    ListStatement, Order, SortedBy, Tables, Way, count_by_state,
};
use crate::store::{
    EXPIRY_WARNING, EndedTokens, NameFilter, Position, TokenFilter, TokenSort, TokenState, TokenType,
};

/// The ids of the tokens of a search, by its indexes.
macro_rules! found {
    ($union:literal) => {
        concat!(
            "(SELECT s.token FROM mints AS s WHERE lower(s.label) >= ?3 AND lower(s.label) < ?4 ",
            $union,
            " SELECT s.token FROM mints AS s WHERE substr(s.token, 13) = ?5 ",
            $union,
            " SELECT s.token FROM mints AS s WHERE s.token = ?6) AS f"
        )
    };
}

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

/// Tokens of a search, whose values are the first ones after the start.
const FOUND: Tables = Tables {
    all: concat!(found!("UNION"), " CROSS JOIN mints AS m LEFT JOIN uses AS u ON u.token = m.token"),
    walked: found!("UNION ALL"),
    id: "f.token",
    join: " AND m.token = f.token",
};

/// The condition of a search that judges each token.
const IS_FOUND: &str =
    "lower(m.label) >= ?3 AND lower(m.label) < ?4 OR substr(m.token, 13) = ?5 OR m.token = ?6";

/// The order of the list of a filter.
pub(super) fn order(filter: &TokenFilter) -> Order {
    let by = match filter.sort.by {
        TokenSort::Created => SortedBy::Id,
        TokenSort::Expires => SortedBy::Moment("m.sort_expiry"),
    };
    Order { by, direction: filter.sort.direction }
}

/// The start of a list: a list of live tokens by expiry begins with the live ones.
fn start(filter: &TokenFilter, after: Option<&Position<TokenId>>, way: Way) -> ListStatement {
    let order = order(filter);
    let is_live = |states: &Vec<_>| states.iter().all(|state| TokenState::LIVE.contains(state));
    let are_live = filter.sort.by == TokenSort::Expires && filter.states.as_ref().is_some_and(is_live);
    let beyond = are_live.then_some(filter.now);
    let start = order.start(after, TokenId::as_bytes, beyond);
    let mut list = ListStatement::sorted(columns!(), MINTS, order, start);
    if let Some(search) = &filter.search {
        list.bind(search.text().to_owned());
        list.bind(search.end());
        list.bind(search.short_id());
        list.bind(TokenId::parse(search.text()));
    }
    match (way, beyond) {
        (Way::Condition, _) => {}
        (Way::Search, _) => list.walk(FOUND, None),
        (Way::Order, None) => list.walk(MINTS, Some(of_type(filter))),
        (Way::Order, Some(beyond)) => {
            let beyond = list.bind(beyond);
            list.walk(MINTS, Some(&format!("{} AND m.sort_expiry > {beyond}", of_type(filter))));
        }
    }
    list
}

/// Selects the tokens of a list, after `after`.
pub(in crate::store::sqlite) fn select(
    filter: &TokenFilter,
    after: Option<&Position<TokenId>>,
    way: Way,
) -> ListStatement {
    let mut list = start(filter, after, way);
    if let Some(short) = filter.short_id {
        list.indexed(MINTS, "substr(m.token, 13)", short);
    }
    if let Some(batch) = filter.batch {
        list.indexed(MINTS, "m.batch", batch);
    }
    if let Some(policy) = filter.policy {
        list.indexed(MINTS, "m.policy", policy);
    }
    if let Some(NameFilter::Exact(label)) = &filter.label {
        list.exactly(MINTS, "m.label", label);
    }
    if let Some(minter) = &filter.minter {
        list.indexed(MINTS, "m.minter", minter.clone());
    }
    if let Some(role) = &filter.role {
        list.role(
            ROLES,
            role,
            "EXISTS (SELECT 1 FROM mint_roles AS s WHERE s.role = ? AND s.token = m.token)",
        );
    }
    if let Some([kind]) = filter.kinds.as_deref() {
        list.indexed(MINTS, "m.kind", *kind);
    }
    walk_by_state_or_type(filter, &mut list);
    if let Some(kinds @ ([] | [_, _, ..])) = filter.kinds.as_deref() {
        let kinds: Vec<_> = kinds.iter().map(|kind| list.bind(*kind)).collect();
        list.only(&format!("m.kind IN ({})", kinds.join(", ")));
    }
    if filter.search.is_some() && way != Way::Search {
        list.only(IS_FOUND);
    }
    list.pattern("m.label", filter.label.as_ref());
    judge_times(filter, &mut list);
    list
}

/// Counts the enrollment tokens in each state at `now`.
pub(super) fn count(sql: Sql<'_>, now: Timestamp) -> driver::Result<Vec<(TokenState, u64)>> {
    count_by_state(sql, (MINTS, "m.audience IS NULL"), TokenState::VARIANTS, now, state)
}

/// Counts the tokens that many hosts share, are in use, and expire soon after `now`. An index has the kinds.
pub(super) fn count_expiring(sql: Sql<'_>, now: Timestamp) -> driver::Result<u64> {
    let live = TokenState::LIVE.map(|live| state(live, "?1")).join(" OR ");
    let text = format!(
        "SELECT count(*) FROM mints AS m JOIN uses AS u ON u.token = m.token \
         WHERE m.kind IN ('cluster', 'policy') AND m.expires_at <= ?2 AND m.replaced_by IS NULL AND u.used > 0 AND ({live})"
    );
    Ok(sql.one(&text, [now, now.plus(EXPIRY_WARNING)], |row| row.get(0))?.unwrap_or_default())
}

const fn of_type(filter: &TokenFilter) -> &'static str {
    match filter.token_type {
        TokenType::Enrollment => "m.audience IS NULL",
        TokenType::Service => "m.audience IS NOT NULL",
    }
}

/// Walks by state, else by type and whether the tokens are persistent.
fn walk_by_state_or_type(filter: &TokenFilter, list: &mut ListStatement) {
    let of_type = of_type(filter);
    let only = |states: &[TokenState]| {
        filter.states.as_ref().is_some_and(|wanted| wanted.iter().all(|state| states.contains(state)))
    };
    match (filter.persistent, filter.token_type) {
        _ if list.is_walked() => {}
        _ if only(&[TokenState::Used, TokenState::Exhausted]) => list.walk(USES, None),
        _ if only(&[TokenState::Suspended]) => list.walk(MINTS, Some("m.suspended_at IS NOT NULL")),
        _ if only(&[TokenState::Revoked]) => {
            list.walk(MINTS, Some("(m.revoked_at IS NOT NULL OR m.revoke_at IS NOT NULL)"));
        }
        (Some(true), TokenType::Enrollment) => list.walk(MINTS, Some("m.persistent = 1")),
        (Some(false), TokenType::Enrollment) => {
            list.walk(MINTS, Some("m.persistent = 0 AND m.audience IS NULL"));
        }
        _ => list.walk(MINTS, Some(of_type)),
    }
    list.only(of_type);
    if let Some(persistent) = filter.persistent {
        list.only(if persistent { "m.persistent = 1" } else { "m.persistent = 0" });
    }
}

fn judge_times(filter: &TokenFilter, list: &mut ListStatement) {
    if let EndedTokens::Since(since) = filter.ended {
        let since = list.bind(since);
        for end in ["m.revoked_at", "m.expires_at", "u.spent_at"] {
            list.only(&format!("({end} IS NULL OR {end} > {since})"));
        }
    }
    if let Some(since) = filter.unused_since {
        let since = list.bind(since);
        // A use of an unknown moment counts as recent.
        list.only(&format!(
            "m.created_at <= {since} AND (u.last_at <= {since} OR (u.last_at IS NULL AND coalesce(u.used, 0) = 0))"
        ));
    }
    if let Some(states) = &filter.states {
        list.states(states, filter.now, state);
    }
}

/// Returns the condition of a token that admits hosts at `now`.
pub(in crate::store::sqlite::read) fn is_live(now: &str) -> String {
    let live = TokenState::LIVE.map(|live| state(live, now)).join(" OR ");
    format!("({live})")
}

/// Returns the condition of a state at `now`. [`TokenRecord::state`](crate::store::TokenRecord::state) does the same for a record.
fn state(state: TokenState, now: &str) -> String {
    let spent = "(m.max_uses IS NOT NULL AND coalesce(u.used, 0) >= m.max_uses)";
    let expired = format!("(m.expires_at IS NOT NULL AND m.expires_at <= {now})");
    let due = format!("(m.revoke_at IS NOT NULL AND m.revoke_at <= {now})");
    let not_ended = format!("m.revoked_at IS NULL AND NOT {spent} AND NOT {expired} AND NOT {due}");
    let live = format!("{not_ended} AND m.suspended_at IS NULL");
    let once = "(m.max_uses IS NOT NULL AND m.max_uses = 1)";
    match state {
        TokenState::Pending => format!("({live} AND {once})"),
        TokenState::Active => format!("({live} AND NOT {once})"),
        TokenState::Used => format!("(m.revoked_at IS NULL AND {spent} AND {once})"),
        TokenState::Exhausted => format!("(m.revoked_at IS NULL AND {spent} AND NOT {once})"),
        TokenState::Expired => format!("(m.revoked_at IS NULL AND NOT {spent} AND {expired})"),
        TokenState::Suspended => format!("({not_ended} AND m.suspended_at IS NOT NULL)"),
        TokenState::Revoked => {
            format!("(m.revoked_at IS NOT NULL OR (NOT {spent} AND NOT {expired} AND {due}))")
        }
    }
}
