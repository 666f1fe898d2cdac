//! Words of a command line, quoted for the file that they are written to.

use crate::shell_word::is_plain;

/// A word of `ExecStart=`. systemd replaces `%` and `$` in it.
pub(super) fn exec_word(word: &str) -> String {
    setting_word(word).replace('$', "$$")
}

/// A word of another setting of systemd, such as a path.
pub(super) fn setting_word(word: &str) -> String {
    let escaped = word.replace('%', "%%");
    match is_plain(word) {
        true => escaped,
        false => format!("\"{}\"", escaped.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// The value of a variable in a file for `EnvironmentFile=`.
pub(super) fn value_word(value: &str) -> String {
    format!(
        "\"{}\"",
        value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`")
    )
}

/// Joins `words`, each quoted.
pub(super) fn line(words: &[String], quoted: fn(&str) -> String) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell_word::shell_word;

    #[test]
    fn words_are_quoted_where_needed() {
        for (word, exec, setting, shell) in [
            ("/usr/bin/gatepass", "/usr/bin/gatepass", "/usr/bin/gatepass", "/usr/bin/gatepass"),
            ("", "\"\"", "\"\"", "''"),
            (";", "\";\"", "\";\"", "';'"),
            ("a b", "\"a b\"", "\"a b\"", "'a b'"),
            ("5%", "5%%", "5%%", "'5%'"),
            ("$HOME", "\"$$HOME\"", "\"$HOME\"", "'$HOME'"),
            ("it's", "\"it's\"", "\"it's\"", "'it'\\''s'"),
            ("a\"b\\c", "\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\"", "'a\"b\\c'"),
        ] {
            assert_eq!((exec_word(word).as_str(), setting_word(word).as_str()), (exec, setting));
            assert_eq!(shell_word(word), shell);
        }
        assert_eq!(line(&["a b".to_owned(), "c".to_owned()], shell_word), "'a b' c");
    }
}
