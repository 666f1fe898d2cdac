//! The order of sorted lists, and the positions of their rows.

use serde::{Deserialize, Serialize};

/// The value that sorts a list of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum TokenSort {
    /// The id, whose first part is the time of minting.
    Created,
    /// The expiry. A token without one comes after all others.
    Expires,
}

/// The value that sorts a list of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum HostSort {
    /// The id, whose first part is the time of enrollment.
    Enrolled,
    /// The DNS name, or else the reported hostname, in lower case. A host without either comes before all others.
    Name,
    /// The last contact, or else the enrollment.
    LastSeen,
    /// The expiry of the newest certificate.
    Expires,
}

/// The direction of a sorted list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The least value first.
    Asc,
    /// The greatest value first.
    Desc,
}

/// The order of a list. Rows with equal values are sorted by their ids, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sorting<Key> {
    /// The value that sorts.
    pub by: Key,
    /// The least or the greatest value first.
    pub direction: Direction,
}

impl Sorting<TokenSort> {
    /// The newest token first.
    pub const NEWEST: Self = Self { by: TokenSort::Created, direction: Direction::Desc };
}

impl Sorting<HostSort> {
    /// The newest host first.
    pub const NEWEST: Self = Self { by: HostSort::Enrolled, direction: Direction::Desc };
}

/// The position of a row in a sorted list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position<Id> {
    /// The row's id.
    pub id: Id,
    /// The row's value; `None` in a list that the id sorts.
    pub value: Option<SortValue>,
}

impl<Id> Position<Id> {
    /// The position in a list that the id sorts.
    pub const fn by_id(id: Id) -> Self {
        Self { id, value: None }
    }
}

/// A value that sorts a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortValue {
    /// A time in milliseconds.
    Moment(i64),
    /// A text, compared by its bytes.
    Text(String),
}
