//! Fragments in the targets of HTTP/1, which hyper's parser drops without an error.

/// Looks for request lines with a `#` in their target, in everything that a client sends. A head may arrive in pieces,
/// and a pipelined one at any time. Bodies are scanned too. A body in JSON or a form has no such line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FragmentScan {
    place: Place,
    found: bool,
}

/// The place in a line.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Start,
    Method,
    Target {
        has_fragment: bool,
    },
    /// After a target with a fragment: the number of matching bytes of [`VERSION`].
    Version(usize),
    /// A line of another kind.
    Rest,
}

const VERSION: &[u8] = b"HTTP/1.";

impl FragmentScan {
    /// Returns true if these bytes, or any before them, have such a line.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            self.place = match (byte, self.place) {
                (b'\n', _) | (b'\r', Place::Start) => Place::Start,
                (b':' | b' ', Place::Start) | (b':', Place::Method) => Place::Rest,
                (b' ', Place::Method) => Place::Target { has_fragment: false },
                (_, Place::Start | Place::Method) => Place::Method,
                (b' ', Place::Target { has_fragment: true }) => Place::Version(0),
                (b' ', Place::Target { has_fragment: false }) | (_, Place::Rest) => Place::Rest,
                (byte, Place::Target { has_fragment }) => {
                    Place::Target { has_fragment: has_fragment || *byte == b'#' }
                }
                (byte, Place::Version(matching)) if VERSION.get(matching) == Some(byte) => {
                    self.found |= matching + 1 == VERSION.len();
                    Place::Version(matching + 1)
                }
                (_, Place::Version(_)) => Place::Rest,
            };
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds the bytes in pieces of this size.
    fn found(text: &str, size: usize) -> bool {
        let mut scan = FragmentScan::default();
        text.as_bytes().chunks(size).map(|piece| scan.feed(piece)).last().unwrap_or_default()
    }

    #[test]
    fn a_fragment_is_found_wherever_its_head_begins() {
        let long = format!("GET /{}#x HTTP/1.1\r\n\r\n", "a".repeat(9000));
        for text in [
            "GET /a#b HTTP/1.1\r\n\r\n",
            "\r\n\r\nGET /a?b=c#d HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\n\r\nget /# HTTP/1.1\n",
            "POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\n{}\r\nGET /# HTTP/1.1\r\n",
            &long,
        ] {
            for size in [1, 7, 8192] {
                assert!(found(text, size), "{text:.40} in pieces of {size}");
            }
        }
    }

    #[test]
    fn other_lines_have_no_fragment() {
        for text in [
            "",
            "GET /a HTTP/1.1\r\nx: /# HTTP/1.1\r\nreferer: https://a/#b\r\n\r\n",
            "GET /a HTTP/1.1\r\n\r\n{\"csr\":\"# /# HTTP/\"}",
            "a b# c",
        ] {
            assert!(!found(text, 1) && !found(text, 8192), "{text}");
        }
    }
}
