//! Pages of lists: `limit`, `cursor`, `{"items":[…],"next":…}`.

use serde::{Deserialize, Deserializer, Serialize};

use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::service::FieldError;
use crate::store::PageQuery;

/// How many items a page has: 100 unless asked, 1000 at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit(u32);

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit =
            String::deserialize(deserializer)?.parse::<u32>().ok().filter(|limit| (1..=1000).contains(limit));
        limit.map(Self).ok_or_else(|| serde::de::Error::custom("a number from 1 to 1000"))
    }
}

/// `true` or `false` in a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "true" | "" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(serde::de::Error::custom("true or false")),
        }
    }
}

/// The page that a query asks for: one row more than it shows, so as to know whether another follows.
pub(super) fn page<Id>(
    limit: Limit,
    cursor: Option<&str>,
    parse: impl Fn(&str) -> Option<Id>,
) -> Result<PageQuery<Id>, Problem> {
    let after = match cursor {
        None => None,
        Some(cursor) => Some(parse(cursor).ok_or_else(|| wrong_cursor(cursor))?),
    };
    Ok(PageQuery { after, limit: limit.0 + 1 })
}

/// How many rows [`page`] asks for.
pub(super) const fn rows(limit: Limit) -> u32 {
    limit.0 + 1
}

/// A cursor that is none of this list's.
pub(super) fn wrong_cursor(_cursor: &str) -> Problem {
    Problem::invalid_fields(vec![FieldError::new(
        "cursor",
        "not a cursor of this list: begin again without one",
    )])
}

#[derive(Serialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// A page from the rows that [`page`] asked for.
pub(super) fn rendered<T: Serialize>(
    mut items: Vec<T>,
    limit: Limit,
    cursor: impl Fn(&T) -> String,
) -> Reply {
    let shown = usize::try_from(limit.0).unwrap_or(usize::MAX);
    let more = items.len() > shown;
    items.truncate(shown);
    let next = items.last().filter(|_| more).map(cursor);
    Reply::ok(&Page { items, next })
}

/// A list that is short enough to come whole.
pub(super) fn whole<T: Serialize>(items: Vec<T>) -> Reply {
    Reply::ok(&Page { items, next: None })
}
