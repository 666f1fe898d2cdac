//! Server-sent events (WHATWG HTML section 9.2) about status changes.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use super::published::IssuerLists;
use crate::id::ListId;
use crate::store::StatusChange;
use crate::token::Status;

/// A comment, which keeps the connection alive.
pub(in crate::service) const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

/// Maximum number of changes in one event, about 12 KiB.
const CHANGES_PER_EVENT: usize = 512;

#[derive(Serialize)]
struct ChangeData<'a> {
    list: &'a str,
    version: u64,
    changes: Vec<ChangedEntry>,
}

#[derive(Clone, Copy, Serialize)]
struct ChangedEntry {
    idx: u32,
    status: u8,
}

#[derive(Serialize)]
struct VersionData {
    version: u64,
}

/// Events with the number `n` of the server run `run`.
#[derive(Clone, Copy)]
pub(super) struct EventId<'a> {
    pub(super) run: &'a str,
    pub(super) n: u64,
}

impl EventId<'_> {
    /// The first event of a stream.
    pub(super) fn hello(self) -> Bytes {
        self.event("hello", &VersionData { version: self.n }).into()
    }

    /// Changes are missing: the subscriber has to fetch the lists.
    pub(super) fn reset(self) -> Bytes {
        self.event("reset", &VersionData { version: self.n }).into()
    }

    fn event(self, name: &str, data: &impl Serialize) -> String {
        let data = serde_json::to_string(data).unwrap_or_default();
        let Self { run, n } = self;
        format!("event: {name}\nid: {run}-{n}\ndata: {data}\n\n")
    }
}

/// The events that take a subscriber to the lists of one external URL from the event `from` to the event `to`.
///
/// Changes are grouped by list, and only the newest of each token is sent. Every event except the last has the id `from`:
/// a subscriber that is cut off in between receives all of them again.
pub(super) fn changes(
    changes: &[StatusChange],
    lists: &IssuerLists,
    from: EventId<'_>,
    to: EventId<'_>,
) -> Vec<(ListId, String)> {
    let mut grouped = BTreeMap::<ListId, BTreeMap<u32, Status>>::new();
    for StatusChange { token, status } in changes {
        grouped.entry(token.list).or_default().insert(token.index, *status);
    }
    let mut parts = Vec::new();
    for (list, changes) in grouped {
        // A list that is no longer published has no subscribers.
        let Some(signed) = lists.list(list) else { continue };
        let entry = |(idx, status): (u32, Status)| ChangedEntry { idx, status: status.bits() };
        let entries = changes.into_iter().map(entry).collect::<Vec<_>>();
        parts.extend(entries.chunks(CHANGES_PER_EVENT).map(|part| (list, signed, part.to_vec())));
    }
    let last = parts.len().saturating_sub(1);
    let encode = |(position, (list, signed, changes)): (usize, (ListId, &_, Vec<_>))| {
        let id = if position == last { to } else { from };
        let signed: &super::SignedList = signed;
        (list, id.event("change", &ChangeData { list: &signed.uri, version: id.n, changes }))
    };
    parts.into_iter().map(|(list, signed, part)| (list, &**signed, part)).enumerate().map(encode).collect()
}
