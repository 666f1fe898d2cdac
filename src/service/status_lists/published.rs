//! What is published at one moment, whole: a round makes a new one, so that no reader sees half of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::made_for;
use crate::clock::Timestamp;
use crate::id::{KeyId, ListId};
use crate::service::document::Document;
use crate::service::verification::issuers::Issuers;
use crate::token::{KeyRing, STATUS_LIST_TTL};

/// The lists of every external URL.
#[derive(Debug, Default)]
pub struct Published {
    /// The current URL's first.
    pub(super) places: Vec<IssuerLists>,
    pub(super) made_for: Option<(KeyId, Vec<String>)>,
    pub(super) signed_at: Option<Timestamp>,
    /// How long its lists may get: other authorities' are signed at other moments.
    pub(super) renew_after: Duration,
}

/// The lists of one external URL: tokens name them under the URL that they were minted for.
#[derive(Debug)]
pub struct IssuerLists {
    pub(super) issuer: Arc<str>,
    pub(super) lists: HashMap<ListId, Arc<SignedList>>,
    pub(super) aggregation: Document,
}

/// A list as it is served.
#[derive(Debug)]
pub struct SignedList {
    /// Its address: the `sub` in it, and what tokens name.
    pub uri: String,
    /// The signed list (`application/statuslist+jwt`).
    pub document: Document,
    /// Time of signing.
    pub signed_at: Timestamp,
}

/// The addresses of all lists (draft-ietf-oauth-status-list-21 section 9.3).
#[derive(Serialize, ToSchema)]
#[schema(as = StatusLists)]
pub struct StatusListUris<'a> {
    /// The address of each list.
    #[schema(example = json!(["https://gate.example.org/status/0198c0de-0000-7000-8000-000000000001"]))]
    pub status_lists: Vec<&'a str>,
}

impl Published {
    /// The lists of the external URL whose host (and port) is `host`; of the current one, if it is none's. `None` before the
    /// first signing.
    pub fn place(&self, host: &str) -> Option<&IssuerLists> {
        self.places.iter().find(|place| place.is_at(host)).or_else(|| self.places.first())
    }

    /// When the oldest of the lists was signed.
    pub const fn signed_at(&self) -> Option<Timestamp> {
        self.signed_at
    }

    /// How many lists there are.
    pub fn lists(&self) -> usize {
        self.places.iter().map(|place| place.lists.len()).sum()
    }

    /// Whether every list has to be signed again.
    pub(super) fn is_due(&self, ring: &KeyRing, issuers: &Issuers, now: Timestamp) -> bool {
        let aged = self.signed_at.is_none_or(|at| now.since(at) >= self.renew_after);
        aged || self.made_for.as_ref() != Some(&made_for(ring, issuers))
    }

    /// Whether there are these lists, and no others.
    pub(super) fn holds_exactly(&self, lists: &BTreeSet<ListId>) -> bool {
        let mut places = self.places.iter();
        places.all(|place| {
            place.lists.len() == lists.len() && lists.iter().all(|list| place.lists.contains_key(list))
        })
    }

    /// The list `list` of the place of `issuer`.
    pub(super) fn find(&self, issuer: &str, list: ListId) -> Option<&Arc<SignedList>> {
        self.at(issuer)?.lists.get(&list)
    }

    /// The place of `issuer`.
    pub(super) fn at(&self, issuer: &str) -> Option<&IssuerLists> {
        self.places.iter().find(|place| *place.issuer == *issuer)
    }
}

impl IssuerLists {
    /// The lists of `issuer`, none so far.
    pub(super) fn empty(issuer: Arc<str>) -> Self {
        Self { issuer, lists: HashMap::new(), aggregation: document("application/json", "") }
    }

    /// The external URL.
    pub const fn issuer(&self) -> &Arc<str> {
        &self.issuer
    }

    /// The list `list`.
    pub fn list(&self, list: ListId) -> Option<&Arc<SignedList>> {
        self.lists.get(&list)
    }

    /// The addresses of the lists.
    pub const fn aggregation(&self) -> &Document {
        &self.aggregation
    }

    /// Whether `host`, as the Host field has it (RFC 9110 section 7.2), is this URL's.
    fn is_at(&self, host: &str) -> bool {
        let own = self.issuer.split_once("://").map_or("", |(_, rest)| rest);
        own.eq_ignore_ascii_case(host.strip_suffix(":443").unwrap_or(host))
    }
}

/// A published document of this room. Caches may keep it for as long as a list's `ttl` says.
pub(super) fn document(media_type: &'static str, bytes: impl Into<Bytes>) -> Document {
    let max_age = u32::try_from(STATUS_LIST_TTL.as_secs()).unwrap_or(0);
    Document::new(media_type, max_age, bytes).compressed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_finds_its_url_and_any_other_the_current_one() {
        let empty = |issuer: &str| IssuerLists::empty(issuer.into());
        let places = vec![empty("https://new.example.org"), empty("https://old.example.org:8443")];
        let published = Published { places, ..Published::default() };
        let at = |host| published.place(host).unwrap().issuer().to_string();
        for host in ["new.example.org", "NEW.example.org:443", "", "elsewhere", "old.example.org"] {
            assert_eq!(at(host), "https://new.example.org", "{host}");
        }
        assert_eq!(at("Old.example.org:8443"), "https://old.example.org:8443");
        assert!(Published::default().place("new.example.org").is_none());
    }
}
