//! The terminal that a table is for.

use std::io::{self, IsTerminal as _};

use rustix::termios::tcgetwinsize;

use crate::clock::{SystemClock, Timestamp};
use crate::config::Environment;

/// The terminal of a table, and the reader's wishes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// Number of columns of the terminal; `None`: any.
    pub(super) width: Option<usize>,
    /// Shows states in colour.
    pub(super) colour: bool,
    /// Shows every column and whole ids.
    pub(super) wide: bool,
    /// Shows times in UTC.
    pub(super) utc: bool,
    /// The moment to which times are relative.
    pub(super) now: Timestamp,
}

impl Screen {
    /// The screen behind standard output. Colour is for a terminal without `NO_COLOR` (no-color.org).
    pub(crate) fn of(environment: &Environment) -> Self {
        let (width, plain) = (width(), Self::plain(SystemClock::now()));
        let dumb = environment.get("TERM").is_none_or(|term| term == "dumb");
        let colour = io::stdout().is_terminal() && !dumb && environment.get("NO_COLOR").is_none();
        Self { width, colour, ..plain }
    }

    /// A screen of any width, without colour.
    pub(crate) const fn plain(now: Timestamp) -> Self {
        Self { width: None, colour: false, wide: false, utc: false, now }
    }

    /// The same screen with the flags `--wide` and `--utc`.
    pub(crate) const fn with(self, wide: bool, utc: bool) -> Self {
        Self { wide, utc, ..self }
    }

    /// The same screen at `now`.
    pub(crate) const fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    /// The same screen with times in UTC.
    pub(crate) const fn in_utc(self) -> Self {
        Self { utc: true, ..self }
    }

    /// Number of columns that a table may take.
    pub(super) fn room(&self) -> Option<usize> {
        self.width.filter(|_| !self.wide)
    }
}

/// The width of the terminal behind standard output. Some terminals report none.
fn width() -> Option<usize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}
