//! The events of the authority's stream.

use serde::Deserialize;

use super::error::FetchError;
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
    pub(super) fn of(raw: &RawEvent) -> Result<Self, FetchError> {
        Ok(match raw.name.as_str() {
            "hello" => Self::Hello,
            "reset" => Self::Reset,
            "change" => {
                let malformed = || FetchError::Stream {
                    why: "a change event is malformed; check that the authority is no older than this service",
                };
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
