//! Words of a shell's command line, quoted where needed.

/// The word as it can be pasted into a shell.
pub(crate) fn shell_word(word: &str) -> String {
    match is_plain(word) && !word.contains('%') {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// Returns true if no character of `word` needs quotes in a shell or a unit.
pub(crate) fn is_plain(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    !word.is_empty() && word.chars().all(plain)
}
