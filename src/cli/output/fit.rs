//! The columns that fit a terminal.

use crate::cells::Column;

/// Number of spaces between two columns.
pub(super) const GAP: usize = 2;

/// A text is cut to this width before a column of a lower rank is dropped for it.
const ENOUGH: usize = 24;

/// A shown column: its place among all, and its width.
pub(super) type Shown = (usize, usize);

/// The columns that fit into `room`, where `natural` are the widths of their longest cells. Columns are dropped by rank.
/// Then texts are cut.
pub(super) fn fit(columns: &[Column], natural: &[usize], room: Option<usize>) -> Vec<Shown> {
    let mut shown: Vec<Shown> = natural.iter().copied().enumerate().collect();
    let Some(room) = room else { return shown };
    while least(columns, &shown) > room {
        let dropped = (0..shown.len()).max_by_key(|place| columns[shown[*place].0].rank);
        match dropped.filter(|place| columns[shown[*place].0].rank > 0) {
            Some(place) => {
                shown.remove(place);
            }
            None => break,
        }
    }
    cut(columns, &mut shown, room);
    shown
}

/// The width of these columns with their texts cut to [`ENOUGH`].
fn least(columns: &[Column], shown: &[Shown]) -> usize {
    let enough = |(place, width): &Shown| {
        (*place, if columns[*place].may_be_cut() { (*width).min(ENOUGH) } else { *width })
    };
    total(&shown.iter().map(enough).collect::<Vec<_>>())
}

fn total(shown: &[Shown]) -> usize {
    shown.iter().map(|(_, width)| width).sum::<usize>() + GAP * shown.len().saturating_sub(1)
}

/// Cuts the widest text, a character at a time, until the columns fit or every text is as narrow as its shortest word.
fn cut(columns: &[Column], shown: &mut [Shown], room: usize) {
    const NARROWEST: usize = 4;
    while total(shown) > room {
        let texts = shown.iter_mut().filter(|(place, _)| columns[*place].may_be_cut());
        match texts.max_by_key(|(_, width)| *width).filter(|(_, width)| *width > NARROWEST) {
            Some((_, width)) => *width -= 1,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::ID,
        Column::text("LABEL", "label"),
        Column::time("SEEN", "seen").rank(1),
        Column::text("ROLES", "roles").rank(2),
    ];

    fn places(natural: [usize; 4], room: usize) -> Vec<Shown> {
        fit(&COLUMNS, &natural, Some(room))
    }

    #[test]
    fn columns_of_the_highest_rank_are_dropped_first() {
        assert_eq!(fit(&COLUMNS, &[8, 10, 6, 12], None).len(), 4);
        assert_eq!(places([8, 10, 6, 12], 42), [(0, 8), (1, 10), (2, 6), (3, 12)]);
        assert_eq!(places([8, 10, 6, 12], 41), [(0, 8), (1, 10), (2, 6)]);
        assert_eq!(places([8, 10, 6, 12], 27), [(0, 8), (1, 10)]);
    }

    #[test]
    fn texts_are_cut_before_columns_are_dropped() {
        assert_eq!(places([8, 128, 6, 12], 80), [(0, 8), (1, 48), (2, 6), (3, 12)]);
        assert_eq!(places([8, 128, 6, 12], 56), [(0, 8), (1, 24), (2, 6), (3, 12)]);
    }

    #[test]
    fn ids_are_never_cut() {
        assert_eq!(places([8, 128, 6, 12], 10), [(0, 8), (1, 4)]);
        assert_eq!(places([8, 128, 6, 12], 0), [(0, 8), (1, 4)]);
    }
}
