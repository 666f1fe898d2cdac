//! Answers that arrive in parts, split into lines.

use crate::client::ClientError;

/// The beginning of a line whose end has not arrived.
#[derive(Default)]
pub(crate) struct LineBuffer(Vec<u8>);

impl LineBuffer {
    /// Returns the text of the lines that `part` completes, empty without one.
    pub(crate) fn take(&mut self, part: &[u8]) -> Result<String, ClientError> {
        self.0.extend_from_slice(part);
        let Some(end) = self.0.iter().rposition(|byte| *byte == b'\n') else { return Ok(String::new()) };
        let rest = self.0.split_off(end + 1);
        let text = String::from_utf8(std::mem::replace(&mut self.0, rest));
        text.map_err(|_| ClientError::Answer { what: String::from("a line of the answer is not UTF-8") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_in_any_parts() {
        let whole = "one\n\u{e4}\n\nlast\nrest";
        for size in 1..whole.len() {
            let (mut lines, mut text) = (LineBuffer::default(), String::new());
            for part in whole.as_bytes().chunks(size) {
                let some = lines.take(part).unwrap();
                assert!(some.is_empty() || some.ends_with('\n'), "{some:?}");
                text += &some;
            }
            assert_eq!((text.as_str(), lines.0.as_slice()), ("one\n\u{e4}\n\nlast\n", &b"rest"[..]));
        }
        assert!(LineBuffer::default().take(b"\xfc\n").is_err());
    }
}
