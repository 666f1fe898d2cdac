//! Progress of long work, on standard error and only on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A spinner for work of unknown length.
pub(crate) fn spinner(message: String) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(message);
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

/// A spinner with the time since its beginning.
pub(crate) fn timed() -> ProgressBar {
    let spinner = spinner(String::new());
    match ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
        Ok(style) => spinner.with_style(style),
        Err(_) => spinner,
    }
}

/// A bar for `length` items; `done` is the word for those behind it.
pub(crate) fn bar(length: u64, done: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    match ProgressStyle::with_template(&format!("{{wide_bar}} {{pos}}/{{len}} {done}, {{eta}} left")) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A bar for `length` bytes.
pub(crate) fn bytes(length: u64, message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length).with_message(message);
    match ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
