//! Cells of a table for people.

use serde_json::Value;

use super::{Screen, text_of, time};
use crate::cells::{CellKind, Column};
use crate::clock::Timestamp;

/// The text of a cell, and its colour: a parameter of SGR (ECMA-48).
pub(super) struct Cell {
    /// The text.
    pub(super) text: String,
    /// The colour, if the terminal wants one.
    pub(super) colour: Option<&'static str>,
}

impl Column {
    /// The cell of `item` on `screen`.
    pub(super) fn cell(&self, item: &Value, screen: &Screen) -> Cell {
        let whole = self.whole(item);
        let colour = if self.kind == CellKind::State && screen.colour { colour(&whole) } else { None };
        let text = match self.kind {
            CellKind::Time if !screen.utc => match Timestamp::parse_rfc3339(&whole) {
                Some(at) => time::relative(at, screen.now),
                None => whole,
            },
            CellKind::Text | CellKind::Time | CellKind::State => whole,
            CellKind::Id | CellKind::Actor(_) | CellKind::Subjects if screen.wide => whole,
            CellKind::Id => short(&whole).to_owned(),
            CellKind::Actor(label) => actor(&whole, text_of(item, label)),
            CellKind::Subjects => subjects(&whole),
        };
        Cell { text, colour }
    }
}

/// Number of characters of a short id.
pub(crate) const SHORT: usize = 8;

/// The last characters of an id.
pub(crate) fn short(id: &str) -> &str {
    let start = id.char_indices().rev().nth(SHORT - 1).map_or(0, |(place, _)| place);
    &id[start..]
}

/// An actor for people: a user by name, an API key by its label, any other by its kind and short id. Only a user stands
/// without a kind, so that no label can pass for one.
fn actor(actor: &str, label: Option<String>) -> String {
    match (actor.split_once(':'), label) {
        (Some(("user", name)), _) => name.to_owned(),
        (Some(("api_key", _)), Some(label)) => format!("api-key {label}"),
        (Some((kind, id)), _) => format!("{} {}", kind.replace('_', "-"), short(id)),
        (None, _) => actor.to_owned(),
    }
}

/// Subjects for people: `kind=id` with short ids.
fn subjects(whole: &str) -> String {
    let subject = |subject: &str| match subject.split_once('=') {
        Some((kind, id)) if kind != "user" => format!("{kind}={}", short(id)),
        _ => subject.to_owned(),
    };
    whole.split(' ').map(subject).collect::<Vec<_>>().join(" ")
}

/// The colour of a state: green works, yellow needs attention soon, red is shut out, dim is over.
fn colour(state: &str) -> Option<&'static str> {
    match state {
        "active" | "pending" | "live" | "current" => Some("32"),
        "expiring" | "waiting" | "suspended" => Some("33"),
        "lapsed" | "quarantined" | "revoked" | "refused" => Some("31"),
        "used" | "exhausted" | "expired" | "previous" | "retired" => Some("2"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cell(column: Column, item: &Value) -> String {
        let now = Timestamp::parse_rfc3339("2026-11-29T12:00:00Z").unwrap();
        column.cell(item, &Screen::plain(now)).text
    }

    #[test]
    fn people_see_the_end_of_an_id() {
        let item = json!({"id": "0190a0b0-c0d0-7abc-8def-0123456789ab", "key": "x\u{fc}"});
        assert_eq!(cell(Column::ID, &item), "456789ab");
        assert_eq!(cell(Column::id("ID", "key"), &item), "x\u{fc}");
        assert_eq!(cell(Column::id("ID", "none"), &item), "-");
    }

    #[test]
    fn only_a_column_of_times_is_relative() {
        let item = json!({"at": "2026-11-29T12:14:30Z", "never": null});
        assert_eq!(cell(Column::time("AT", "at"), &item), "in 14m");
        assert_eq!(cell(Column::text("LABEL", "at"), &item), "2026-11-29T12:14:30Z");
        assert_eq!(cell(Column::time("AT", "never?never"), &item), "never");
    }

    #[test]
    fn an_actor_is_named_by_kind_and_short_id() {
        let id = "0190a0b0-c0d0-7abc-8def-0123456789ab";
        for (actor, shown) in [
            (String::from("user:anna"), "anna"),
            (format!("api_key:{id}"), "api-key 456789ab"),
            (format!("host:{id}"), "host 456789ab"),
            (String::from("system"), "system"),
        ] {
            let column = Column::actor("ACTOR", "actor", "label");
            assert_eq!(cell(column, &json!({ "actor": actor })), shown);
        }
    }

    #[test]
    fn a_label_passes_for_no_user() {
        let column = Column::actor("MINTER", "minter", "label");
        let minted = |minter: &str| json!({ "minter": minter, "label": "admin" });
        assert_eq!(cell(column, &minted("api_key:0190a0b0-c0d0-7abc-8def-0123456789ab")), "api-key admin");
        assert_eq!(cell(column, &minted("user:anna")), "anna");
    }

    #[test]
    fn subjects_are_shown_by_short_ids() {
        let id = "0190a0b0-c0d0-7abc-8def-0123456789ab";
        let item = json!({ "subjects": { "host": id, "user": "anna.long-name@example.org" } });
        let column = Column::subjects("SUBJECTS", "subjects");
        assert_eq!(cell(column, &item), "host=456789ab user=anna.long-name@example.org");
        assert_eq!(cell(column, &json!({ "subjects": {} })), "-");
    }
}
