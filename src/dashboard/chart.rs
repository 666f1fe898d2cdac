//! Charts of enrollments and refusals: bars as SVG, and the same numbers as a table.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;

use super::parts::grouped;
use crate::clock::Timestamp;
use crate::service::overview::Acts;

/// Size of the drawing. The style sheet stretches it to its place.
const WIDTH: usize = 480;
const HEIGHT: u64 = 160;
/// Height of the highest bar.
const TALLEST: u64 = 150;
/// Height of a bar that would be too low to see.
const LOWEST: u64 = 3;

/// The unit of a chart.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Hour,
    Day,
}

/// A chart with its words.
#[derive(Template)]
#[template(path = "chart.html")]
pub(super) struct Chart {
    /// The id of its elements.
    id: &'static str,
    title: &'static str,
    /// The heading of the first column.
    unit: &'static str,
    /// The sums in words.
    sums: String,
    /// The number at the top line.
    top: String,
    /// The bars with acts: the others are neither drawn nor listed.
    bars: Vec<Bar>,
    /// The begin of the first, the middle and the last bar.
    axis: Vec<String>,
    shows_refusals: bool,
}

impl HtmlSafe for Chart {}

/// The acts of one unit.
struct Bar {
    label: String,
    enrollments: String,
    refusals: String,
    drawn: Drawn,
}

/// The rectangles of a bar: enrollments below, refusals on top of them.
struct Drawn {
    x: usize,
    width: usize,
    enrollments: u64,
    refusals: u64,
}

impl Chart {
    /// A chart of these acts, oldest first. A user who may not read the ledger sees no refusals.
    pub(super) fn new(unit: Unit, acts: &[Acts], shows_refusals: bool) -> Self {
        let acts = acts.iter().map(|acts| match shows_refusals {
            true => *acts,
            false => Acts { refusals: 0, ..*acts },
        });
        let acts = acts.collect::<Vec<_>>();
        let most = acts.iter().map(|acts| acts.enrollments.saturating_add(acts.refusals)).max();
        let (top, step) = (round(most.unwrap_or(0)), WIDTH / acts.len().max(1));
        let axis = [0, acts.len() / 2, acts.len().saturating_sub(1)].map(|at| acts.get(at));
        let busy = (0..).zip(&acts).filter(|(_, acts)| acts.enrollments > 0 || acts.refusals > 0);
        Self {
            id: unit.id(),
            title: unit.title(),
            unit: unit.name(),
            sums: sums(&acts, shows_refusals),
            top: grouped(top),
            bars: busy.map(|(at, acts)| Bar::new(unit, *acts, Drawn::new(at, step, *acts, top))).collect(),
            axis: axis.into_iter().flatten().map(|acts| unit.label(acts.begin_at)).collect(),
            shows_refusals,
        }
    }
}

impl Bar {
    fn new(unit: Unit, acts: Acts, drawn: Drawn) -> Self {
        let Acts { begin_at, enrollments, refusals } = acts;
        Self {
            label: unit.label(begin_at),
            enrollments: grouped(enrollments),
            refusals: grouped(refusals),
            drawn,
        }
    }
}

impl Drawn {
    /// The bar at this place of the row, under a line at `top`.
    fn new(at: usize, step: usize, acts: Acts, top: u64) -> Self {
        let height = |number: u64| match number {
            0 => 0,
            _ => (TALLEST as f64 * (number as f64 / top as f64)).max(LOWEST as f64) as u64,
        };
        Self {
            x: step * at + step / 5,
            width: step - 2 * (step / 5),
            enrollments: height(acts.enrollments),
            refusals: height(acts.refusals),
        }
    }
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { x, width, enrollments, refusals } = self;
        let mut bottom = HEIGHT - 1;
        for (class, height) in [("in", *enrollments), ("out", *refusals)] {
            if height > 0 {
                bottom = bottom.saturating_sub(height);
                write!(
                    f,
                    r#"<rect class="{class}" x="{x}" y="{bottom}" width="{width}" height="{height}"/>"#
                )?;
            }
        }
        Ok(())
    }
}

impl HtmlSafe for Drawn {}

impl Unit {
    const fn id(self) -> &'static str {
        match self {
            Self::Hour => "last-day",
            Self::Day => "last-month",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Hour => "Last 24 hours",
            Self::Day => "Last 30 days",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Hour => "Hour (UTC)",
            Self::Day => "Day (UTC)",
        }
    }

    /// The start of a bar: `14:00` or `2030-01-31`.
    fn label(self, at: Timestamp) -> String {
        let text = at.to_string();
        let part = match self {
            Self::Hour => text.get(11..16),
            Self::Day => text.get(..10),
        };
        part.unwrap_or_default().to_owned()
    }
}

/// The sums in words.
fn sums(acts: &[Acts], shows_refusals: bool) -> String {
    let sum = |number: fn(&Acts) -> u64| acts.iter().map(number).fold(0, u64::saturating_add);
    let enrolled = format!("{} enrolled", grouped(sum(|acts| acts.enrollments)));
    match shows_refusals {
        true => format!("{enrolled}, {} refused", grouped(sum(|acts| acts.refusals))),
        false => enrolled,
    }
}

/// The next number with one digit and zeros, from 4 on: the number at the top line.
fn round(most: u64) -> u64 {
    let mut unit = 1_u64;
    while most / unit >= 10 {
        unit = unit.saturating_mul(10);
    }
    most.div_ceil(unit).saturating_mul(unit).max(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Timestamp = Timestamp::from_secs(1_893_456_000);

    fn hours(numbers: &[(u64, u64)]) -> Vec<Acts> {
        let hour = std::time::Duration::from_secs(3600);
        let acts = (0..).zip(numbers).map(|(at, (enrollments, refusals))| Acts {
            begin_at: BEGIN.plus(hour * at),
            enrollments: *enrollments,
            refusals: *refusals,
        });
        acts.collect()
    }

    #[test]
    fn the_top_line_is_a_round_number() {
        let tops = [0, 1, 4, 5, 9, 10, 11, 99, 101, u64::MAX].map(round);
        assert_eq!(tops, [4, 4, 4, 5, 9, 10, 20, 100, 200, u64::MAX]);
    }

    #[test]
    fn every_number_stands_in_the_table() {
        let html = Chart::new(Unit::Hour, &hours(&[(0, 0), (1500, 0), (3, 7)]), true).render().unwrap();
        assert!(html.contains("1\u{202f}503 enrolled, 7 refused"), "{html}");
        assert!(html.contains("<td class=\"num\">3</td><td class=\"num\">7</td>"), "{html}");
        assert!(
            html.contains("01:00") && !html.contains("<td>00:00"),
            "an hour without acts has no row: {html}"
        );
        assert_eq!(html.matches("<rect").count(), 3);
    }

    #[test]
    fn a_bar_stays_inside_the_drawing() {
        let acts = hours(&[(1, u64::MAX / 2), (1, 1_000_000), (0, 1)]);
        let chart = Chart::new(Unit::Hour, &acts, true);
        let sum = |bar: &Bar| bar.drawn.enrollments + bar.drawn.refusals;
        assert!(chart.bars.iter().all(|bar| sum(bar) < HEIGHT));
        assert_eq!(chart.bars[2].drawn.refusals, LOWEST, "one refusal is seen");
    }

    #[test]
    fn refusals_are_for_readers_of_the_ledger() {
        let html = Chart::new(Unit::Day, &hours(&[(2, 5)]), false).render().unwrap();
        assert!(!html.to_lowercase().contains("refus"), "{html}");
        assert!(html.contains("2 enrolled") && html.contains("2030-01-01"), "{html}");
    }

    #[test]
    fn a_quiet_time_has_words_alone() {
        let html = Chart::new(Unit::Hour, &hours(&[(0, 0); 24]), true).render().unwrap();
        assert!(!html.contains("<svg") && html.contains("class=\"empty\""), "{html}");
    }
}
