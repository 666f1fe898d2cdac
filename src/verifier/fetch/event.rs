//! The events of the authority's stream.

use serde::Deserialize;

use super::stream::RawEvent;
use crate::token::Status;

/// One event of `/status/events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The stream has begun. Earlier changes are not on it.
    Hello,
    /// Changed entries of a list. The signed list already contains them.
    Change {
        /// The list's address.
        list: String,
        /// Index and new status.
        changes: Vec<(u32, Status)>,
    },
    /// Events are missing: every list has to be fetched.
    Reset,
    /// An event of a later version of the authority.
    Unknown,
}

/// A known event with malformed data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the event stream holds a {name} event that cannot be read; check that the authority is no older than this service"
)]
pub(super) struct EventMalformed {
    name: String,
}

#[derive(Deserialize)]
struct Changed {
    list: String,
    changes: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    idx: u32,
    status: u8,
}

impl Event {
    pub(super) fn of(raw: &RawEvent) -> Result<Self, EventMalformed> {
        Ok(match raw.name.as_str() {
            "hello" => Self::Hello,
            "reset" => Self::Reset,
            "change" => {
                let malformed = || EventMalformed { name: raw.name.clone() };
                let Changed { list, changes } = serde_json::from_str(&raw.data).map_err(|_| malformed())?;
                let entry =
                    |entry: Entry| (entry.status < 4).then(|| (entry.idx, Status::from_bits(entry.status)));
                let changes = changes.into_iter().map(entry).collect::<Option<_>>();
                Self::Change { list, changes: changes.ok_or_else(malformed)? }
            }
            _ => Self::Unknown,
        })
    }
}
