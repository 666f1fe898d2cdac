//! Secrets in files and on standard input, as people and their tools write them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Secret;
use crate::text::is_invisible;

/// Maximum size of a secret in bytes.
const MOST_BYTES: usize = 64 << 10;

/// The byte order mark that some editors write before UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The reason why a text is not one secret. It never shows the text.
#[derive(Debug, thiserror::Error)]
pub enum SecretTextError {
    /// The source cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// The source is too long.
    #[error("it is longer than {MOST_BYTES} bytes")]
    TooLong,
    /// The source is not UTF-8.
    #[error("byte {0} is not UTF-8: save it as UTF-8 text")]
    NotUtf8(usize),
    /// The source has nothing besides a byte order mark and a line end.
    #[error("it is empty")]
    Empty,
    /// A character at one of the ends cannot be seen.
    #[error(
        "character {position} is U+{code:04X}, which cannot be seen: remove it, the file holds the secret and one line end"
    )]
    Invisible {
        /// Its position, from 1.
        position: usize,
        /// Its code point.
        code: u32,
    },
}

/// A file that is not one secret.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", path.display())]
pub struct SecretFileError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub cause: SecretTextError,
}

/// Reads the secret in a file, as [`from_reader`].
///
/// # Errors
/// The file cannot be read, or is not one secret.
pub fn read(path: &Path) -> Result<Secret<String>, SecretFileError> {
    let read = File::open(path).map_err(SecretTextError::from).and_then(from_reader);
    read.map_err(|cause| SecretFileError { path: path.to_owned(), cause })
}

/// Reads a secret. A byte order mark and one line end are not part of it. Other white space at its ends is refused, because
/// nobody can see it, and nobody would type it.
///
/// # Errors
/// The source cannot be read, or is not one secret.
pub fn from_reader(source: impl Read) -> Result<Secret<String>, SecretTextError> {
    let bytes = bytes(source)?;
    let text =
        std::str::from_utf8(&bytes).map_err(|error| SecretTextError::NotUtf8(error.valid_up_to() + 1))?;
    let marked = text.strip_prefix(BYTE_ORDER_MARK);
    let before = usize::from(marked.is_some());
    let text = marked.unwrap_or(text);
    let secret = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    let Some(first) = secret.chars().next() else { return Err(SecretTextError::Empty) };
    let last = secret.chars().next_back().unwrap_or(first);
    let ends = [(first, 1), (last, secret.chars().count())];
    match ends.into_iter().find(|(character, _)| character.is_whitespace() || is_invisible(*character)) {
        Some((character, position)) => {
            Err(SecretTextError::Invisible { position: before + position, code: character.into() })
        }
        None => Ok(Secret::new(secret.to_owned())),
    }
}

/// Reads all bytes, at most 64 KiB.
///
/// # Errors
/// The source cannot be read, or is longer.
pub fn bytes(source: impl Read) -> Result<Zeroizing<Vec<u8>>, SecretTextError> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() {
        0..=MOST_BYTES => Ok(bytes),
        _ => Err(SecretTextError::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Result<String, String> {
        from_reader(text.as_bytes()).map(|secret| secret.expose().clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_has_neither_mark_nor_line_end() {
        for text in
            ["pass word", "pass word\n", "pass word\r\n", "\u{feff}pass word", "\u{feff}pass word\r\n"]
        {
            assert_eq!(secret(text).unwrap(), "pass word", "{text:?}");
        }
    }

    #[test]
    fn invisible_ends_are_refused_with_their_position() {
        for (text, position, code) in [
            (" secret", 1, "U+0020"),
            ("\u{feff} secret", 2, "U+0020"),
            ("secret ", 7, "U+0020"),
            ("secret\t\n", 7, "U+0009"),
            ("secret\n\n", 7, "U+000A"),
            ("secret\r", 7, "U+000D"),
            ("sécret\u{a0}\n", 7, "U+00A0"),
            ("secret\u{200b}", 7, "U+200B"),
            ("secret\u{feff}\n", 7, "U+FEFF"),
            ("secret\0", 7, "U+0000"),
        ] {
            let why = secret(text).unwrap_err();
            assert!(why.starts_with(&format!("character {position} is {code},")), "{text:?}: {why}");
            assert!(!why.contains("cret\u{a0}") && !why.contains("sécret"), "{why}");
        }
    }

    #[test]
    fn a_text_that_is_no_secret_is_refused() {
        for text in ["", "\n", "\r\n", "\u{feff}", "\u{feff}\n"] {
            assert_eq!(secret(text).unwrap_err(), "it is empty", "{text:?}");
        }
        let utf16 = from_reader(&b"\xff\xfes\0"[..]).map(drop).unwrap_err();
        assert!(utf16.to_string().starts_with("byte 1 is not UTF-8"), "{utf16}");
        assert!(from_reader(&*vec![b'x'; MOST_BYTES]).is_ok());
        assert!(matches!(from_reader(&*vec![b'x'; MOST_BYTES + 1]), Err(SecretTextError::TooLong)));
    }

    #[test]
    fn a_missing_file_is_named() {
        let why = read(Path::new("/nonexistent/password")).map(drop).unwrap_err().to_string();
        assert!(why.starts_with("/nonexistent/password: No such file"), "{why}");
    }
}
