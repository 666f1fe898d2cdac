//! The columns of a list.

use serde_json::Value;

use super::text_at;

/// The columns of a list, and the paths of an item's id and name.
pub struct Columns {
    /// Path of the whole id, for `-o id`.
    pub id: &'static str,
    /// Path of the name, for `-o name`.
    pub name: &'static str,
    /// The columns of the table.
    pub shown: &'static [Column],
}

/// A column of a list.
#[derive(Clone, Copy)]
pub struct Column {
    /// Heading of the table, in capitals.
    pub heading: &'static str,
    place: &'static str,
    /// The way it is shown.
    pub kind: CellKind,
    /// Columns of the highest rank are dropped first; those of rank 0 stay.
    pub rank: u8,
}

/// The way a value is shown to people. Scripts get it whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// Free text, which may be cut.
    Text,
    /// An id, of which the last characters are shown.
    Id,
    /// A time, shown relative to now.
    Time,
    /// A state, in its colour.
    State,
    /// An actor, as the ledger names it, with the path of its label.
    Actor(&'static str),
    /// Names and ids by their kind.
    Subjects,
}

impl Column {
    /// The item's own id.
    pub const ID: Self = Self::id("ID", "id");
    /// The item's own state.
    pub const STATE: Self = Self::state("STATE", "state");

    const fn new(heading: &'static str, place: &'static str, kind: CellKind) -> Self {
        Self { heading, place, kind, rank: 0 }
    }

    /// A column of text. `place` is a path, as [`text_at`] reads it.
    pub const fn text(heading: &'static str, place: &'static str) -> Self {
        Self::new(heading, place, CellKind::Text)
    }

    /// A column of ids.
    pub const fn id(heading: &'static str, place: &'static str) -> Self {
        Self::new(heading, place, CellKind::Id)
    }

    /// A column of times.
    pub const fn time(heading: &'static str, place: &'static str) -> Self {
        Self::new(heading, place, CellKind::Time)
    }

    /// A column of states.
    pub const fn state(heading: &'static str, place: &'static str) -> Self {
        Self::new(heading, place, CellKind::State)
    }

    /// A column of actors. `label` is the path of an API key's label.
    pub const fn actor(heading: &'static str, place: &'static str, label: &'static str) -> Self {
        Self::new(heading, place, CellKind::Actor(label))
    }

    /// A column of subjects: an object of ids and names.
    pub const fn subjects(heading: &'static str, place: &'static str) -> Self {
        Self::new(heading, place, CellKind::Subjects)
    }

    /// The same column, dropped from a narrow terminal before those of a lower rank.
    pub const fn rank(self, rank: u8) -> Self {
        Self { rank, ..self }
    }

    /// Returns true for a column whose cells may be cut.
    pub fn may_be_cut(&self) -> bool {
        matches!(self.kind, CellKind::Text | CellKind::Actor(_) | CellKind::Subjects)
    }

    /// The whole value of `item`, for scripts.
    pub fn whole(&self, item: &Value) -> String {
        text_at(item, self.place)
    }
}
