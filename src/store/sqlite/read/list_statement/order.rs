//! The order of a list in SQL, and the position at which a page starts.

use crate::clock::Timestamp;
use crate::store::{Direction, Position, SortValue};

/// The least and the greatest id of a UUID's length.
const IDS: [[u8; 16]; 2] = [[0; 16], [0xff; 16]];

/// The values that sort a list.
#[derive(Clone, Copy)]
pub(in crate::store::sqlite::read) enum SortedBy {
    /// The id alone.
    Id,
    /// The moments of this column, then the id. An index has both.
    Moment(&'static str),
    /// The texts of this column, then the id. An index has both.
    Text(&'static str),
}

/// The order of a list.
#[derive(Clone, Copy)]
pub(in crate::store::sqlite::read) struct Order {
    pub(in crate::store::sqlite::read) by: SortedBy,
    pub(in crate::store::sqlite::read) direction: Direction,
}

/// The position after which a page starts.
pub(in crate::store::sqlite::read) type Start = ([u8; 16], Option<SortValue>);

impl Order {
    /// The greatest id first.
    pub(super) const NEWEST: Self = Self { by: SortedBy::Id, direction: Direction::Desc };

    /// The column that sorts before the id.
    pub(in crate::store::sqlite::read) const fn column(self) -> Option<&'static str> {
        match self.by {
            SortedBy::Id => None,
            SortedBy::Moment(column) | SortedBy::Text(column) => Some(column),
        }
    }

    /// The start of the page after `after`, or of the first page. With `beyond`, an ascending list starts after that moment.
    pub(in crate::store::sqlite::read) fn start<Id>(
        self,
        after: Option<&Position<Id>>,
        bytes: impl Fn(&Id) -> &[u8; 16],
        beyond: Option<Timestamp>,
    ) -> Start {
        if let Some(Position { id, value }) = after {
            return (*bytes(id), value.clone());
        }
        let [least, greatest] = IDS;
        match (self.direction, beyond) {
            (Direction::Asc, Some(beyond)) => (greatest, Some(SortValue::Moment(beyond.millis()))),
            (Direction::Asc, None) => (least, self.end(i64::MIN, "")),
            (Direction::Desc, _) => (greatest, self.end(i64::MAX, "\u{10ffff}")),
        }
    }

    fn end(self, moment: i64, text: &str) -> Option<SortValue> {
        match self.by {
            SortedBy::Id => None,
            SortedBy::Moment(_) => Some(SortValue::Moment(moment)),
            SortedBy::Text(_) => Some(SortValue::Text(text.to_owned())),
        }
    }

    /// The condition of rows that `?1` and `?2` precede.
    pub(super) fn follows(self, id: &str) -> String {
        let sign = if self.is_descending() { "<" } else { ">" };
        match self.column() {
            None => format!("{id} {sign} ?1"),
            Some(column) => format!("({column}, {id}) {sign} (?2, ?1)"),
        }
    }

    /// The condition of rows up to the position in the parameters `at` and the next one.
    pub(super) fn until(self, id: &str, at: usize) -> String {
        let sign = if self.is_descending() { ">=" } else { "<=" };
        match self.column() {
            None => format!("{id} {sign} ?{at}"),
            Some(column) => format!("({column}, {id}) {sign} (?{}, ?{at})", at + 1),
        }
    }

    /// The terms of the order. No index has those of rows that are read whole: they are sorted.
    pub(super) fn terms(self, id: &str, whole: bool) -> String {
        let direction = if self.is_descending() { "DESC" } else { "ASC" };
        match self.column() {
            None => format!("{id} {direction}"),
            Some(column) if whole => format!("coalesce({column}, {column}) {direction}, {id} {direction}"),
            Some(column) => format!("{column} {direction}, {id} {direction}"),
        }
    }

    /// The selected sort value, after other columns.
    pub(super) fn selected(self) -> String {
        self.column().map_or_else(String::new, |column| format!(", {column} AS sort_value"))
    }

    fn is_descending(self) -> bool {
        self.direction == Direction::Desc
    }
}
