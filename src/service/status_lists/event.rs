//! Server-sent events (WHATWG HTML section 9.2), as they are told.

use std::collections::btree_map::Iter;

use bytes::Bytes;
use serde::Serialize;

use crate::token::Status;

/// What keeps a connection alive and says that nothing happened.
pub(super) const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

#[derive(Serialize)]
struct Change<'a> {
    list: &'a str,
    version: u64,
    changes: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    idx: u32,
    status: u8,
}

#[derive(Serialize)]
struct Version {
    version: u64,
}

/// The run of this server, and where its events are.
#[derive(Clone, Copy)]
pub(super) struct Number<'a> {
    pub(super) run: &'a str,
    pub(super) n: u64,
}

impl Number<'_> {
    /// Statuses of the list `uri` have changed.
    pub(super) fn change<'a>(self, uri: &str, changes: impl Iterator<Item = (&'a u32, &'a Status)>) -> Bytes {
        let changes = changes.map(|(idx, status)| Entry { idx: *idx, status: status.bits() }).collect();
        self.event("change", &Change { list: uri, version: self.n, changes })
    }

    /// More has changed than can be told: fetch the lists.
    pub(super) fn reset(self) -> Bytes {
        self.event("reset", &Version { version: self.n })
    }

    /// From here on everything is told.
    pub(super) fn hello(self) -> Bytes {
        self.event("hello", &Version { version: self.n })
    }

    fn event(self, name: &str, data: &impl Serialize) -> Bytes {
        let data = serde_json::to_string(data).unwrap_or_default();
        let Self { run, n } = self;
        format!("event: {name}\nid: {run}-{n}\ndata: {data}\n\n").into()
    }
}

/// Changes in parts of at most `most`.
pub(super) fn parts<'a>(
    changes: Iter<'a, u32, Status>,
    most: usize,
) -> impl Iterator<Item = Vec<(&'a u32, &'a Status)>> {
    let mut left = changes.peekable();
    std::iter::from_fn(move || {
        left.peek()?;
        Some(left.by_ref().take(most).collect())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_event_has_a_name_an_id_and_one_line_of_data() {
        let number = Number { run: "0123456789abcdef", n: 7 };
        let changes = BTreeMap::from([(5, Status::Revoked), (9, Status::UsedUp)]);
        let uri = "https://gate.example.org/status/x";
        let expected = "event: change\nid: 0123456789abcdef-7\ndata: {\"list\":\"https://gate.example.org/status/x\",\
                        \"version\":7,\"changes\":[{\"idx\":5,\"status\":1},{\"idx\":9,\"status\":3}]}\n\n";
        assert_eq!(number.change(uri, changes.iter()), expected);
        assert_eq!(number.reset(), "event: reset\nid: 0123456789abcdef-7\ndata: {\"version\":7}\n\n");
        assert_eq!(number.hello(), "event: hello\nid: 0123456789abcdef-7\ndata: {\"version\":7}\n\n");
    }

    #[test]
    fn many_changes_are_told_in_parts() {
        let changes = (0..5).map(|index| (index, Status::Revoked)).collect::<BTreeMap<_, _>>();
        let sizes = |most| parts(changes.iter(), most).map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!((sizes(2), sizes(5)), (vec![2, 2, 1], vec![5]));
        assert_eq!(parts(BTreeMap::new().iter(), 5).count(), 0);
    }
}
