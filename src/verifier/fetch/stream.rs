//! A parser of event streams (WHATWG HTML section 9.2.6).

use std::mem::take;

use super::error::FetchError;

/// Maximum size of an event in bytes. The authority sends at most a few hundred changes in one.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// One event, not decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RawEvent {
    /// Its name; empty if it has none.
    pub(super) name: String,
    /// Its data: all `data` lines, with newlines between them.
    pub(super) data: String,
    /// The last id in the stream, of this event or an earlier one.
    pub(super) id: Option<String>,
}

/// Splits a stream of bytes into events.
#[derive(Default)]
pub(super) struct Splitter {
    line: Vec<u8>,
    after_return: bool,
    begun: bool,
    name: String,
    data: String,
    has_data: bool,
    id: Option<String>,
}

impl Splitter {
    /// A splitter of a stream that resumes after the event `id`.
    pub(super) fn after(id: Option<String>) -> Self {
        Self { id, ..Self::default() }
    }

    /// Returns the events that `bytes` completes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<RawEvent>, FetchError> {
        let mut events = Vec::new();
        for &byte in bytes {
            // A line ends with CR, LF or both.
            let second_half = byte == b'\n' && take(&mut self.after_return);
            match byte {
                b'\n' if second_half => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    events.extend(self.end_line());
                }
                byte => {
                    self.after_return = false;
                    self.line.push(byte);
                }
            }
            if self.line.len() + self.data.len() > MAX_EVENT_BYTES {
                return Err(FetchError::Stream { why: "an event is longer than 1 MiB" });
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<RawEvent> {
        let line = take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let first = !std::mem::replace(&mut self.begun, true);
        let line = if first { line.trim_start_matches('\u{feff}') } else { &line };
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "data" => {
                if take(&mut self.has_data) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            // Comments (no field name), `retry`, and fields of later versions.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<RawEvent> {
        let (name, data) = (take(&mut self.name), take(&mut self.data));
        take(&mut self.has_data).then(|| RawEvent { name, data, id: self.id.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Vec<RawEvent> {
        Splitter::default().feed(text.as_bytes()).unwrap()
    }

    fn event(name: &str, data: &str, id: Option<&str>) -> RawEvent {
        RawEvent { name: name.to_owned(), data: data.to_owned(), id: id.map(str::to_owned) }
    }

    #[test]
    fn events_are_cut_wherever_the_bytes_are() {
        let text =
            "\u{feff}: heartbeat\r\n\r\nevent: change\r\nid: a-1\r\ndata: {\r\ndata: }\r\n\r\ndata:x\n\n";
        let whole = events(text);
        assert_eq!(whole, [event("change", "{\n}", Some("a-1")), event("", "x", Some("a-1"))]);
        for size in 1..8 {
            let mut splitter = Splitter::default();
            let parts = text.as_bytes().chunks(size).flat_map(|part| splitter.feed(part).unwrap());
            assert_eq!(parts.collect::<Vec<_>>(), whole, "{size}");
        }
    }

    #[test]
    fn an_event_without_data_sets_only_the_id() {
        assert_eq!(events("event: change\nid: a-1\n\n"), []);
        assert_eq!(events("id: a-1\n\nretry: 5\nnews: 1\ndata\n\n"), [event("", "", Some("a-1"))]);
        assert_eq!(events("id: a\0b\ndata: 1\n\n"), [event("", "1", None)]);
        let mut after = Splitter::after(Some("a-7".to_owned()));
        assert_eq!(after.feed(b"data: 1\r\r").unwrap(), [event("", "1", Some("a-7"))]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.feed(&vec![b'x'; MAX_EVENT_BYTES]).unwrap(), []);
        assert!(splitter.feed(b"x").unwrap_err().to_string().contains("longer than 1 MiB"));
        let mut splitter = Splitter::default();
        let line = format!("data: {}\n", "x".repeat(999));
        let mut fed = (0..2000).map(|_| splitter.feed(line.as_bytes()));
        assert!(fed.any(|outcome| outcome.is_err()));
    }
}
