//! The status lists of a verifier: the signed lists, and changes pushed since.

use std::collections::HashMap;
use std::sync::Arc;

use super::staleness::ConfirmedAt;
use crate::clock::Timestamp;
use crate::id::ListId;
use crate::token::{LEEWAY, SignedStatusList, Status, StatusList, StatusListError, VerifyingKeys};

/// A status list was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListUpdateError {
    /// The verifier has no keys yet.
    #[error("the authority's keys are not known yet: fetch them before its status lists")]
    NoKeys,
    /// The list is malformed, expired or not signed by the authority.
    #[error(transparent)]
    List(#[from] StatusListError),
    /// The list is older than the known one.
    #[error(
        "the status list was signed at {found}, before the one that is held, of {held}: a cache in between keeps it too long"
    )]
    Older {
        /// Signing time of the new list.
        found: Timestamp,
        /// Signing time of the known list.
        held: Timestamp,
    },
}

/// The result of pushed changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The changes are in force.
    Applied,
    /// The signed list has to be fetched: it is unknown, or an entry became valid again.
    FetchList,
}

/// Every known list.
#[derive(Default)]
pub(super) struct Lists(HashMap<ListId, Arc<KnownList>>);

/// A list and the changes pushed since it was signed.
#[derive(Clone)]
pub(super) struct KnownList {
    pub(super) uri: String,
    /// The fetched text, for a snapshot.
    pub(super) text: Arc<str>,
    issued_at: Timestamp,
    expires_at: Timestamp,
    list: StatusList,
    pub(super) pushed: Vec<(u32, Status, Timestamp)>,
    pub(super) confirmed_at: ConfirmedAt,
}

impl KnownList {
    pub(super) fn status(&self, index: u32) -> Option<Status> {
        self.list.get(index)
    }
}

impl Lists {
    pub(super) fn get(&self, id: ListId) -> Option<&KnownList> {
        self.0.get(&id).map(|known| &**known)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &KnownList> {
        self.0.values().map(|known| &**known)
    }

    pub(super) fn confirmed(&self) -> Vec<(String, Timestamp)> {
        self.iter().map(|known| (known.uri.clone(), known.confirmed_at.get())).collect()
    }

    pub(super) fn confirm(&self, id: ListId, at: Timestamp) {
        if let Some(known) = self.0.get(&id).filter(|known| at < known.expires_at.plus(LEEWAY)) {
            known.confirmed_at.renew(at);
        }
    }

    /// A copy with the signed list that was fetched from `uri` at `now`.
    pub(super) fn with(
        &self,
        id: ListId,
        uri: &str,
        text: &str,
        keys: &VerifyingKeys,
        now: Timestamp,
    ) -> Result<Self, ListUpdateError> {
        let signed = SignedStatusList::verify(text, uri, keys, now)?;
        let held = self.0.get(&id);
        // A list from a clock that ran ahead is replaced by one signed after the clock was set.
        let right = |held: &&Arc<KnownList>| held.issued_at <= now.plus(LEEWAY);
        if let Some(held) = held.filter(right).filter(|held| signed.issued_at() < held.issued_at) {
            return Err(ListUpdateError::Older { found: signed.issued_at(), held: held.issued_at });
        }
        let pushed = held.map_or(&[][..], |held| &held.pushed);
        Ok(self.replaced(id, known(uri, text, signed, pushed, now)))
    }

    /// A copy with a list from a snapshot, whose times are not checked again.
    pub(super) fn resumed(
        &self,
        id: ListId,
        uri: &str,
        text: &str,
        keys: &VerifyingKeys,
        pushed: &[(u32, Status, Timestamp)],
        confirmed_at: Timestamp,
    ) -> Result<Self, StatusListError> {
        let signed = SignedStatusList::authenticate(text, uri, keys)?;
        Ok(self.replaced(id, known(uri, text, signed, pushed, confirmed_at)))
    }

    pub(super) fn without(&self, id: ListId) -> Self {
        let mut lists = self.0.clone();
        lists.remove(&id);
        Self(lists)
    }

    /// A copy with pushed changes; `None` if the list is unknown.
    pub(super) fn pushed(
        &self,
        id: ListId,
        changes: &[(u32, Status)],
        now: Timestamp,
    ) -> Option<(Self, Pushed)> {
        let mut known = KnownList::clone(self.0.get(&id)?);
        let mut outcome = Pushed::Applied;
        for (index, status) in changes.iter().copied() {
            known.pushed.retain(|(pushed, ..)| *pushed != index);
            if status == Status::Valid {
                outcome = Pushed::FetchList;
            } else {
                known.list.set(index, status);
                known.pushed.push((index, status, now));
            }
        }
        Some((self.replaced(id, known), outcome))
    }

    fn replaced(&self, id: ListId, known: KnownList) -> Self {
        let mut lists = self.0.clone();
        lists.insert(id, Arc::new(known));
        Self(lists)
    }
}

/// A signed list with the pushed changes that may be newer than it.
///
/// A cache may have delayed the list, and its time is in whole seconds of another clock.
fn known(
    uri: &str,
    text: &str,
    signed: SignedStatusList,
    pushed: &[(u32, Status, Timestamp)],
    confirmed_at: Timestamp,
) -> KnownList {
    let (issued_at, expires_at) = (signed.issued_at(), signed.expires_at());
    let mut list = signed.into_list();
    let missing = |(index, _, at): &&(u32, Status, Timestamp)| {
        at.plus(LEEWAY) > issued_at && list.get(*index) == Some(Status::Valid)
    };
    let pushed = pushed.iter().filter(missing).copied().collect::<Vec<_>>();
    for (index, status, _) in &pushed {
        list.set(*index, *status);
    }
    let confirmed_at = ConfirmedAt::at(confirmed_at);
    KnownList { uri: uri.to_owned(), text: text.into(), issued_at, expires_at, list, pushed, confirmed_at }
}
