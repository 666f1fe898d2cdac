//! Tables: one line for each item, in columns that fit the terminal.

use serde_json::Value;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::column::Cell;
use super::fit::{GAP, Shown, fit};
use super::screen::Screen;
use crate::cells::Column;

/// The lines of a table, with its headings.
pub(crate) fn table(items: &[Value], columns: &'static [Column], screen: &Screen) -> String {
    GrowingTable::new(columns).lines(items, screen)
}

/// A table that gets its lines bit by bit. Its columns only become wider.
pub(crate) struct GrowingTable {
    columns: &'static [Column],
    /// Width of the longest cell of each column so far.
    natural: Vec<usize>,
    /// The headings were printed.
    begun: bool,
}

impl GrowingTable {
    /// A table without lines.
    pub(crate) fn new(columns: &'static [Column]) -> Self {
        let natural = columns.iter().map(|column| column.heading.width()).collect();
        Self { columns, natural, begun: false }
    }

    /// The next lines, below the headings at the first time.
    pub(crate) fn lines(&mut self, items: &[Value], screen: &Screen) -> String {
        let row = |item| self.columns.iter().map(|column| column.cell(item, screen)).collect::<Vec<_>>();
        let mut rows: Vec<Vec<Cell>> = items.iter().map(row).collect();
        for cells in &rows {
            for (widest, cell) in self.natural.iter_mut().zip(cells) {
                *widest = (*widest).max(cell.text.width());
            }
        }
        if !std::mem::replace(&mut self.begun, true) {
            let heading = |column: &Column| Cell { text: column.heading.to_owned(), colour: None };
            rows.insert(0, self.columns.iter().map(heading).collect());
        }
        let shown = fit(self.columns, &self.natural, screen.room());
        rows.iter().map(|cells| line(cells, &shown)).collect()
    }
}

/// One line. The last cell is not filled up.
fn line(cells: &[Cell], shown: &[Shown]) -> String {
    let mut text = String::new();
    let mut gap = 0;
    for (place, width) in shown {
        let Cell { text: whole, colour } = &cells[*place];
        let cell = cut(whole, *width);
        text.extend(std::iter::repeat_n(' ', gap));
        gap = GAP + width.saturating_sub(cell.width());
        match colour {
            Some(colour) => text += &format!("\u{1b}[{colour}m{cell}\u{1b}[0m"),
            None => text += &cell,
        }
    }
    text + "\n"
}

/// `text` in at most `width` columns, with an ellipsis for the rest.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let fits = |character: &char| {
        let wide = character.width().unwrap_or(0);
        let fits = wide <= left;
        left = left.saturating_sub(wide);
        fits
    };
    text.chars().take_while(fits).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Timestamp;

    const COLUMNS: &[Column] = &[Column::ID, Column::STATE, Column::text("LABEL", "label").rank(1)];

    fn screen() -> Screen {
        Screen::plain(Timestamp::from_secs(0))
    }

    #[test]
    fn cells_are_aligned_by_their_width() {
        let items = [
            json!({"id": "0190a0b0", "state": "active", "label": "\u{673a}\u{67b6}"}),
            json!({"id": "b", "state": "revoked", "label": "rack"}),
        ];
        let text = "ID        STATE    LABEL\n0190a0b0  active   \u{673a}\u{67b6}\nb         revoked  rack\n";
        assert_eq!(table(&items, COLUMNS, &screen()), text);
        let mut table = GrowingTable::new(COLUMNS);
        let first = table.lines(&items[..1], &screen());
        assert_eq!([first, table.lines(&items[1..], &screen())].concat().lines().count(), 3);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        assert_eq!(cut("rack 7", 6), "rack 7");
        assert_eq!(cut("rack 7 left", 6), "rack \u{2026}");
        assert_eq!(cut("\u{673a}\u{67b6}\u{673a}", 4), "\u{673a}\u{2026}");
        assert_eq!(cut("abc", 0), "\u{2026}");
        let narrow = Screen { width: Some(30), ..screen() };
        let items = [json!({"id": "0190a0b0", "state": "active", "label": "a".repeat(128)})];
        for line in table(&items, COLUMNS, &narrow).lines() {
            assert!(line.width() <= 30, "{line}");
        }
        assert!(table(&items, COLUMNS, &narrow.with(true, false)).contains(&"a".repeat(128)));
    }

    #[test]
    fn only_states_are_coloured() {
        let items = [json!({"id": "revoked", "state": "revoked", "label": "active"})];
        let colours = Screen { colour: true, ..screen() };
        assert_eq!(
            table(&items, COLUMNS, &colours),
            "ID       STATE    LABEL\nrevoked  \u{1b}[31mrevoked\u{1b}[0m  active\n"
        );
    }
}
